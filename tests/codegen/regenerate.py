"""Write what the command line now makes of every case in tests/cases.

Run `python tests/codegen/regenerate.py`, then read the difference.
"""

import contextlib
import io
import runpy
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

CASES = Path(__file__).parents[1] / "cases"


def produced(case: Path) -> tuple[int, dict[str, str]]:
    """The exit code, and the text of each file that `case` should hold as expected."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(case / "spec.yaml", folder)
        code, said = generate(folder)
        scripts = [path for path in folder.iterdir() if path.name != "spec.yaml"]
        files = {f"expected/{path.name}": path.read_text("utf-8") for path in scripts}
    if said:
        files["stderr.txt"] = said
    return code, files


def generate(folder: Path) -> tuple[int, str]:
    """The exit code and standard error of `python -m narrowcast generate spec.yaml`.

    All in this process: starting one costs more than the compiler does.
    """
    said = io.StringIO()
    with (
        called("narrowcast", "generate", "spec.yaml"),
        contextlib.chdir(folder),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(said),
    ):
        try:
            runpy.run_module("narrowcast", run_name="__main__")
        except SystemExit as end:
            return int(end.code or 0), said.getvalue()
    return 0, said.getvalue()


@contextlib.contextmanager
def called(*arguments: str) -> Iterator[None]:
    """As if these were the words on the command line."""
    before, sys.argv = sys.argv, [*arguments]
    try:
        yield
    finally:
        sys.argv = before


def main() -> None:
    for case in sorted(CASES.iterdir()):
        shutil.rmtree(case / "expected", ignore_errors=True)
        (case / "stderr.txt").unlink(missing_ok=True)
        code, files = produced(case)
        for name, text in files.items():
            path = case / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, "utf-8", newline="\n")
        print(f"{code} {case.name}: {', '.join(files)}")


if __name__ == "__main__":
    main()
