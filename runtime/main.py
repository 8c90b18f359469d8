"""The command line of a generated script: options in, exit code out."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack, contextmanager, suppress
from inspect import signature
from pathlib import Path
from typing import Any

from .arguments import parsed
from .common.errors import NarrowcastError
from .common.telling.aside import Aside, aside
from .common.telling.colours import headed, is_coloured
from .common.telling.early import (
    interrupts_were_caught,
    is_json_asked,
    was_interrupted,
)
from .common.telling.failures import Answer, Failure
from .common.telling.heartbeat import beating
from .common.telling.progress import (
    Account,
    Quiet,
    Terminal,
    Verbose,
    accounting,
    duration,
    printable,
)
from .common.telling.streams import check_streams, printed
from .common.telling.waiting import limit_reading
from .engines.opening import opened
from .engines.shipping import Shipping, origin
from .evaluation.sharding import Workers
from .failing import Failing
from .report.json_data import as_json
from .report.report import Report
from .report.summary import summary
from .run import Context, Options, Run
from .run.interrupts import exits_are_told
from .run.slots.supplies import Supplies


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
    path = Path(script).resolve()
    slots = Supplies(open_model, tuple(signature(convert).parameters)[1:])
    try:
        check_streams()
        options, supplied = parsed(path.name, name, path.parent, slots, arguments)
    except NarrowcastError as error:
        print(
            headed(error.error_code, str(error), is_coloured(sys.stderr)),
            file=sys.stderr,
        )
        wanted = is_json_asked(sys.argv[1:] if arguments is None else arguments)
        answer = Answer(wanted and sys.stdout is not None)
        return answer.failed(error.exit_code, Failure.of(error))
    with aside(options.verbose) as kept:
        context = Context(name, path, options, _told(options, kept), time.perf_counter)
        context.workers = _workers(options.workers, executor)
        account, began = Account(context.clock), context.clock()
        with accounting(account):
            found = _converted(context, kept, lambda run: convert(run, **supplied()))
        if options.verbose and not isinstance(found, int):
            took = duration(context.clock() - began)
            context.progress.line("took", f"{took}: {account.told}")
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
    interrupts_were_caught()
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
    answer = Answer(context.options.json)
    failing = Failing(context, kept, answer)
    context.interrupts.told = kept.descriptor
    context.interrupts.listen()
    limit_reading(context.options.timeout, kept.descriptor, answer)
    run, engines = Run(context), ExitStack()

    def left_early(what: str) -> None:
        failing.left(what)
        context.remove_candidates()

    def last_words(error: NarrowcastError) -> None:
        failing.error(error)
        context.remove_candidates()

    try:
        run.begin()
        with (
            answer.alone(kept.descriptor),
            exits_are_told(left_early, NarrowcastError.exit_code),
            beating(context.progress.goes_on, last_words=last_words),
        ):
            if context.options.on is not None:
                engine = _on(context.options, context.script)
                context.workers = engines.enter_context(engine)
            return convert(run)
    except NarrowcastError as error:
        return failing.error(error)
    except (Exception, KeyboardInterrupt) as error:
        if isinstance(error, Exception) and not was_interrupted(error):
            return failing.internal(error)
        # A second one, as a group of processes gets it, has nothing left to stop.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        return failing.interrupted()
    except BaseException as error:  # what no code of ours raises
        return failing.ended(error)
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
