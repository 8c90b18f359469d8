"""What `--on` names, and how a script's calls reach workers that never ran it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from narrowcast.runtime.common.errors import RequirementError, UsageError
from narrowcast.runtime.engines.opening import check_engine, opened
from narrowcast.runtime.engines.shipping import Origin, called

SCRIPT = """\
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import cache
from pathlib import Path

from narrowcast.runtime.common.processes.main_module import main_runs_once
from narrowcast.runtime.engines.shipping import Shipping, origin

HERE = Path(__file__).resolve()
ran = []


@cache
def table() -> dict[str, int]:
    return {"two": 2}


def work(read, word: str) -> tuple[str, int, str]:
    import theirs

    ran.append(word)
    return theirs.SAYS, read()[word] * len(ran), __name__


if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context) as pool:
        with main_runs_once():
            pool.submit(len, "").result()  # it starts without the main module
        first = origin(HERE)
        for word in ("mine", "edited"):
            (HERE.parent / "theirs.py").write_text(f"SAYS = {word!r}")
            carrier = Shipping(pool, replace(first, run=word))
            print(carrier.submit(work, table, "two").result())
            print(carrier.submit(work, table, "two").result())
        lost = replace(first, script=HERE.with_name("lost.py"), run="lost")
        print(Shipping(pool, lost).submit(work, table, "two").result())
        other = replace(first, sha256="0", run="other")
        print(Shipping(pool, other).submit(work, table, "two").result())
"""


def test_a_script_is_imported_once_a_run_and_its_modules_anew(tmp_path: Path) -> None:
    """Not its `__main__`, which a worker has not; what was edited is what runs."""
    script = tmp_path / "convert_net.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "-B", str(script)], capture_output=True, text=True
    )
    said = done.stdout.splitlines()
    assert said[:4] == [
        "('mine', 2, 'narrowcast_script')",
        "('mine', 4, 'narrowcast_script')",
        "('edited', 2, 'narrowcast_script')",
        "('edited', 4, 'narrowcast_script')",
    ], done.stderr
    assert f"does not see {tmp_path / 'lost.py'}" in said[4]
    assert "put it on a shared file system" in said[5]
    assert f"has another {script}" in said[6]


@pytest.mark.parametrize("on", ["dask://host:8786", "dask://[::1]:1", "ray"])
def test_engines_have_names(on: str) -> None:
    assert check_engine(on) == on


@pytest.mark.parametrize(
    "on",
    ["", "dask", "dask://host", "dask:host:1", "ray:1", "tcp://h:1", "dask://h:1;"],
)
def test_what_is_no_engine_is_told(on: str) -> None:
    with pytest.raises(UsageError, match="Write dask://HOST:PORT, ray or ray://"):
        opened(on)


@pytest.mark.parametrize(
    ("on", "package"),
    [("dask://host:1", "distributed"), ("ray", "ray"), ("ray://host:1", "ray")],
)
def test_a_missing_package_is_a_requirement(
    on: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(RequirementError, match=f"(?s)--on {on}.* needs .*pip install"):
        opened(on)


def test_what_keeps_a_call_from_being_made_is_returned(tmp_path: Path) -> None:
    found = called(Origin(tmp_path / "none.py", "", ()), b"")
    assert isinstance(found, UsageError)
