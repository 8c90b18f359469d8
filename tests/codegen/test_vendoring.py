"""`narrowcast generate --vendor`: what is copied, compared, shared, refused."""

import ast
import errno
import fcntl
import json
import os
import runpy
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from typer.testing import CliRunner, Result
from vendored import Elsewhere

from narrowcast import __version__
from narrowcast.cli import app
from narrowcast.codegen import compile_script, default_name, render
from narrowcast.codegen.vendoring.beside import is_vendored
from narrowcast.codegen.vendoring.closure import identity
from narrowcast.codegen.vendoring.contents import HEAD
from narrowcast.codegen.vendoring.runtime import copied
from narrowcast.codegen.writing import output
from narrowcast.runtime import fitting
from narrowcast.spec import load

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CASES = ROOT / "tests" / "cases"
RUNTIME = ROOT / "runtime"
COPY = "_narrowcast_runtime"
OF_FRAMEWORKS = {
    "pytorch": "supplied_pytorch",
    "tensorflow": "tensorflow_smallest",
    "mxnet": "mxnet_symbol",
    "onnx": "onnx_onnxruntime",
}
"""Adapter → a case."""

NAMED_OTHERWISE = {"google": "protobuf", "onnx_ir": "onnx-ir", "ml_dtypes": "ml-dtypes"}

tool = runpy.run_path(str(HERE / "test_cases.py"))["tool"]


def generate(folder: Path, *options: str, spec: str = "spec.yaml") -> Result:
    with chdir(folder):
        result = CliRunner().invoke(app, ["generate", spec, *options])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def script_in(folder: Path) -> Path:
    (found,) = folder.glob("*.py")
    return found


def put(case: str, folder: Path, spec: str = "spec.yaml") -> None:
    folder.mkdir(exist_ok=True)
    shutil.copy(CASES / case / "spec.yaml", folder / spec)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a script that has its copy."""
    put("mxnet_symbol", tmp_path / "project")
    assert generate(tmp_path / "project", "--vendor").exit_code == 0
    return tmp_path / "project"


# What is copied


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Adapter → a folder with a script that has its copy."""
    found = {}
    for adapter, case in OF_FRAMEWORKS.items():
        found[adapter] = tmp_path_factory.mktemp(adapter)
        put(case, found[adapter])
        assert generate(found[adapter], "--vendor").exit_code == 0
    return found


