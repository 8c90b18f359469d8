"""What holds for every section, so that a new key can't forget it."""

import ast
import sys
from pathlib import Path

import pytest

import narrowcast.spec
from narrowcast.spec.sections.marks import is_marked
from narrowcast.spec.sections.section import Section


def _subclasses(base: type[Section]) -> list[type[Section]]:
    found = base.__subclasses__()
    return found + [deeper for cls in found for deeper in _subclasses(cls)]


SECTIONS = _subclasses(Section)
FOLDER = Path(narrowcast.spec.__file__).parent
MODULES = sorted(FOLDER.rglob("*.py"))


@pytest.mark.parametrize("section", SECTIONS)
def test_fields_are_described(section: type[Section]) -> None:
    assert section.__doc__
    for name, field in section.model_fields.items():
        assert field.description, f"{section.__name__}.{name}"
        assert field.description.endswith(".")


@pytest.mark.parametrize("section", SECTIONS)
def test_sections_are_strict_and_frozen(section: type[Section]) -> None:
    config = section.model_config
    assert (config["extra"], config["frozen"], config["strict"]) == (
        "forbid",
        True,
        True,
    )


@pytest.mark.parametrize("section", SECTIONS)
def test_what_is_only_neural_compressors_may_be_left_out(
    section: type[Section],
) -> None:
    for name, field in section.model_fields.items():
        if is_marked(field):
            assert not field.is_required()
            assert name not in section.offered()


@pytest.mark.parametrize(
    "module", MODULES, ids=lambda path: str(path.relative_to(FOLDER))
)
def test_imports(module: Path) -> None:
    """The spec stands upstream of everything, and needs no framework."""
    allowed = {*sys.stdlib_module_names, "pydantic", "pydantic_core", "yaml"}
    depth = len(module.relative_to(FOLDER).parts)
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names = {alias.name.partition(".")[0] for alias in node.names}
            assert names <= allowed
        if isinstance(node, ast.ImportFrom):
            top = (node.module or "").partition(".")[0]
            assert top in allowed if not node.level else node.level <= depth
