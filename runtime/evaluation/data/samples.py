"""The samples of a user's dataset, each known by its number when it fails."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from operator import index
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from ...common.errors import DataError
from ...common.places import described, place_of, users_code
from ...common.processes.copies import own_copy
from ...common.processes.untouched import RandomState
from ..batches import DATASET

P = ParamSpec("P")
T = TypeVar("T")

AGAIN = (
    "The data is read several times: give a list, a class whose __iter__ starts anew, or "
    "common.DataLoader(dataset)."
)


def length(dataset: Any) -> int | None:
    """How many samples there are, None of what does not say.

    `__length__` is what the page of Neural Compressor's MixedPrecision calls it.

    Raises:
        DataError: It gives no number of samples.
    """
    for name in ("__len__", "__length__"):
        if hasattr(dataset, name):
            return _whole(getattr(dataset, name)(), dataset, name)
    return None


def _whole(found: Any, dataset: Any, name: str) -> int:
    try:
        count = index(found)
    except TypeError:  # a float, as of a division
        whole = isinstance(found, float) and found.is_integer()
        count = int(found) if whole else -1
    if count < 0:
        raise DataError(
            f"{type(dataset).__name__}.{name}(){defined_at(dataset, name)} gives {found!r}",
            "It returns how many samples there are: a whole number of at least 0.",
        )
    return count


def defined_at(dataset: Any, method: str) -> str:
    """` at data.py:7`: where its class defines a method; "" where that is not Python."""
    code = getattr(getattr(type(dataset), method, None), "__code__", None)
    return f" at {Path(code.co_filename).name}:{code.co_firstlineno}" if code else ""


def item_of(dataset: Any) -> Any:
    """What gives one sample by its number, None where nothing does.

    `getitem` is what the page of Neural Compressor's MixedPrecision calls it.
    """
    for name in ("__getitem__", "getitem"):
        if hasattr(dataset, name):
            return getattr(dataset, name)
    return None


@dataclass(frozen=True, slots=True)
class Remade:
    """What a function gives as it goes along, and gives anew when it is called again."""

    make: Callable[[], Iterator[Any]]
    name: str

    def __iter__(self) -> Iterator[Any]:
        return self.make()


@dataclass
class Samples:
    """The samples of a dataset, as often as they are asked for.

    Each is a copy: the dataset may write the next one to the same memory.

    Attributes:
        dataset: Has them by number, or iterates.
        begin: What it draws from `random`, `numpy.random` and `torch` in each pass.
        found: Whether a pass had any.
        remedy: What to do where a sample can't be read.
    """

    dataset: Any
    begin: RandomState = field(
        default_factory=RandomState.now, compare=False, repr=False
    )
    found: bool = field(default=False, compare=False, repr=False)
    remedy: str = field(default=DATASET, compare=False, repr=False)

    @property
    def name(self) -> str:
        """What the user calls it."""
        given = self.dataset
        return given.name if isinstance(given, Remade) else type(given).__name__

    @property
    def numbered(self) -> bool:
        """Whether each can be asked for by its number, and how many there are is known."""
        return item_of(self.dataset) is not None and length(self.dataset) is not None

    def __len__(self) -> int:
        known = length(self.dataset)
        return sum(1 for _sample in self) if known is None else known

    def __getitem__(self, number: int) -> Any:
        """The sample with this number.

        Raises:
            DataError: It can't be read.
        """
        try:
            return own_copy(item_of(self.dataset)(number))
        except DataError:
            raise
        except Exception as error:
            raise unreadable(self.name, number, error, self.remedy) from error

    def __iter__(self) -> Iterator[Any]:
        """All of them, in order: by number up to the dataset's length, or until
        IndexError where it has none; or as it iterates.

        Raises:
            DataError: There is no dataset, or a sample can't be read; or it iterates,
                and ends before its length, or can be read only once.
        """
        number = -1

        def told(error: BaseException) -> DataError:
            return unreadable(self.name, number + 1, error, self.remedy)

        at = item_of(self.dataset)
        with users_code(told):
            found = self._iterated() if at is None else self._by_number(at)
            for sample in found:
                number += 1
                yield own_copy(sample)

    def groups(self, size: int, keep_last: bool) -> Iterator[list[tuple[int, Any]]]:
        """(number, sample), `size` at a time; as `grouped`."""
        return grouped(enumerate(self), size, keep_last)

    def _by_number(self, at: Callable[[int], Any]) -> Iterator[Any]:
        known = length(self.dataset)
        for number in count() if known is None else range(known):
            try:
                sample = at(number)
            except IndexError:
                if known is None:
                    return
                raise
            yield sample

    def _iterated(self) -> Iterator[Any]:
        if not hasattr(self.dataset, "__iter__"):
            raise DataError(
                f"{self.name} is no dataset: it has neither __getitem__ nor __iter__",
                "Give it __getitem__(index) and __len__().",
            )
        number, known = 0, length(self.dataset)
        for sample in self.dataset:
            number += 1
            yield sample
        if not number and self.found:
            raise DataError(
                f"{self.name} had samples when it was read first, and now it has none: "
                "it can be read only once",
                AGAIN,
            )
        if known is not None and number < known:
            raise DataError(
                f"{self.name} says that it has {known} samples, and ends after {number}",
                "Let __len__() and __iter__() agree.",
            )
        self.found = True


def grouped(values: Iterable[T], size: int, keep_last: bool) -> Iterator[list[T]]:
    """`size` at a time; the last are fewer, or are left out."""
    group: list[T] = []
    for value in values:
        group.append(value)
        if len(group) == size:
            yield group
            group = []
    if group and keep_last:
        yield group


def unreadable(
    name: str, number: int | None, error: BaseException, remedy: str
) -> DataError:
    """What a dataset raised where it was made, or where it was asked for a sample."""
    what = f"sample {number} of {name} can't be read"
    if number is None:
        what = f"{name} can't be made"
    return DataError(f"{what}{place_of(error)}: {described(error)}", remedy)


def making(make: Callable[P, Any], /, *args: P.args, **kwargs: P.kwargs) -> Any:
    """What a class or a function of the user's makes; anew in each pass, if that can be
    read only once.

    Raises:
        DataError: It fails.
    """
    name = getattr(make, "__name__", type(make).__name__)
    return made_as(partial(make, *args, **kwargs), name, DATASET)


def made_as(make: Callable[[], Any], name: str, remedy: str) -> Any:
    """As `making`.

    Args:
        name: What the user calls it.
        remedy: What to do where it fails.
    """
    with users_code(lambda error: unreadable(name, None, error, remedy)):
        made = make()
    if not isinstance(made, Iterator) or hasattr(made, "reset"):
        return made
    return Remade(make, name)
