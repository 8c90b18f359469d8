"""Candidates that are files, folders or several files, and how they get into place."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from toy import Toy

from narrowcast.runtime.common.delivery import (
    candidate,
    candidate_bytes,
    candidate_hash,
    check_deliverable,
    deliver,
    discard,
)
from narrowcast.runtime.common.errors import UsageError
from narrowcast.runtime.common.files import write_bytes


def names(folder: Path) -> list[str]:
    return sorted(each.relative_to(folder).as_posix() for each in folder.rglob("*"))


def saved_folder(output: Path, text: str) -> Path:
    """A model that is a folder, as TensorFlow's."""
    path = candidate(output, "net.bf16")
    (path / "variables").mkdir(parents=True)
    (path / "variables" / "index").write_text(text)
    (path / f"{text}.pb").write_text(text)
    return path


def test_a_file_is_known_by_its_own_hash_and_size(tmp_path: Path) -> None:
    path = candidate(tmp_path, "net.onnx")
    path.write_bytes(b"model")
    assert candidate_hash(path) == hashlib.sha256(b"model").hexdigest()
    assert candidate_bytes(path) == 5


def test_what_stands_beside_the_model_is_part_of_it(tmp_path: Path) -> None:
    path = candidate(tmp_path, "net.onnx")
    path.write_bytes(b"model")
    alone = candidate_hash(path)
    beside = path.with_name("net.onnx.data")
    beside.write_bytes(b"weights")
    both = candidate_hash(path)
    assert candidate_bytes(path) == 12
    beside.write_bytes(b"Weights")
    assert len({alone, both, candidate_hash(path)}) == 3
    assert deliver(path, missed=False) == tmp_path / "net.onnx"
    assert names(tmp_path) == ["net.onnx", "net.onnx.data"]


def test_a_folder_takes_the_place_of_the_one_before_whole(tmp_path: Path) -> None:
    deliver(saved_folder(tmp_path, "old"), missed=False)
    path = saved_folder(tmp_path, "new")
    assert (tmp_path / "net.bf16" / "old.pb").exists()
    deliver(path, missed=False)
    assert names(tmp_path) == [
        "net.bf16",
        "net.bf16/new.pb",
        "net.bf16/variables",
        "net.bf16/variables/index",
    ]


def test_what_missed_the_criterion_leaves_the_earlier_model_alone(
    tmp_path: Path,
) -> None:
    deliver(saved_folder(tmp_path, "good"), missed=False)
    for _again in range(2):
        found = deliver(saved_folder(tmp_path, "bad"), missed=True)
    assert found == tmp_path / "failed" / "net.bf16"
    assert (found / "bad.pb").exists()
    assert (tmp_path / "net.bf16" / "good.pb").exists()


def test_a_second_candidate_of_a_name_begins_with_nothing(tmp_path: Path) -> None:
    saved_folder(tmp_path, "first")
    path = candidate(tmp_path, "net.bf16")
    assert names(path.parent) == []
    discard(path)
    assert names(tmp_path) == []


def test_the_hash_of_a_folder_tells_names_from_contents(tmp_path: Path) -> None:
    found = set()
    for name, text in (("a", "x"), ("b", "x"), ("a", "y")):
        path = candidate(tmp_path, "net")
        path.mkdir()
        (path / name).write_text(text)
        found.add(candidate_hash(path))
    assert len(found) == 3


def test_a_place_that_is_a_file_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "candidate-net").write_text("mine")
    with pytest.raises(UsageError, match="--output"):
        candidate(tmp_path, "net")
    assert (tmp_path / "candidate-net").read_text() == "mine"


FOREIGN = {
    "a folder of somebody's": lambda path: (path / "thesis").mkdir(parents=True),
    "a SavedModel with more in it": lambda path: (
        path.mkdir(),
        (path / "saved_model.pb").touch(),
        (path / "thesis.txt").touch(),
    ),
    "a pipe": os.mkfifo,
}


