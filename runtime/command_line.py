"""The command line of a generated script: options in, exit code out."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any

from .arguments import parsed
from .common.errors import NarrowcastError
from .common.files import shown, write_bytes
from .common.places import described, place_of
from .common.telling.aside import Aside, aside
from .common.telling.heartbeat import beating
from .common.telling.progress import Quiet, Terminal, Verbose, printable
from .common.telling.spec_lines import located
from .common.telling.streams import STDOUT, check_streams, flushed, printed
from .common.telling.waiting import limit_reading
from .engines.opening import opened
from .engines.shipping import Shipping, origin
from .evaluation.sharding import Workers
from .record.recorded import Recorded
from .report.json_data import as_json
from .report.report import Report
from .report.summary import summary
from .run import Context, Options, Run
from .run.interrupts import exits_are_told
from .run.slots.supplies import Supplies

INTERNAL = 4
INTERRUPTED = 130


def command_line(
    script: str,
    name: str,
    convert: Callable[..., Report],
    arguments: Sequence[str] | None = None,
    executor: Executor | None = None,
    *,
    open_model: Callable[[str], Any] | None = None,
) -> int:
    """Run a script's `convert` and return the exit code.

    What `convert` takes beside the run is supplied: `model` by --model, `data` by
    --data, `metric` by --metric.

    0 done · 1 criterion not met · 2 bad model, data or plan · 3 requirement not met ·
    4 internal error · 130 interrupted.

    Args:
        script: The script's `__file__`.
        name: The model's name, which names the plan.
        convert: The script's steps.
        arguments: In place of sys.argv[1:].
        executor: Evaluates in its workers, as many as --workers says; without one,
            that many processes of this machine do.
        open_model: Opens what --model names, where the script names no model.
    """
    try:
        check_streams()
    except NarrowcastError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    path = Path(script).resolve()
    slots = Supplies(open_model, tuple(signature(convert).parameters)[1:])
    options, supplied = parsed(path.name, name, path.parent, slots, arguments)
    with aside(options.verbose) as kept:
        context = Context(name, path, options, _told(options, kept), time.perf_counter)
        context.workers = _workers(options.workers, executor)
        found = _converted(context, kept, lambda run: convert(run, **supplied()))
    if isinstance(found, int):
        return _without_threads(printed("", found), path)
    if options.json:
        text = json.dumps(as_json(found), indent=2, allow_nan=False)
    else:
        text = printable(summary(found))
    return _without_threads(printed(text, found.exit_code), path)


def _without_threads(code: int, script: Path) -> int:
    """The exit code; the end of the process where threads of the user's would keep it.

    Only where the script is the whole program, which ends now.
    """
    main = getattr(sys.modules["__main__"], "__file__", None)
    others = [each for each in threading.enumerate() if not each.daemon]
    if main is None or Path(main).resolve() != script or len(others) < 2:
        return code
    with suppress(OSError, ValueError, AttributeError):  # closed, or full
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _converted(
    context: Context, kept: Aside, convert: Callable[[Run], Report]
) -> Report | int:
    """What was converted, or the exit code of what was said instead."""
    say, options = partial(_say, kept), context.options
    context.interrupts.told = kept.descriptor
    context.interrupts.listen()
    limit_reading(options.timeout, kept.descriptor)
    run, engines = Run(context), ExitStack()
    left_early = partial(_left_early, context, say)

    def last_words(error: NarrowcastError) -> None:
        say(f"error: {located(str(error), context.script)}")
        context.remove_candidates()

    try:
        run.begin()
        with (
            _stdout_for_json(kept) if options.json else nullcontext(),
            exits_are_told(left_early, NarrowcastError.exit_code),
            beating(context.progress.goes_on, last_words=last_words),
        ):
            if options.on is not None:
                context.workers = engines.enter_context(_on(options, context.script))
            return convert(run)
    except NarrowcastError as error:
        say(f"error: {located(str(error), context.script)}")
        return error.exit_code
    except KeyboardInterrupt:
        # A second one, as a group of processes gets it, has nothing left to stop.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        done = "interrupted before the conversion was done: no plan was written"
        _say_alone(kept, f"{done}{_left(context)}")
        return INTERRUPTED
    except Exception as error:
        say(_internal(error, context.name, options.output))
        return INTERNAL
    except BaseException as error:  # what no code of ours raises
        say(
            "error: the model's, the data's or the metric's own code ended the run"
            f"{place_of(error)}: {described(error)}"
        )
        return NarrowcastError.exit_code
    finally:
        context.discard()
        engines.close()


def _told(options: Options, kept: Aside) -> Terminal:
    """Who says what is going on."""
    if options.quiet:
        return Quiet(kept.stream)
    return Verbose(kept.stream) if options.verbose else Terminal(kept.stream)


def _workers(count: int | None, executor: Executor | None) -> Workers | None:
    """An executor doesn't say how many workers it has: one for each CPU is a guess."""
    if executor is not None:
        return Workers(count or os.cpu_count() or 1, executor)
    return Workers(count) if count and count > 1 else None


@contextmanager
def _on(options: Options, script: Path) -> Iterator[Workers]:
    """An engine's workers, which is let go of in the end."""
    engine = opened(options.on or "")
    try:
        yield Workers(
            options.workers or engine.workers, Shipping(engine, origin(script))
        )
    finally:
        engine.shutdown(cancel_futures=True)


@contextmanager
def _stdout_for_json(kept: Aside) -> Iterator[None]:
    """Let what the user's code and its child processes print go to standard error."""
    flushed(sys.stdout)
    stdout = os.dup(STDOUT)
    os.dup2(kept.descriptor, STDOUT)
    try:
        yield
    finally:
        flushed(sys.stdout)
        os.dup2(stdout, STDOUT)
        os.close(stdout)


def _left(context: Context) -> str:
    """What can still be made of an interrupted run."""
    history, passed = context.history, context.passed
    if not isinstance(history, Recorded) or not history.size:
        return ""
    text = f"\n  --resume goes on where {shown(history.path)} ends."
    if passed is not None:
        text += f"\n  trial {passed} had passed: --trial {passed} delivers it."
    return text


def _left_early(context: Context, say: Callable[[str], None], what: str) -> None:
    """What a process that ends at once must still do."""
    say(f"error: {what} before the conversion was done: no plan was written")
    context.remove_candidates()


def _internal(error: Exception, name: str, output: Path) -> str:
    details = "".join(traceback.format_exception(error))
    what = f"{type(error).__name__}: {error}".splitlines()[0].rstrip(": ")
    where = "No log could be written."
    for folder in (output, Path(tempfile.gettempdir())):
        with suppress(NarrowcastError):
            log = write_bytes(
                folder / f"{name}.error.log", details.encode(errors="backslashreplace")
            )
            where = f"Details are in {shown(log)}."
            break
    return f"internal error: {what}\n  {where}"


def _say(kept: Aside, text: str) -> None:
    """Why a run failed, after what the framework wrote before."""
    last = kept.last()
    if last:
        _say_alone(kept, f"what was written to standard error meanwhile:\n{last}")
    _say_alone(kept, text)


def _say_alone(kept: Aside, text: str) -> None:
    clear = "\r\x1b[2K" if kept.stream.isatty() else ""
    print(f"{clear}{printable(text)}", file=kept.stream, flush=True)
