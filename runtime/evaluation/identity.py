"""What the data is: digests of what a loader yielded, in order.

Scores say something of the data that they were taken on, and of no other. A dataset may
be anything that Python can read, so what it yields is what identifies it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..common.errors import DataError
from ..common.strict_json import count, record, text

BYTES = 8
"""Of a digest: data differs by accident, not by intent."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Of the batches that a pass over the data saw.

    Attributes:
        batches: How many they were.
        digest: Of all of them.
        chain: One digest for each batch, of all up to it; of a whole pass, for
            comparison with those that end early.
    """

    batches: int
    digest: str
    chain: tuple[str, ...] = field(default=(), repr=False)

    def begins(self, whole: Identity) -> bool:
        """Whether these are the first batches of `whole`, or all of them."""
        known = whole.chain[: self.batches]
        return len(known) == self.batches and known[-1:] == (self.digest,)


def identity_of(batches: Iterable[bytes]) -> Identity:
    """The identity of batches with these digests."""
    chain = tuple(_chained(batches))
    return Identity(len(chain), chain[-1] if chain else "", chain)


def _chained(batches: Iterable[bytes]) -> Iterator[str]:
    last = b""
    for digest in batches:
        last = hashlib.sha256(last + digest).digest()[:BYTES]
        yield last.hex()


def identity_data(identity: Identity) -> dict[str, Any]:
    """An identity as plain data, without its chain."""
    return {"batches": identity.batches, "digest": identity.digest}


IDENTITY = record({"batches": count, "digest": text}, {})


def batch_digest(*values: Any) -> bytes:
    """Of inputs and labels: arrays and tensors by dtype, shape and bytes.

    Of an object that is neither, only the type counts: it may hold an address.
    """
    hashed = hashlib.sha256()
    for part in _parts(values):
        hashed.update(part)
    return hashed.digest()


def _parts(value: Any) -> Iterator[bytes | memoryview]:
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        yield f"{type(value).__name__} {value!r};".encode(errors="backslashreplace")
    elif isinstance(value, Mapping):
        yield f"mapping {len(value)};".encode()
        for key, each in value.items():
            yield from _parts(key)
            yield from _parts(each)
    elif isinstance(value, list | tuple):
        yield f"list {len(value)};".encode()
        for each in value:
            yield from _parts(each)
    else:
        yield from _array_parts(value)


def _array_parts(value: Any) -> Iterator[bytes | memoryview]:
    array = array_of(value)
    if array is None:
        yield f"object {type(value).__name__};".encode()
        return
    yield f"array {array.dtype.str} {array.shape};".encode()
    if array.dtype.hasobject:
        for each in array.ravel().tolist():
            yield from _parts(each)
    elif array.size:
        yield np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def check_unmasked(value: Any, where: str) -> None:
    """Refuse what a mask leaves out: no model takes masks, and below is any number.

    Raises:
        DataError: Something is masked.
    """
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise DataError(
            f"{where} has {np.ma.getmaskarray(value).sum()} masked values, which no model takes",
            "Fill them: `array.filled(value)`.",
        )


def array_of(value: Any) -> np.ndarray[Any, Any] | None:
    """A framework's tensor as NumPy's, wherever it is; None of what is no tensor."""
    if isinstance(value, np.ndarray | np.generic):
        check_unmasked(value, "the data")
        return np.asarray(value)
    try:
        found = np.asarray(_on_the_host(value))
    except Exception:  # sparse, ragged: a framework refuses in its own way
        return None
    alone = found.dtype.hasobject and not found.ndim
    return None if alone and not isinstance(found.item(), str | bytes) else found


def _on_the_host(value: Any) -> Any:
    if hasattr(value, "asnumpy"):  # MXNet
        return value.asnumpy()
    if hasattr(value, "detach"):  # PyTorch
        tensor = value.detach().cpu()
        return tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor
    return value