@pytest.fixture(params=OF_FRAMEWORKS)
def adapter(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def modules(folder: Path) -> dict[str, str]:
    copy = folder / COPY
    return {
        path.relative_to(copy).as_posix(): path.read_text("utf-8")
        for path in copy.rglob("*.py")
    }


def adapters(folder: Path) -> set[str]:
    return {path.parent.name for path in folder.glob(f"{COPY}/frameworks/*/ir")}


def test_a_copy_has_one_adapter(copies: dict[str, Path], adapter: str) -> None:
    assert adapters(copies[adapter]) == {adapter}
    assert not (copies[adapter] / COPY / "doctor").exists()


def test_a_module_is_the_runtimes_own_after_its_head(
    copies: dict[str, Path], adapter: str
) -> None:
    for name, text in modules(copies[adapter]).items():
        own = (RUNTIME / name).read_text("utf-8")
        if name == "common/version.py":
            own = own.replace('COPY_OF = ""', f'COPY_OF = "{identity()}"')
        assert text == HEAD + own, name


@pytest.mark.few(1)
def test_what_a_copy_imports_of_itself_is_in_it(
    copies: dict[str, Path], adapter: str
) -> None:
    held = modules(copies[adapter])
    for name, text in held.items():
        package = Path(name).parent
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and node.level:
                above = Path(*package.parts[: len(package.parts) - node.level + 1])
                path = above.joinpath(*(node.module or "").split("."))
                each = path.as_posix()
                assert f"{each}.py" in held or (path / "__init__.py").as_posix() in held


ENGINES = {"distributed", "ray"}
"""What --on alone imports."""


@pytest.mark.few(1)
def test_a_script_names_what_its_copy_imports(
    copies: dict[str, Path], adapter: str
) -> None:
    """And not narrowcast, nor what nothing in it imports."""
    text = script_in(copies[adapter]).read_text("utf-8")
    block = text[: text.index("# ///\n")]
    lines = [line for line in block.splitlines() if line.startswith('#     "')]
    named = {Requirement(line.strip('# ,"')).name for line in lines}
    imported = {
        top
        for each in modules(copies[adapter]).values()
        for top in tops(ast.parse(each))
        if top not in sys.stdlib_module_names
    }
    wanted = {NAMED_OTHERWISE.get(top, top) for top in imported - ENGINES}
    assert wanted <= named
    assert named - wanted <= {"mxnet", "tensorflow", "onnxruntime"}
    assert "narrowcast" not in named


def tops(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield (node.module or "").partition(".")[0]


def test_the_page_says_what_it_is_and_how_it_is_refreshed(folder: Path) -> None:
    page = (folder / COPY / "README.md").read_text("utf-8")
    for said in (__version__, identity(), "Apache-2.0", "generate SPEC --vendor"):
        assert said in page
    licence = (ROOT / "LICENSE").read_bytes()
    assert (folder / COPY / "LICENSE").read_bytes() == licence


@pytest.mark.nightly
def test_the_same_bytes_in_any_process(folder: Path) -> None:
    for seed in ("1", "2"):
        command = ["-m", "narrowcast", "generate", "spec.yaml", "--vendor", "--check"]
        environ = os.environ | {
            "PYTHONHASHSEED": seed,
            "LC_ALL": "C",
            "TZ": "Asia/Tokyo",
        }
        subprocess.run([sys.executable, *command], cwd=folder, env=environ, check=True)


# The script


def text_of(case: Path) -> str:
    """The case's script with a copy, which is not made."""
    spec, file = load(case / "spec.yaml"), case / "spec.yaml"
    script = case / default_name(spec)
    return render(compile_script(spec, file, script, copied(identity())))


@pytest.fixture(scope="module")
def texts() -> dict[Path, str]:
    """The script of each case → with a copy."""
    usual = sorted(CASES.glob("*/expected/*.py"))
    return {each: text_of(each.parents[1]) for each in usual}


def comparable(text: str) -> str:
    """What a script does, whichever its runtime is, if it is there."""
    tree = ast.parse(text.replace(f"{COPY}", "narrowcast.runtime"))
    (first,) = (node for node in tree.body if isinstance(node, ast.Try))
    assert [type(each) for each in first.body] == [ast.ImportFrom]
    tree.body[tree.body.index(first)] = first.body[0]
    kept = [node for node in tree.body if "sys.path" not in ast.unparse(node)]
    text = ast.unparse(ast.Module(kept, []))
    text = text.replace(f", '{identity()}'", "")
    return "\n".join(sorted(text.replace("from pathlib import Path\n", "").split("\n")))


@pytest.mark.few(1)
def test_a_script_differs_in_its_imports_alone(texts: dict[Path, str]) -> None:
    for usual, text in texts.items():
        assert is_vendored(text) and not is_vendored(usual.read_text("utf-8"))
        assert comparable(text) == comparable(usual.read_text("utf-8")), usual


@pytest.mark.nightly
def test_linters_and_formatters_have_nothing_to_say(
    texts: dict[Path, str], tmp_path: Path
) -> None:
    for usual, text in texts.items():
        (tmp_path / usual.name).write_text(text.replace("# fmt: off\n", ""), "utf-8")
    rules = ("--select", "E,F,W,I,B,UP,SIM,RUF,C4,PIE,RET", "--ignore", "E501")
    tool("ruff", "check", "--isolated", "--no-cache", *rules, tmp_path)
    tool("ruff", "format", "--isolated", "--no-cache", "--diff", tmp_path)
    tool("black", "--config", os.devnull, "--check", "--diff", tmp_path)


@pytest.mark.nightly
def test_linters_leave_the_copy_alone(folder: Path) -> None:
    every = ("--select", "ALL", "--ignore", "PGH004")  # which is about noqa itself
    tool("ruff", "check", "--isolated", "--no-cache", *every, folder / COPY)
    tool(
        "ruff", "format", "--isolated", "--no-cache", "--line-length=60", folder / COPY
    )
    tool("black", "-q", "--config", os.devnull, "-l", "60", folder / COPY)
    assert generate(folder, "--check").exit_code == 0


@pytest.mark.nightly
def test_mypy_is_content(tmp_path: Path) -> None:
    """Of a script whose framework needs no import of its own; it reads the copy."""
    put("onnx_any", tmp_path)
    assert generate(tmp_path, "--vendor").exit_code == 0
    script = script_in(tmp_path)
    options = ("--strict", "--config-file=", f"--cache-dir={os.devnull}")
    tool("mypy", *options, script.name, cwd=script.parent, MYPYPATH="")


def test_it_runs_where_there_is_no_narrowcast(folder: Path, tmp_path: Path) -> None:
    elsewhere = Elsewhere.make(tmp_path / "elsewhere")
    script = str(script_in(folder))
    assert "usage: " in elsewhere.python(script, "--help").stdout
    done = elsewhere.python(script)
    assert done.returncode == 3
    assert "MXNet 1.9 or later is not installed." in done.stderr
    assert "see `dependencies` in the script's first lines" in done.stderr
    assert generate(folder, "--check").exit_code == 0


def test_run_makes_the_copy_too(tmp_path: Path) -> None:
    put("onnx_any", tmp_path)
    command = [sys.executable, "-m", "narrowcast", "run", "spec.yaml", "--vendor"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 3  # there is no ONNX in this environment
    assert "see `dependencies` in the script's first lines" in done.stderr
    assert generate(tmp_path, "--vendor", "--check").exit_code == 0


# --check, --diff, and what is there already


def test_generating_again_touches_nothing(folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    result = generate(folder, "--vendor")
    assert result.stdout == f"unchanged: {script_in(folder).name}\n"
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_a_script_keeps_its_copy_until_that_is_said_otherwise(folder: Path) -> None:
    script = script_in(folder)
    assert generate(folder).stdout == f"unchanged: {script.name}\n"
    assert generate(folder, "--no-vendor").exit_code == 0
    assert "narrowcast.runtime" in script.read_text("utf-8")
    assert generate(folder, "--check").exit_code == 0
    assert generate(folder, "--check", "--vendor").exit_code == 1


@pytest.mark.few(1)
@pytest.mark.parametrize("how", ["changed", "missing", "extra", "gone"])
def test_check_and_diff_see_the_copy(folder: Path, how: str) -> None:
    path = folder / COPY / "fitting.py"
    if how == "changed":
        path.write_text(path.read_text("utf-8").replace("return", "return "))
    elif how == "missing":
        path.unlink()
    elif how == "extra":
        shutil.copy(path, folder / COPY / "common/stale.py")
    else:
        shutil.rmtree(folder / COPY)
    before = {each: each.stat().st_mtime_ns for each in folder.rglob("*")}
    check, diff = generate(folder, "--check"), generate(folder, "--diff")
    assert (check.exit_code, diff.exit_code) == (1, 1)
    assert (
        "with its copy of the runtime, is not what spec.yaml generates" in check.stderr
    )
    said = {
        "changed": f"+++ {COPY}/fitting.py (generated)",
        "missing": f"Missing: {COPY}/fitting.py",
        "extra": f"Of no use: {COPY}/common/stale.py",
        "gone": f"Missing: {COPY}/README.md",
    }
    assert said[how] in diff.stdout
    assert {each: each.stat().st_mtime_ns for each in folder.rglob("*")} == before
    assert generate(folder).stdout.endswith(f"wrote {COPY}\n")
    assert generate(folder, "--check").exit_code == 0
    assert {each.name for each in folder.iterdir()} == {
        "spec.yaml",
        COPY,
        script_in(folder).name,
    }


def test_what_python_caches_is_no_difference(folder: Path) -> None:
    cached = folder / COPY / "common/__pycache__"
    cached.mkdir()
    (cached / "errors.cpython-311.pyc").write_bytes(b"")
    (cached / "errors.cpython-311.pyc.140245").write_bytes(b"")  # killed meanwhile
    assert generate(folder, "--check").exit_code == 0


@pytest.mark.parametrize("name", ["notes.txt", "deeper/a.pyc", "link.pyc"])
def test_what_python_does_not_cache_is_somebody_elses(folder: Path, name: str) -> None:
    path = folder / COPY / "__pycache__" / name
    path.parent.mkdir(parents=True)
    if name == "link.pyc":
        path.symlink_to(folder / "spec.yaml")
    else:
        path.write_text("mine")
    (folder / COPY / "fitting.py").unlink()
    assert generate(folder, "--check").exit_code == 1
    result = generate(folder)
    assert result.exit_code == 2
    assert "error[NC903]" in result.stderr and path.name in result.stderr
    assert path.exists()


@pytest.mark.parametrize("kind", ["text", "link", "pipe", "module"])
@pytest.mark.parametrize("force", [(), ("--force",)])
def test_a_file_of_somebody_elses_stays(
    folder: Path, kind: str, force: tuple[str, ...]
) -> None:
    path = folder / COPY / ("notes.txt" if kind == "text" else "fitting.py")
    path.unlink(missing_ok=True)
    if kind == "link":
        path.symlink_to(folder / "spec.yaml")
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.write_text("import mine\n")
    before = path.lstat().st_ino
    result = generate(folder, *force)
    assert result.exit_code == 2
    assert path.lstat().st_ino == before
    assert path.name in result.stderr


def test_where_the_script_is_refused_nothing_is_copied(tmp_path: Path) -> None:
    put("onnx_any", tmp_path)
    (tmp_path / "mine.py").write_text("import mine\n")
    assert generate(tmp_path, "--vendor", "-o", "mine.py").exit_code == 2
    assert {each.name for each in tmp_path.iterdir()} == {"mine.py", "spec.yaml"}


def test_where_the_copy_is_refused_no_script_is_written(tmp_path: Path) -> None:
    put("onnx_any", tmp_path)
    (tmp_path / COPY).mkdir()
    (tmp_path / COPY / "mine.py").write_text("import mine\n")
    assert generate(tmp_path, "--vendor").exit_code == 2
    assert {each.name for each in tmp_path.iterdir()} == {COPY, "spec.yaml"}


def test_other_files_beside_it_are_not_read(folder: Path) -> None:
    (folder / "latin.py").write_bytes(b"# caf\xe9\n")
    os.mkfifo(folder / "pipe.py")
    (folder / "gone.py").symlink_to("nowhere")
    assert generate(folder, "--check").exit_code == 0


def test_a_file_in_the_folders_place_stays(folder: Path) -> None:
    shutil.rmtree(folder / COPY)
    (folder / COPY).write_text("mine")
    result = generate(folder)
    assert result.exit_code == 2
    assert "is no folder" in result.stderr
    assert (folder / COPY).read_text() == "mine"


def test_a_link_to_the_copy_stays_one(folder: Path, tmp_path: Path) -> None:
    (folder / COPY).rename(tmp_path / "shared")
    (folder / COPY).symlink_to(tmp_path / "shared")
    (tmp_path / "shared/fitting.py").unlink()
    assert generate(folder).exit_code == 0
    assert (folder / COPY).is_symlink()
    assert (tmp_path / "shared/fitting.py").exists()


# What fails half-way, or was killed


def everything(folder: Path) -> dict[str, bytes]:
    """Path → content, of files."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def age(folder: Path) -> None:
    """Make script and copy of another runtime, which both are to be replaced."""
    for path in (script_in(folder), folder / COPY / "common/version.py"):
        text = path.read_text("utf-8").replace(identity(), "0123456789abcdef")
        path.write_text(text, "utf-8")


FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.few(1)
@pytest.mark.parametrize("what", ["copy", "script", "interrupted"])
@pytest.mark.parametrize("vendored", [True, False])
def test_where_script_or_copy_fails_both_are_what_they_were(
    folder: Path, what: str, vendored: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if vendored:
        age(folder)
    else:
        assert generate(folder, "--no-vendor").exit_code == 0
        shutil.rmtree(folder / COPY)
    before, write = everything(folder), Path.write_text

    def full(path: Path, *args: Any, **options: Any) -> int:
        if path.name == "fitting.py":
            raise FULL
        return write(path, *args, **options)

    def fail(*_: object) -> None:
        raise KeyboardInterrupt if what == "interrupted" else FULL

    if what == "copy":
        monkeypatch.setattr(Path, "write_text", full)
    else:
        monkeypatch.setattr(output, "_replace", fail)
    with chdir(folder):
        result = CliRunner().invoke(app, ["generate", "spec.yaml", "--vendor"])
    assert result.exit_code == (130 if what == "interrupted" else 2)
    assert ("error[NC901]: can't write" in result.stderr) == (what != "interrupted")
    assert everything(folder) == before
    assert all(each.name[0] != "." for each in folder.iterdir())
    monkeypatch.undo()
    assert generate(folder, "--vendor").exit_code == 0
    assert generate(folder, "--check", "--vendor").exit_code == 0


@pytest.mark.parametrize("name", [COPY, f"{COPY}/common", "."])
@pytest.mark.parametrize("options", [(), ("--check",), ("--diff",)])
def test_a_folder_that_cannot_be_read_is_not_an_empty_one(
    folder: Path, name: str, options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    before, closed = everything(folder), (folder / name).resolve()

    def refusing(function: Any) -> Any:
        def refuse(path: Any = ".") -> Any:
            if Path(path).resolve() == closed:
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            return function(path)

        return refuse

    monkeypatch.setattr(os, "scandir", refusing(os.scandir))
    monkeypatch.setattr(os, "listdir", refusing(os.listdir))
    result = generate(folder, *options)
    monkeypatch.undo()
    assert result.exit_code == 2
    assert "error[NC901]: can't read" in result.stderr
    assert everything(folder) == before


def killed(folder: Path, how: str) -> Path:
    """A folder as a process that was killed left it."""
    left = folder / f".{COPY}.0123abcd"
    copy = folder / COPY
    if how == "within":
        shutil.copytree(copy, left)
        (left / "fitting.py").write_text(HEAD[:10])
        (left / "LICENSE").write_text("")
    elif how == "between":
        shutil.copytree(copy, left)
        left = copy.rename(left.with_name(f"{left.name}.old"))
    else:
        left = Path(shutil.copytree(copy, left.with_name(f"{left.name}.old")))
    return left


@pytest.mark.parametrize("how", ["within", "between", "after"])
def test_what_a_killed_one_left_is_repaired(folder: Path, how: str) -> None:
    before = everything(folder)
    left = killed(folder, how)
    assert generate(folder, "--check").exit_code == (1 if how == "between" else 0)
    assert left.exists()
    assert generate(folder).stdout == f"unchanged: {script_in(folder).name}\n"
    assert everything(folder) == before


def test_it_is_repaired_where_nothing_new_can_be_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    age(folder)
    before = everything(folder)
    killed(folder, "between")

    def fail(*_: object, **__: object) -> int:
        raise FULL

    monkeypatch.setattr(Path, "write_text", fail)
    assert generate(folder).exit_code == 2
    assert everything(folder) == before


@pytest.mark.parametrize("whose", ["mine", "used", "link"])
def test_what_nobody_left_stays(folder: Path, whose: str) -> None:
    left = killed(folder, "within")
    if whose == "mine":
        (left / "notes.txt").write_text("mine")
    elif whose == "link":
        left.rename(folder / "else")
        left.symlink_to("else")
    handle = os.open(left, os.O_RDONLY)
    if whose == "used":
        fcntl.flock(handle, fcntl.LOCK_EX)
    before = everything(folder)
    assert generate(folder).exit_code == 0
    assert cleaned(folder) == "nothing to clean\n"
    os.close(handle)
    assert everything(folder) == before
    assert os.path.lexists(left)


def cleaned(folder: Path, *options: str) -> str:
    result = CliRunner().invoke(app, ["clean", str(folder), *options])
    assert result.exit_code == 0
    return result.stdout


def test_clean_removes_it_too(folder: Path) -> None:
    before = everything(folder)
    left = killed(folder, "within")
    assert cleaned(folder, "-n") == f"would remove {left}\n" and left.exists()
    assert cleaned(folder) == f"removed {left}\n"
    assert everything(folder) == before
    left, new = killed(folder, "between"), folder / f".{COPY}.0123abcd"
    assert cleaned(folder) == f"removed {new}\n"  # the one copy that was stays
    assert generate(folder).exit_code == 0
    assert everything(folder) == before and not left.exists()


def test_modes_are_kept(folder: Path) -> None:
    copy = folder / COPY
    modes = {copy: 0o2775, copy / "common": 0o2555, copy / "fitting.py": 0o640}
    for path, mode in modes.items():
        path.chmod(mode)
    shutil.rmtree(copy / "record")
    assert generate(folder).stdout.endswith(f"wrote {COPY}\n")
    modes[copy / "record"] = 0o2775
    assert {path: stat.S_IMODE(path.stat().st_mode) for path in modes} == modes
    assert {each.name[0] for each in folder.iterdir()} == {"s", "c", "_"}


# Several scripts


def test_scripts_beside_each_other_share_a_copy(folder: Path) -> None:
    put("onnx_any", folder, "other.yaml")
    assert generate(folder, "--vendor", spec="other.yaml").exit_code == 0
    assert adapters(folder) == {"mxnet", "onnx"}
    for spec in ("spec.yaml", "other.yaml"):
        assert generate(folder, "--check", spec=spec).exit_code == 0
    (folder / "convert_portable.py").unlink()
    assert generate(folder, "--check").exit_code == 1
    assert generate(folder).exit_code == 0
    assert adapters(folder) == {"mxnet"}


def test_one_that_needs_another_copy_is_named(folder: Path) -> None:
    put("onnx_any", folder, "other.yaml")
    assert "another copy" not in generate(folder, "--vendor", spec="other.yaml").stderr
    script = folder / "convert_portable.py"
    text = script.read_text("utf-8")
    script.write_text(text.replace(identity(), "0123456789abcdef"), "utf-8")
    result = generate(folder)
    assert "note: convert_portable.py needs another copy" in result.stderr
    script.write_text(text + "\n)", "utf-8")
    result = generate(folder)
    assert result.exit_code == 2
    assert "convert_portable.py, which shares the copy, can't be read" in result.stderr


# Refusals


@pytest.mark.parametrize(
    ("version", "copy_of", "here", "said"),
    [
        ("0.1.0", "", ("0.1.0", ""), ""),
        ("0.1.0", "", ("0.1.7", ""), ""),
        ("0.1.0", "", ("0.1.1rc2", ""), ""),
        ("0.1.2", "", ("0.1.1", ""), "Upgrade it: pip install 'narrowcast~=0.1.2'"),
        ("0.2.0", "", ("0.1.9", ""), "Upgrade it"),
        ("0.1.9", "", ("0.2.0", ""), "Generate it again"),
        ("1.0.0", "", ("0.9.0", ""), "Upgrade it"),
        ("0.1.0", "aa", ("0.1.0", "aa"), ""),
        ("0.1.0", "aa", ("0.1.0", "bb"), "narrowcast generate SPEC --vendor"),
        ("0.1.0", "", ("0.1.0", "bb"), "narrowcast generate SPEC --vendor"),
        ("0.1.0", "aa", ("0.1.0", ""), "narrowcast generate SPEC --vendor"),
    ],
)
def test_a_script_and_a_runtime_that_do_not_fit_refuse_each_other(
    version: str,
    copy_of: str,
    here: tuple[str, str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(fitting, "VERSION", here[0])
    monkeypatch.setattr(fitting, "COPY_OF", here[1])
    assert fitting.fits(version, copy_of) == (not said)
    error = capsys.readouterr().err
    assert said in error
    assert bool(error) == bool(said)


def test_another_copy_of_the_same_version_is_called_another(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fitting, "COPY_OF", "bb")
    assert not fitting.fits(fitting.VERSION, "aa")
    same = capsys.readouterr().err
    assert f"both are of {fitting.VERSION}, and the runtime was changed" in same
    assert not fitting.fits("0.0.1", "aa")
    error = capsys.readouterr().err
    assert f"the script is 0.0.1's, the copy {fitting.VERSION}'s" in error


def test_a_script_of_another_release_is_refused_before_its_imports(
    tmp_path: Path,
) -> None:
    put("onnx_any", tmp_path)
    assert generate(tmp_path).exit_code == 0
    script = script_in(tmp_path)
    text = script.read_text("utf-8").replace(f'fits("{__version__}")', 'fits("99.0.0")')
    text = text.replace("    Budget,\n", "").replace("Pins, ", "Pins, Gone, ")
    script.write_text(text.replace("    Pins,\n", "    Gone,\n    Pins,\n"), "utf-8")
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 3, done.stderr
    assert "generated by narrowcast 99.0.0" in done.stderr
    assert "error[NC704]" in done.stderr and "Upgrade it" in done.stderr
    assert not done.stdout
    told = subprocess.run(
        [sys.executable, script, "--json"], capture_output=True, text=True, cwd=tmp_path
    )
    (said,) = json.loads(told.stdout)["diagnostics"]
    assert (told.returncode, said["code"]) == (3, "NC704")
    assert "Traceback" not in done.stderr
