"""Only the images that have a certain number of objects: LabelBalance."""

from __future__ import annotations

from typing import Any, Protocol

from ....common.errors import DataError


class Counted(Protocol):
    """A dataset that knows how many objects are in an image."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> tuple[Any, Any]: ...

    def objects(self, index: int) -> int:
        """How many objects sample `index` has."""
        ...


class Balanced:
    """The samples of a dataset that have exactly `size` objects, in its order.

    Raises:
        DataError: There is none.
    """

    def __init__(self, dataset: Counted, size: int) -> None:
        self.files = getattr(dataset, "files", ())
        self._dataset = dataset
        self._kept = [k for k in range(len(dataset)) if dataset.objects(k) == size]
        if not self._kept:
            raise DataError(
                f"no image of {len(dataset)} has exactly {size} objects",
                "Make filter.LabelBalance.size fit the data, or leave the filter out.",
            )

    def __len__(self) -> int:
        return len(self._kept)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self._dataset[self._kept[index]]
