"""How a script makes batches of its data, or one random batch without data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from narrowcast.spec import Spec
from narrowcast.spec.spec import Evaluation, Input

from ..frameworks import framework_of
from ..names import variables
from ..sections import Batches, RandomBatch
from ..writing.code import Code, docstring, literal
from ..writing.imports import import_lines
from ..writing.layout import WIDTH, Group, call, laid_out, tuple_of
from .transforms import Axes, numpy_type, statements


def batches_section(spec: Spec, evaluation: Evaluation) -> Batches:
    """The loop over the dataset."""
    inputs, framework = _inputs(spec), framework_of(spec)
    names, shape = variables(one.name for one in inputs), inputs[0].shape
    axes = Axes(None if shape is None else len(shape), framework.channels_last)
    prepared = statements(evaluation.transforms, names[0], axes)
    reading, *unpacked = _read(names, spec, evaluation)
    return Batches(
        title=docstring(f"{_described(spec)} and labels."),
        tensor=framework.tensor_type,
        local_imports=import_lines(framework.tensor_imports, indent=4),
        reading=reading,
        statements=(*unpacked, *prepared, _tensors(spec, names)),
    )


def random_section(spec: Spec) -> RandomBatch:
    """One random batch of what the spec or else the model says of its inputs."""
    framework, inputs = framework_of(spec), spec.model.inputs
    wanted = list(framework.tensor_imports)
    what, size, signature = "INPUTS", literal(spec.batch_size), ""
    if not inputs or any(one.shape is None for one in inputs):
        what, signature = "what the model declares", ", signature(load_model())"
        wanted.append((framework.package, "signature"))
    array = Code("array")
    tensor = framework.tensor(spec, array, Code("array.dtype"))
    each = laid_out("", tensor) if isinstance(tensor, Group) else tensor
    together = "arrays" if each == array else f"tuple({each} for array in arrays)"
    return RandomBatch(
        title=Code(f"One random batch of {what}. The spec names no data."),
        tensor=framework.tensor_type,
        local_imports=import_lines(wanted, indent=4),
        drawing=Code(f"random_inputs(INPUTS, {size}, generator{signature})"),
        inputs=Code(together),
    )


def _inputs(spec: Spec) -> tuple[Input, ...]:
    """Those that the spec names, or the one that every model has."""
    return spec.model.inputs or (Input("x", None, None),)


def _read(names: Sequence[Code], spec: Spec, evaluation: Evaluation) -> Iterator[Code]:
    """The loop's head, and what takes a batch apart where that has no room for it."""
    limits = {}
    if evaluation.batches is not None:
        limits["limit"] = literal(evaluation.batches)
    if not evaluation.keep_last:
        limits["keep_last"] = literal(False)
    given = call("dataset().batches", **limits)
    size = literal(spec.batch_size)
    reading = laid_out("", Group(given.opening, (size, *given.items), ")"))
    arrays = tuple_of(names)
    together = f"for {laid_out('', arrays, 8)}, labels in {reading}:"
    if 4 + len(together) <= WIDTH:
        yield Code(together)
        return
    yield Code(f"for arrays, labels in {reading}:")
    bare = f"{', '.join(names)} = arrays"
    if len(names) == 1 or 8 + len(bare) > WIDTH:
        bare = f"{laid_out('', arrays, 8, ' = arrays')} = arrays"
    yield Code(bare)


def _tensors(spec: Spec, names: Sequence[Code]) -> Code:
    """The inputs in their declared dtypes, as tensors on the device."""
    tensor, made = framework_of(spec).tensor, []
    for name, one in zip(names, _inputs(spec), strict=True):
        dtype = numpy_type(one.dtype or "float32")
        made.append(tensor(spec, Code(f"{name}.astype({dtype})"), dtype))
    return laid_out("inputs = ", tuple_of(made), 8)


def _described(spec: Spec) -> str:
    """The inputs with their shapes; where that is long, what to look them up in."""
    text = ", ".join(map(_one_described, _inputs(spec)))
    if len(text) > 44:
        return "INPUTS" if spec.model.inputs else "The input"
    return text


def _one_described(one: Input) -> str:
    if one.shape is None:
        return f"{one.name} {one.dtype or 'float32'}"
    shape = ", ".join(map(str, one.shape)) + "," * (len(one.shape) == 1)
    return f"{one.name} {one.dtype or 'float32'} ({shape})"
