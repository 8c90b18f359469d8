"""Files are written whole or not at all; sources are known by their hashes."""

from __future__ import annotations

import hashlib
import importlib
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrowcast.runtime.common.errors import UsageError
from narrowcast.runtime.common.files import sha256, write_bytes
from narrowcast.runtime.record.sources import Sources, hashes


@given(st.binary(max_size=100))
def test_what_is_written_is_there(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "new" / "folder" / "file"
    assert write_bytes(path, data) == path
    assert path.read_bytes() == data
    assert [each.name for each in path.parent.iterdir()] == ["file"]


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_a_new_file_has_what_the_umask_leaves(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        made = write_bytes(tmp_path / "file", b"")
    finally:
        os.umask(before)
    assert made.stat().st_mode & 0o777 == 0o666 & ~mask


def test_a_file_that_is_replaced_keeps_its_mode(tmp_path: Path) -> None:
    path = write_bytes(tmp_path / "file", b"old")
    path.chmod(0o750)
    assert write_bytes(path, b"new").stat().st_mode & 0o777 == 0o750


def test_a_link_stays_and_what_it_names_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    kept, link = tmp_path / "sub" / "kept", tmp_path / "link"
    kept.write_bytes(b"old")
    kept.chmod(0o640)
    link.symlink_to("sub/kept")
    assert write_bytes(link, b"new") == link
    assert link.is_symlink()
    assert kept.read_bytes() == b"new"
    assert kept.stat().st_mode & 0o777 == 0o640
    assert [each.name for each in kept.parent.iterdir()] == ["kept"]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["link", "sub"]


def test_what_a_dangling_link_names_is_made(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("sub/new")
    write_bytes(tmp_path / "link", b"data")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "sub" / "new").read_bytes() == b"data"


def test_a_link_to_itself_stays(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("link")
    with pytest.raises(UsageError, match="a link to itself"):
        write_bytes(tmp_path / "link", b"data")
    assert (tmp_path / "link").is_symlink()


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """As on a full disk: a write beyond `size` bytes is an OSError."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = write_bytes(tmp_path / "file", b"old")
    with largest_file(1000), pytest.raises(UsageError, match="can't write") as caught:
        write_bytes(path, b"x" * 5000)
    assert str(path) in caught.value.message
    assert "--output" in caught.value.remedy
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_data_that_cannot_be_written_leaves_the_old_file(tmp_path: Path) -> None:
    path = write_bytes(tmp_path / "file", b"old")
    with pytest.raises(TypeError):
        write_bytes(path, "no bytes")  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_a_folder_that_is_a_file_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="can't write") as caught:
        write_bytes(tmp_path / "file" / "model", b"")
    assert "--output" in caught.value.remedy


def test_a_target_that_is_a_folder_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "folder" / "full").mkdir(parents=True)
    with pytest.raises(UsageError, match="can't write"):
        write_bytes(tmp_path / "folder", b"")
    assert [each.name for each in tmp_path.iterdir()] == ["folder"]


def test_a_folder_without_permission_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    code = """
import os, sys
from pathlib import Path
from narrowcast.runtime.common.errors import UsageError
from narrowcast.runtime.common.files import write_bytes
if os.getuid() == 0:
    os.setuid(65534)
try:
    write_bytes(Path(sys.argv[1]), b"")
except UsageError as error:
    print(error.message)
"""
    path = tmp_path / "locked" / "file"
    command = [sys.executable, "-c", code, str(path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said == f"can't write {path}: Permission denied\n"


@given(st.binary(max_size=1000))
def test_a_hash_is_of_the_bytes(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "hashed"
    path.write_bytes(data)
    assert sha256(path) == hashlib.sha256(data).hexdigest()


# Sources


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_sources_are_keyed_relative_to_the_script(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "scripts"
    model = write_bytes(script / "data" / "net.pt", b"weights")
    data = write_bytes(tmp_path / "shared" / "set.csv", b"1,2")
    write_bytes(tmp_path / "modules" / "my_own_net.py", b"layers = 3")
    monkeypatch.syspath_prepend(str(tmp_path / "modules"))
    found = hashes(Sources((model,), (data,), ("my_own_net",)), script / "convert.py")
    assert found == {
        "model": {"data/net.pt": digest(b"weights")},
        "data": {"../shared/set.csv": digest(b"1,2")},
        "python": {"my_own_net": digest(b"layers = 3")},
    }


def test_a_module_that_is_no_file_says_so(tmp_path: Path) -> None:
    found = hashes(Sources(modules=("sys", "no_such_module")), tmp_path / "convert.py")
    assert found == {"python": {"sys": "not a file", "no_such_module": "not a file"}}


def test_a_script_that_a_driver_imported_is_no_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = write_bytes(tmp_path / "convert_driven.py", b"import net_of_driven")
    write_bytes(tmp_path / "net_of_driven.py", b"layers = 3")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.import_module("convert_driven")
    found = hashes(Sources(), script)
    assert found == {"python": {"net_of_driven": digest(b"layers = 3")}}


def test_without_sources_there_are_no_hashes(tmp_path: Path) -> None:
    assert hashes(Sources(), tmp_path / "convert.py") == {}
