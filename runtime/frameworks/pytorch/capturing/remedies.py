"""What torch.export refuses for a reason that is known, and what to do about it."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable
from types import TracebackType

RETURNED = re.compile(r"Found <class '(?P<name>[\w.]+)'> in (output|inputs?)")
NO_SHAPES = re.compile(r"(?P<name>\w+[.:]+\w+)[\w.]*: attempted to run this operator")
NO_FAKE = re.compile(r"no fake impl registered for .*?(?P<name>\w+::\w+)")
RECURRENT = ("modules/rnn.py", "utils/rnn.py")


def known_cause(error: Exception) -> tuple[str, str] | None:
    """What is wrong and the remedy, in words for the model's author; None if unknown."""
    found = (each(error) for each in CAUSES)
    return next(filter(None, found), None)


def _unknown_class(error: Exception) -> tuple[str, str] | None:
    match = RETURNED.search(str(error))
    if match is None:
        return None
    name = match["name"].rpartition(".")[2]
    if name.endswith("Cache"):
        return (
            f"the model returns a {name} beside its outputs",
            "Switch it off where the model is built: model.config.use_cache = False; it "
            "is only for generating token by token.",
        )
    return (
        f"the model takes or returns a {name}, which torch.export does not know",
        "Return tensors, or tuples, lists and dicts of them, from forward(), or "
        f"call torch.export.register_dataclass({name}) beside the class.",
    )


def _packed(error: Exception) -> tuple[str, str] | None:
    if not any(map(_is_packed, _frames(error.__traceback__))):
        return None
    return (
        "a packed sequence (pack_padded_sequence) has sizes that values decide, and "
        "torch.export takes none",
        "Give the recurrent layer the padded batch itself, without packing: what it "
        "gives for the tokens before the padding is the same in the forward direction; "
        "take the last state with gather at lengths - 1.",
    )


def _is_packed(frame: tuple[str, dict[str, object]]) -> bool:
    file, held = frame
    return file.replace("\\", "/").endswith(RECURRENT) and (
        held.get("batch_sizes") is not None
    )


def _no_shapes(error: Exception) -> tuple[str, str] | None:
    text = " ".join([str(error), str(error.__context__ or "")])
    own = NO_FAKE.search(text)
    if own is not None:
        return (
            f"the operator {own['name']} has no kernel for shapes",
            "Register one beside it: @torch.library.register_fake"
            f"({own['name']!r}) over a function that returns empty tensors of its "
            "outputs' shapes.",
        )
    match = NO_SHAPES.search(text)
    if match is None and type(error).__name__ != "UnsupportedOperatorException":
        return None
    name = match["name"] if match else str(error).split("\n")[0].strip()
    return (
        f"torch has no shapes for {name} where a size varies",
        "Write numbers for the sizes that vary in model.inputs (and `last_batch: "
        "discard` if one is the batch), or leave the operator out of forward().",
    )


def _frames(trace: TracebackType | None) -> list[tuple[str, dict[str, object]]]:
    walked = traceback.walk_tb(trace)
    return [(frame.f_code.co_filename, frame.f_locals) for frame, _line in walked]


CAUSES: tuple[Callable[[Exception], tuple[str, str] | None], ...] = (
    _unknown_class,
    _packed,
    _no_shapes,
)
