"""Where `save` of the Python API puts a converted model."""

from __future__ import annotations

from pathlib import Path

import pytest

from narrowcast.runtime.common.errors import UsageError
from narrowcast.saving import save


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What runs made, and the folder that a user is in."""
    made = tmp_path / "made"
    made.mkdir()
    (made / "net.bf16.pt2").write_text("pt2")
    (made / "net.bf16-symbol.json").write_text("symbol")
    (made / "net.bf16-0000.params").write_text("params")
    (made / "net.bf16" / "variables").mkdir(parents=True)
    (made / "net.bf16" / "saved_model.pb").write_text("pb")
    user = tmp_path / "user"
    user.mkdir()
    monkeypatch.chdir(user)
    return made


def left(folder: str = ".") -> list[str]:
    """All files, without any that are temporary."""
    return sorted(
        path.relative_to(folder).as_posix()
        for path in Path(folder).rglob("*")
        if path.is_file()
    )


@pytest.mark.parametrize(
    ("wanted", "written"),
    [
        ("out.pt2", "out.pt2"),
        ("new/folder/out.pt2", "new/folder/out.pt2"),
        ("out", "out.pt2"),
        ("v1.2", "v1.2.pt2"),
        ("new/", "new/net.bf16.pt2"),
    ],
)
def test_a_file_goes_where_it_is_wanted(
    folder: Path, wanted: str, written: str
) -> None:
    for _again in range(2):
        assert save(folder / "net.bf16.pt2", wanted) == Path(written)
        assert left() == [written]
        assert Path(written).read_text() == "pt2"


def test_a_folder_that_is_there_gets_the_model_under_its_name(folder: Path) -> None:
    Path("out").mkdir()
    assert save(folder / "net.bf16.pt2", "out") == Path("out/net.bf16.pt2")


@pytest.mark.parametrize(
    ("wanted", "stem"),
    [("out", "out"), ("a/out-symbol.json", "a/out"), ("a/", "a/net.bf16")],
)
def test_a_symbol_takes_its_parameters_along(
    folder: Path, wanted: str, stem: str
) -> None:
    saved = save(folder / "net.bf16-symbol.json", wanted)
    assert saved == Path(f"{stem}-symbol.json")
    assert left() == [f"{stem}-0000.params", f"{stem}-symbol.json"]


def test_a_saved_model_is_a_folder(folder: Path) -> None:
    for content in ("pb", "newer"):
        (folder / "net.bf16" / "saved_model.pb").write_text(content)
        assert save(folder / "net.bf16", "out") == Path("out")
        assert left() == ["out/saved_model.pb"]
        assert Path("out/saved_model.pb").read_text() == content
    assert save(folder / "net.bf16", "models/") == Path("models/net.bf16")
    assert {path.name for path in Path().iterdir()} == {"models", "out"}


@pytest.mark.parametrize("wanted", ["out.pt", "out.onnx", "out-symbol.json"])
def test_another_formats_ending_is_refused(folder: Path, wanted: str) -> None:
    with pytest.raises(UsageError, match=r"this model is saved as \*\.pt2") as refused:
        save(folder / "net.bf16.pt2", wanted)
    assert "out.pt2" in refused.value.remedy
    assert left() == []


def test_a_place_that_can_not_be_written_is_told(folder: Path) -> None:
    Path("taken").write_text("")
    with pytest.raises(UsageError, match=r"can't write taken/out.pt2"):
        save(folder / "net.bf16.pt2", "taken/out.pt2")
