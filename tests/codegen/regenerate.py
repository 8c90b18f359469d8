"""Write what the command line now makes of every case in tests/cases.

Run `python tests/codegen/regenerate.py`, then read the difference.
"""

import shutil
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

from typer.testing import CliRunner

from narrowcast.cli import app

CASES = Path(__file__).parents[1] / "cases"


def produced(case: Path) -> tuple[int, dict[str, str]]:
    """The exit code, and the text of each file that `case` should hold as expected."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(case / "spec.yaml", folder)
        with chdir(folder):
            done = CliRunner().invoke(
                app, ["generate", "spec.yaml"], catch_exceptions=False
            )
        scripts = [path for path in folder.iterdir() if path.name != "spec.yaml"]
        files = {f"expected/{path.name}": path.read_text("utf-8") for path in scripts}
    if done.stderr:
        files["stderr.txt"] = done.stderr
    return done.exit_code, files


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