@pytest.mark.parametrize("put", FOREIGN.values(), ids=list(FOREIGN))
@pytest.mark.parametrize("folder", [False, True])
@pytest.mark.parametrize("missed", [False, True])
def test_what_is_no_model_is_never_replaced(
    tmp_path: Path, put: Callable[[Path], object], folder: bool, missed: bool
) -> None:
    path = saved_folder(tmp_path, "net") if folder else candidate(tmp_path, "net.bf16")
    if not folder:
        path.write_text("model")
    stands = tmp_path / "failed" / "net.bf16" if missed else tmp_path / "net.bf16"
    stands.parent.mkdir(exist_ok=True)
    put(stands)
    before = names(stands)
    with pytest.raises(UsageError, match="--output"):
        check_deliverable(tmp_path, "net.bf16", folder)
    with pytest.raises(UsageError, match="--output"):
        deliver(path, missed)
    assert names(stands) == before
    assert path.exists()


def test_a_folder_does_not_replace_a_file(tmp_path: Path) -> None:
    (tmp_path / "net.bf16").write_text("mine")
    with pytest.raises(UsageError, match="is a file, no folder"):
        check_deliverable(tmp_path, "net.bf16", folder=True)


def test_files_are_put_where_files_are_alone(tmp_path: Path) -> None:
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for path in (pipe, link):
        with pytest.raises(UsageError, match="is a pipe, no file"):
            write_bytes(path, b"report")
    assert names(tmp_path) == ["link", "pipe"]


def test_a_run_says_before_its_search_what_stands_in_its_way(tmp_path: Path) -> None:
    toy = Toy(tmp_path)
    (tmp_path / "net.json").mkdir()
    (tmp_path / "net.json" / "thesis.txt").write_text("mine")
    done = toy.run()
    assert done.code == 2
    assert "net.json: it is a folder, no file\n  Move it away" in done.err
    assert "trial" not in done.err
    assert (tmp_path / "net.json" / "thesis.txt").read_text() == "mine"


def test_a_file_that_is_no_plan_is_not_replaced_by_one(tmp_path: Path) -> None:
    toy = Toy(tmp_path)
    notes = tmp_path / "notes.txt"
    notes.write_text("mine")
    done = toy.run("--search", "--plan", "notes.txt")
    assert done.code == 2
    assert "error[NC902]: notes.txt is no plan: it is left alone" in done.err
    assert notes.read_text() == "mine"


@pytest.mark.parametrize("folder", [False, True])
def test_a_model_goes_where_a_link_leads(tmp_path: Path, folder: bool) -> None:
    kept = tmp_path / "kept"
    kept.mkdir() if folder else kept.write_text("old")
    kept.chmod(0o700)
    path = saved_folder(tmp_path, "net") if folder else candidate(tmp_path, "net.bf16")
    if not folder:
        path.write_text("model")
    link = tmp_path / path.name
    link.symlink_to("kept")
    assert deliver(path, missed=False) == link
    assert link.is_symlink()
    assert names(tmp_path)[:1] == ["kept"] and len(list(tmp_path.iterdir())) == 2
    if not folder:
        assert kept.read_text() == "model"
        assert kept.stat().st_mode & 0o777 == 0o700


def test_a_model_may_be_linked_to_another_disk(tmp_path: Path) -> None:
    if not os.access("/dev/shm", os.W_OK):
        pytest.skip("no second file system")
    with TemporaryDirectory(dir="/dev/shm") as other:
        assert Path(other).stat().st_dev != tmp_path.stat().st_dev
        path = candidate(tmp_path, "net.bf16")
        path.write_text("model")
        (tmp_path / "net.bf16").symlink_to(f"{other}/kept")
        deliver(path, missed=False)
        assert names(Path(other)) == ["kept"]
        assert (tmp_path / "net.bf16").is_symlink()
        assert (tmp_path / "net.bf16").read_text() == "model"
