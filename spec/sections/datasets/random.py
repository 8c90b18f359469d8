"""Neural Compressor's random datasets."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from ...reading.values import INT, NUMBER_OR_SHARE, STR, Read, a_list
from ..fields import NUMBERS, Amount, Flag, Known, Refused, Size, split, whole
from ..section import Block, Problem, Section
from .counting import held
from .dataset import BuiltInDataset

Shape = tuple[int, ...]


def _shapes(value: object) -> object:
    """`2, 3`, `2`, `[2, 3]` or `[[2, 3], [4]]` → a tuple of shapes."""
    found = (value,) if isinstance(value, int) else split(value)
    if isinstance(found, tuple) and not any(isinstance(k, tuple) for k in found):
        return (tuple(map(whole, found)),)
    return found


def _sized(shapes: tuple[Shape, ...]) -> tuple[Shape, ...]:
    if not shapes or any(size < 1 for shape in shapes for size in shape):
        raise Refused("a shape is sizes of at least 1", "such as [3, 224, 224]")
    return shapes


def _each(value: object) -> object:
    """One for all, or one for each."""
    return value if isinstance(value, tuple) else (value,)


ONE_OR_SEVERAL = {"anyOf": [INT, a_list({"type": "integer"})]}
"""How editors see a size, or a shape among several."""

Shapes = Annotated[
    tuple[tuple[int, ...], ...],
    Read(_shapes, ({"type": "integer"}, STR, a_list(ONE_OR_SEVERAL))),
    AfterValidator(_sized),
]
Bounds = Annotated[
    tuple[Amount, ...],
    Read(_each, (NUMBER_OR_SHARE, a_list(NUMBER_OR_SHARE))),
]
Dtypes = Annotated[
    tuple[Annotated[str, Known((*NUMBERS, "string"))], ...],
    Read(_each, (STR, a_list(STR))),
]


class Drawn(BuiltInDataset):
    """Random numbers, each array's in a range of its own or all in one."""

    seeded = True
    low: Bounds = Field(
        default=(-128.0,), description="The least value, of all arrays or of each."
    )
    high: Bounds = Field(
        default=(127.0,), description="Where values end, of all arrays or of each."
    )
    dtype: Dtypes = Field(
        default=("float32",), description="The dtype, of all arrays or of each."
    )

    @property
    @abstractmethod
    def shapes(self) -> tuple[Shape, ...]:
        """The shapes of a sample's inputs and labels."""

    @property
    def sample(self) -> tuple[int, ...] | None:
        return self.shapes[0] if self.shapes else None

    @property
    def ranges(self) -> tuple[tuple[float, float, str], ...]:
        """For each array from where to where its values go, and the dtype."""
        count = len(self.shapes)
        columns: tuple[tuple[Any, ...], ...] = (self.low, self.high, self.dtype)
        wide = (each * count if len(each) == 1 else each for each in columns)
        return tuple(zip(*wide, strict=True))

    def rules(self) -> Iterator[Iterator[Problem]]:
        for key in ("low", "high", "dtype"):
            yield self._one_each(key)
        yield self._ranges()

    def _one_each(self, key: str) -> Iterator[Problem]:
        given, count = len(getattr(self, key)), len(self.shapes)
        if given not in (1, count):
            message = f"{given} values for {count} arrays"
            yield Problem(message, "write one for all, or one for each", (key,))

    def _ranges(self) -> Iterator[Problem]:
        pairs = zip(self.low, self.high, strict=False)
        if any(low > high for low, high in pairs):
            message = "values would begin above where they end"
            yield Problem(message, "write low below high", ("low",))


