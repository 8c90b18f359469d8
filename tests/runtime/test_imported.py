"""Which of the modules in use a plan has hashes of: the user's, beside the script."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from narrowcast.runtime.common.files import sha256
from narrowcast.runtime.record.sources import Sources, hashes


@pytest.fixture
def clean() -> Iterator[None]:
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_modules_beside_the_script_are_hashed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clean: None
) -> None:
    here, away = tmp_path / "here", tmp_path / "here too"
    files = {
        here / "imported_beside.py": "a = 1",
        here / "imported_package" / "__init__.py": "",
        here / "imported_package" / "inner.py": "b = 2",
        here / "site-packages" / "imported_library.py": "",
        here / "imported_script.py": "",
        away / "imported_away.py": "c = 3",
    }
    for file, text in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (away / "imported_link.py").symlink_to(here / "imported_beside.py")
    (here / "imported_leads_away.py").symlink_to(away / "imported_away.py")
    (tmp_path / "there").symlink_to(here)
    for folder in (away, here / "site-packages", tmp_path / "there"):
        monkeypatch.syspath_prepend(folder)
    found = {"imported_beside", "imported_package", "imported_package.inner"}
    found |= {"imported_link"}
    others = {"imported_library", "imported_script", "imported_away"}
    others |= {"imported_leads_away"}
    made = {name: importlib.import_module(name) for name in sorted(found | others)}
    monkeypatch.setitem(sys.modules, "imported_gone", ModuleType("imported_gone"))
    sys.modules["imported_gone"].__file__ = str(here / "gone.py")
    hashed = hashes(Sources(), here / "imported_script.py")
    assert hashed == {
        "python": {name: sha256(Path(str(made[name].__file__))) for name in found}
    }
