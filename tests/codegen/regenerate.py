"""Write what the command line now makes of every case in tests/cases.

Run `python tests/codegen/regenerate.py`, then read the difference.
"""

import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

CASES = Path(__file__).parents[1] / "cases"
GENERATE = (sys.executable, "-m", "narrowcast", "generate", "spec.yaml")


def produced(case: Path) -> tuple[int, dict[str, str]]:
    """The exit code, and the text of each file that `case` should hold as expected."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(case / "spec.yaml", folder)
        done = subprocess.run(
            GENERATE, cwd=folder, capture_output=True, text=True, encoding="utf-8"
        )
        scripts = [path for path in folder.iterdir() if path.name != "spec.yaml"]
        files = {f"expected/{path.name}": path.read_text("utf-8") for path in scripts}
    if done.stderr:
        files["stderr.txt"] = done.stderr
    return done.returncode, files


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
