"""What users of `MixedPrecision` make by name: loaders, metrics, postprocesses, models."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from numbers import Integral
from typing import Any

from narrowcast.runtime.common.errors import UsageError
from narrowcast.runtime.evaluation.data.samples import (
    Samples,
    grouped,
    item_of,
    length,
)
from narrowcast.runtime.evaluation.data.supplied.collating import (
    Sample,
    collate,
    said,
)

SEED = 1978
"""Of what `shuffle` draws: each pass has the same order."""


class DataLoader:
    """A dataset as batches of (inputs, labels), which can be read again and again.

    Args:
        dataset: Samples (input, label) by number: `__getitem__` with `__len__` or until
            IndexError, or `getitem` with `__length__`. Or an iterable of samples that
            starts anew each time. An input may be several, in a tuple or a dict.
        batch_size: Samples in a batch.
        last_batch: "rollover" keeps a last, smaller batch, "discard" leaves it out.
        collate_fn: Makes a batch of a list of samples; by default they are stacked.
        sampler: Numbers of samples, in place of 0, 1, 2, …
        batch_sampler: Lists of numbers, one for each batch.
        shuffle: Another order than the dataset's, the same in each pass.
        num_workers, pin_memory, distributed: Without effect: samples are read in order,
            by this process.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int = 1,
        last_batch: Any = "rollover",
        collate_fn: Any = None,
        sampler: Iterable[int] | None = None,
        batch_sampler: Iterable[Sequence[int]] | None = None,
        num_workers: int = 0,
        pin_memory: bool = False,
        shuffle: bool = False,
        distributed: bool = False,
    ) -> None:
        if isinstance(collate_fn, str) or callable(last_batch):
            # Neural Compressor's two classes of this name have them in either order.
            last_batch, collate_fn = collate_fn or "rollover", last_batch
        _check(dataset, batch_size, last_batch)
        self.dataset = dataset
        self._read = Samples(dataset)
        self.batch_size = int(batch_size)
        self.last_batch = last_batch
        self.collate_fn = collate_fn
        self.sampler = _again("sampler", sampler)
        self.batch_sampler = _again("batch_sampler", batch_sampler)
        self.num_workers = num_workers
        self.pin_memory = pin_memory
        self.shuffle = shuffle
        self.distributed = distributed

    def __iter__(self) -> Iterator[Sample]:
        """The batches, from the first."""
        make = self.collate_fn or collate
        return map(make, self._groups())

    def __len__(self) -> int:
        """How many batches there are.

        Raises:
            TypeError: The dataset does not say how many samples it has.
        """
        if self.batch_sampler is not None:
            return sum(1 for _group in self.batch_sampler)
        count = length(self.dataset)
        if self.sampler is not None:
            count = sum(1 for _number in self.sampler)
        if count is None:
            raise TypeError(f"{type(self.dataset).__name__} does not say its length")
        filled, rest = divmod(count, self.batch_size)
        return filled + (rest > 0 and self.last_batch == "rollover")

    def _groups(self) -> Iterator[list[Any]]:
        if self.batch_sampler is not None:
            at = item_of(self.dataset)
            return ([at(number) for number in group] for group in self.batch_sampler)
        return grouped(self._samples(), self.batch_size, self.last_batch == "rollover")

    def _samples(self) -> Iterator[Any]:
        if self.sampler is not None:
            return map(item_of(self.dataset), self.sampler)
        found = iter(self._read)
        if not self.shuffle:
            return found
        known = list(found)
        random.Random(SEED).shuffle(known)
        return iter(known)


class Metric:
    """A metric's class and what its objects are made with: one for each pass.

    Args:
        metric_cls: Has update(predictions, labels) or update(sample), reset(), result().
        name: The metric's name in reports.
        kwargs: Arguments of the class.
    """

    def __init__(
        self, metric_cls: Callable[..., Any], name: str | None = None, **kwargs: Any
    ) -> None:
        if not callable(metric_cls):
            raise UsageError(
                f"common.Metric is given {said(metric_cls)}",
                "Give it the metric's class.",
            )
        self.metric_cls = metric_cls
        self.name = str(name or getattr(metric_cls, "__name__", "metric"))
        self.kwargs = kwargs

    def __call__(self) -> Any:
        """A new object of the class."""
        return self.metric_cls(**self.kwargs)


class Postprocess:
    """A class whose objects turn (predictions, labels) into what the metric takes.

    Args:
        postprocess_cls: Its objects are called with the pair, and return one.
        name: For messages.
        kwargs: Arguments of the class.
    """

    def __init__(
        self,
        postprocess_cls: Callable[..., Any],
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.postprocess_cls = postprocess_cls
        self.name = name or getattr(postprocess_cls, "__name__", "postprocess")
        self.kwargs = kwargs

    def __call__(self) -> Any:
        """A new object of the class."""
        return self.postprocess_cls(**self.kwargs)


class Model:
    """A model, by its file or as the framework's object.

    Args:
        root: The file, or the object.
        kwargs: What Neural Compressor took besides; without effect.
    """

    def __init__(self, root: Any, **kwargs: Any) -> None:
        self.root = root
        self.kwargs = kwargs

    @property
    def model(self) -> Any:
        """The file, or the object."""
        return self.root


def _check(dataset: Any, batch_size: int, last_batch: str) -> None:
    if isinstance(dataset, type) or not (
        item_of(dataset) or hasattr(dataset, "__iter__")
    ):
        what = dataset.__name__ if isinstance(dataset, type) else said(dataset)
        raise UsageError(
            f"common.DataLoader is given {what}, which has no samples",
            "Give it an object with __getitem__(index) and __len__(), or an iterable.",
        )
    if isinstance(dataset, Iterator):
        raise UsageError(
            f"the dataset is {said(dataset)}, which can be read only once",
            "Give a list of samples, or a class whose __iter__ starts anew.",
        )
    whole = isinstance(batch_size, Integral) and not isinstance(batch_size, bool)
    if not whole or batch_size < 1:
        raise UsageError(
            f"batch_size is {batch_size!r}", "Give a whole number of at least 1."
        )
    if last_batch not in ("rollover", "discard"):
        raise UsageError(
            f"last_batch is {last_batch!r}", "Write 'rollover' or 'discard'."
        )


def _again(what: str, numbers: Iterable[Any] | None) -> Iterable[Any] | None:
    """What gives the numbers anew in each pass: an iterator's are kept."""
    return list(numbers) if isinstance(numbers, Iterator) else numbers
