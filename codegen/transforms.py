"""Transforms as the NumPy statements that a person would write."""

from __future__ import annotations

from collections.abc import Sequence

from narrowcast.spec.transform import Cast, Normalize, Rescale, Transform, Transpose

from .code import Code, literal


def statements(
    transforms: Sequence[Transform], name: Code, rank: int
) -> tuple[Code, ...]:
    """One or more assignments to `name` per transform, in order.

    Args:
        name: The variable that holds a batch of inputs.
        rank: Dimensions of a batch.
    """
    found: list[Code] = []
    for transform in transforms:
        match transform:
            case Rescale():
                found.append(Code(f"{name} = {name}.astype(np.float32) / 255"))
            case Normalize():
                found.extend(_normalize(transform, name, rank))
            case Cast(dtype=dtype):
                found.append(Code(f"{name} = {name}.astype({literal(dtype)})"))
            case Transpose(perm=perm):
                axes = ", ".join(["0", *(str(axis + 1) for axis in perm)])
                found.append(Code(f"{name} = {name}.transpose({axes})"))
    return tuple(found)


def _normalize(transform: Normalize, name: Code, rank: int) -> Sequence[Code]:
    if len(transform.mean) == 1:
        mean, std = literal(transform.mean[0]), literal(transform.std[0])
        return (Code(f"{name} = ({name} - {mean}) / {std}"),)
    shape = ", ".join(["-1", *["1"] * max(rank - 2, 0)])

    def channels(values: Sequence[float]) -> str:
        return f"np.array({literal(list(values))}, np.float32).reshape({shape})"

    return (
        Code(f"mean = {channels(transform.mean)}"),
        Code(f"std = {channels(transform.std)}"),
        Code(f"{name} = ({name} - mean) / std"),
    )
