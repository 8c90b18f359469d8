"""What a document names for data that can't be read yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from .reading.source import Data
from .sections.dialect.fit import named
from .sections.evaluation import DataloaderSection
from .sections.marks import effective
from .sections.section import Section
from .spec import Named


def unread_data(loader: DataloaderSection) -> tuple[Named, ...]:
    """All that is named for the data, where some of it is not built."""
    found = (*_dataset(loader), *_transforms(loader), *_each("filter", loader.filter))
    return _unless_built(found)


def _dataset(loader: DataloaderSection) -> Iterator[Named]:
    if dataset := loader.dataset:
        built = not any(named(dataset))
        args = _args(dataset.chosen, dataset.args)
        yield Named("dataset", dataset.key, args, built)


def _transforms(loader: DataloaderSection) -> Iterator[Named]:
    for name, given in loader.transform.named:
        yield Named("transform", name, _args(given, {}), True)


def _each(kind: str, section: Section) -> Iterator[Named]:
    """What a section names of which nothing is built."""
    for name, _frameworks in named(section):
        yield Named(kind, name, _args(getattr(section, name), {}), False)


def _args(given: object, args: Mapping[str, Data]) -> Mapping[str, Data]:
    """Parameters as a mapping, whatever their form."""
    if isinstance(given, Section):
        return effective(given)
    if isinstance(given, Mapping):
        return given
    return {"": str(given), **args}


def _unless_built(found: Sequence[Named]) -> tuple[Named, ...]:
    return () if all(each.built for each in found) else tuple(found)