class Dummy(Drawn):
    """Random samples; a shape begins with how many they are."""

    shape: Shapes = Field(
        description="Shapes of the arrays, of all samples: one, or one for each input."
    )
    label: Flag = Field(default=True, description="Whether samples have a label, 0.")

    @property
    def labelled(self) -> bool:
        return self.label

    @property
    def samples(self) -> int:
        """How many there are."""
        return self.shape[0][0]

    @property
    def shapes(self) -> tuple[Shape, ...]:
        return tuple(shape[1:] for shape in self.shape)

    def rules(self) -> Iterator[Iterator[Problem]]:
        yield self._as_many()
        yield from super().rules()

    def _as_many(self) -> Iterator[Problem]:
        counts = {shape[0] for shape in self.shape if shape}
        if len(counts) > 1:
            yield Problem(
                f"the shapes begin with {sorted(counts)}, which counts the samples",
                "let all begin with the same",
                ("shape",),
            )

    @property
    def arrays(self) -> int:
        return len(self.shape)

    def input_problems(self, named: int) -> Iterator[Problem]:
        yield from held(self.arrays, named, "shapes", ("shape",))


class Endless(Drawn):
    """Random samples of stated shapes; in Neural Compressor they never end."""

    label_shape: Shapes | None = Field(
        default=None, description="Shape of the label, or of each label; null for none."
    )
    samples: Size = Field(default=1000, description="How many samples there are.")

    @property
    def labelled(self) -> bool:
        return self.label_shape is not None

    @property
    def labels(self) -> tuple[Shape, ...]:
        """The shapes of the labels."""
        return self.label_shape or ()


class DummyV2(Endless):
    """Random samples of stated shapes."""

    input_shape: Shapes = Field(
        description="Shape of one sample's input, or of each input."
    )

    @property
    def shapes(self) -> tuple[Shape, ...]:
        return (*self.input_shape, *self.labels)

    @property
    def arrays(self) -> int:
        return len(self.input_shape)

    def input_problems(self, named: int) -> Iterator[Problem]:
        yield from held(self.arrays, named, "shapes", ("input_shape",))


class SparseDummyV2(Endless):
    """Random samples of stated shapes that end in zeros."""

    dense_shape: Shapes = Field(
        description="Shape of one sample's input, or of each input."
    )
    sparse_ratio: Bounds = Field(
        default=(0.5,), description="Share of zeros, of all inputs or of each."
    )

    @property
    def labels(self) -> tuple[Shape, ...]:
        """One for all inputs stands for one for each, as in Neural Compressor."""
        given = super().labels
        return given * len(self.dense_shape) if len(given) == 1 else given

    @property
    def shapes(self) -> tuple[Shape, ...]:
        return (*self.dense_shape, *self.labels)

    @property
    def ratios(self) -> tuple[float, ...]:
        """The share of zeros of each input."""
        one_for_all = len(self.sparse_ratio) == 1
        count = len(self.dense_shape)
        return self.sparse_ratio * count if one_for_all else self.sparse_ratio

    def rules(self) -> Iterator[Iterator[Problem]]:
        yield self._shares()
        yield self._labels()
        yield from super().rules()

    def _shares(self) -> Iterator[Problem]:
        if len(self.ratios) != len(self.dense_shape):
            message = f"{len(self.ratios)} shares for {len(self.dense_shape)} inputs"
            hint = "write one for all, or one for each"
            yield Problem(message, hint, ("sparse_ratio",))
        elif not all(0 <= share <= 1 for share in self.ratios):
            yield Problem("a share is from 0 to 1", at=("sparse_ratio",))

    def _labels(self) -> Iterator[Problem]:
        if self.labels and len(self.labels) != len(self.dense_shape):
            yield Problem(
                f"{len(self.labels)} labels for {len(self.dense_shape)} inputs",
                "write one for all, or one for each",
                ("label_shape",),
            )

    @property
    def arrays(self) -> int:
        return len(self.dense_shape)

    def input_problems(self, named: int) -> Iterator[Problem]:
        yield from held(self.arrays, named, "shapes", ("dense_shape",))


class Catalogue(Section):
    """What `dataset` can name of these."""

    dummy: Block[Dummy] = Field(
        default=None, description="Random samples of one shape or several."
    )
    dummy_v2: Block[DummyV2] = Field(
        default=None, description="Random samples of stated shapes."
    )
    sparse_dummy_v2: Block[SparseDummyV2] = Field(
        default=None, description="Random samples that end in zeros."
    )
