"""Where a script or a migrated spec goes: only ever into a file."""

import os
import signal
import socket
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from narrowcast.cli import app

SPEC = "model: {name: m, framework: onnx, path: m.onnx}\ntuning: {random_seed: %s}\n"
COMMANDS = ("generate", "migrate")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("spec.yaml").write_text(SPEC % 1)
    return tmp_path


@pytest.fixture
def in_time() -> Iterator[None]:
    """A pipe that is opened, and nobody writes to, ends the test."""
    signal.alarm(20)
    yield
    signal.alarm(0)


def _run(command: str, output: str, *options: str) -> Result:
    return CliRunner().invoke(app, [command, "spec.yaml", "-o", output, *options])


def _socket(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path)


OTHERS: dict[str, tuple[Callable[[str], None], Callable[[int], bool]]] = {
    "a pipe": (os.mkfifo, stat.S_ISFIFO),
    "a socket": (_socket, stat.S_ISSOCK),
    "a folder": (os.mkdir, stat.S_ISDIR),
}


@pytest.mark.parametrize("linked", [False, True])
@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_no_file_is_refused(
    folder: Path, in_time: None, command: str, kind: str, linked: bool
) -> None:
    make, is_kind = OTHERS[kind]
    make("there")
    if linked:
        Path("link").symlink_to("there")
        Path("there2").symlink_to("link")
    target = "there2" if linked else "there"
    before = sorted(folder.iterdir())
    for options in ((), ("--force",)):
        done = _run(command, target, *options)
        assert (done.exit_code, done.stdout) == (2, "")
        assert done.stderr.endswith(f"{target} is {kind}; name a file\n")
    assert sorted(folder.iterdir()) == before
    assert is_kind(Path("there").lstat().st_mode)


@pytest.mark.parametrize("option", ["--check", "--diff"])
def test_a_pipe_is_not_compared(folder: Path, in_time: None, option: str) -> None:
    os.mkfifo("pipe")
    assert _run("generate", "pipe", option).exit_code == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_a_link_stays_and_its_file_is_replaced(folder: Path, command: str) -> None:
    Path("sub").mkdir()
    Path("sub/file").write_text("mine\n")
    Path("sub/file").chmod(0o750)
    Path("link").symlink_to("sub/file")
    assert _run(command, "link").exit_code == 2
    assert Path("sub/file").read_text() == "mine\n"
    assert _run(command, "link", "--force").exit_code == 0
    assert Path("link").is_symlink()
    assert Path("sub/file").read_text() != "mine\n"
    assert stat.S_IMODE(Path("sub/file").stat().st_mode) == 0o750
    assert [each.name for each in Path("sub").iterdir()] == ["file"]


@pytest.mark.parametrize("command", COMMANDS)
def test_what_a_dangling_link_names_is_made(folder: Path, command: str) -> None:
    Path("link").symlink_to("sub/file")
    assert _run(command, "link").exit_code == 0
    assert Path("link").is_symlink()
    assert Path("sub/file").is_file()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_link_to_itself_is_refused(folder: Path, command: str) -> None:
    Path("link").symlink_to("link")
    assert _run(command, "link", "--force").exit_code == 2
    assert Path("link").is_symlink()


def test_a_file_without_a_name_is_refused(folder: Path) -> None:
    with Path("gone").open("w") as file:
        Path("gone").unlink()
        done = _run("generate", f"/proc/self/fd/{file.fileno()}")
    assert done.exit_code == 2
    assert [each.name for each in folder.iterdir()] == ["spec.yaml"]


def test_the_mode_is_the_files_or_what_the_umask_leaves(folder: Path) -> None:
    was = os.umask(0o077)
    try:
        _run("generate", "new.py")
    finally:
        os.umask(was)
    assert stat.S_IMODE(Path("new.py").stat().st_mode) == 0o600
    Path("new.py").chmod(0o755)
    Path("spec.yaml").write_text(SPEC % 2)
    assert _run("generate", "new.py").stdout == "wrote new.py\n"
    assert stat.S_IMODE(Path("new.py").stat().st_mode) == 0o755


@pytest.mark.parametrize("link", [os.link, os.symlink])
def test_the_spec_is_not_replaced_by_itself(
    folder: Path, link: Callable[[str, str], None]
) -> None:
    link("spec.yaml", "same.yaml")
    done = _run("migrate", "same.yaml", "--force")
    assert done.exit_code == 2
    assert Path("spec.yaml").read_text() == SPEC % 1
