"""How a script makes batches of its data, or of what is supplied."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from narrowcast.spec import Spec
from narrowcast.spec.sections.datasets.dataset import BuiltInDataset
from narrowcast.spec.sections.fields import STRING
from narrowcast.spec.spec import Evaluation, Input

from ..frameworks import framework_of
from ..names import variables
from ..sections import EVALUATED, Batches, Called
from ..writing.code import Code, docstring, literal
from ..writing.imports import Import, import_lines
from ..writing.layout import WIDTH, Group, call, laid_out, tuple_of
from .transforms.elementwise import numpy_type
from .transforms.section import batch_steps, is_prepared
from .transforms.step import Step


def batches_section(
    spec: Spec, evaluation: Evaluation, called: Called = EVALUATED
) -> Batches:
    """The loop over the dataset."""
    inputs, framework = _inputs(spec), framework_of(spec)
    said = any(one.shape or one.dtype for one in spec.model.inputs)
    bound = framework.binds or _ordered(spec, evaluation)
    if bound and not said and not _batched(evaluation):
        return _bound_section(spec, evaluation, called)
    names = variables(one.name for one in inputs)
    reading, *unpacked = _read(names, spec, evaluation, called)
    prepared = _prepared(spec, evaluation, names[0])
    lines = (
        *unpacked,
        *(line for step in prepared for line in step.statements),
        _tensors(spec, names),
    )
    return Batches(
        imports=(
            *_imports(framework.tensor_type, *lines),
            *(i for step in prepared for i in step.imports),
        ),
        title=docstring(f"{_described(spec)} and labels."),
        tensor=framework.tensor_type,
        local_imports=import_lines(framework.tensor_imports, indent=4),
        reading=reading,
        statements=lines,
        name=called.batches,
    )


def supplied_section(spec: Spec, evaluation: Evaluation) -> Batches:
    """The loop over what is supplied, or over one random batch without data."""
    framework, array = framework_of(spec), Code("array")
    each = framework.tensor(spec, array, Code("array.dtype"))
    if each == array:  # the framework takes NumPy's
        each = Code("np.asarray(array)")
    return Batches(
        imports=_imports(framework.tensor_type),
        title=Code("What is supplied, and labels; without data one random batch."),
        tensor=framework.tensor_type,
        local_imports=import_lines(framework.tensor_imports, indent=4),
        reading=_arrays_of("data.batches", spec, evaluation),
        inputs=_each(each),
        argument=Code("data: Data"),
    )


def _imports(*lines: Code) -> tuple[Import, ...]:
    """What these lines of the function need at the top of the script."""
    numpy = (("numpy as np", ""),) if any(NUMPY.search(line) for line in lines) else ()
    return (("collections.abc", "Iterator"), ("typing", "Any"), *numpy)


NUMPY = re.compile(r"\bnp\.")


def _ordered(spec: Spec, evaluation: Evaluation) -> bool:
    """Whether a sample has several arrays, for inputs that the spec does not name."""
    dataset = evaluation.dataset
    several = isinstance(dataset, BuiltInDataset) and dataset.arrays > 1
    return several and not spec.model.inputs


def _batched(evaluation: Evaluation) -> bool:
    """Whether a whole batch is prepared at once."""
    return bool(evaluation.transforms) and not is_prepared(evaluation)


def _prepared(spec: Spec, evaluation: Evaluation, name: Code) -> Sequence[Step]:
    """What is done to a whole batch of the first input."""
    return batch_steps(spec, name) if _batched(evaluation) else ()


def _bound_section(spec: Spec, evaluation: Evaluation, called: Called) -> Batches:
    """The loop over a dataset whose arrays are what the model takes, in that order."""
    framework = framework_of(spec)
    made = framework.tensor(spec, Code("array"), Code("array.dtype"))
    return Batches(
        imports=_imports(framework.tensor_type),
        title=Code("What the data gives, in the order of the model's arguments."),
        tensor=framework.tensor_type,
        local_imports=import_lines(framework.tensor_imports, indent=4),
        reading=_arrays_of(f"{called.dataset}().batches", spec, evaluation),
        statements=(Code(f"inputs = {_each(made)}"),),
        name=called.batches,
    )


def _arrays_of(method: str, spec: Spec, evaluation: Evaluation) -> Code:
    reading = laid_out("", _limited(method, spec, evaluation))
    return Code(f"for arrays, labels in {reading}:")


def _each(tensor: Group | Code) -> Code:
    made = laid_out("", tensor) if isinstance(tensor, Group) else tensor
    return Code(f"tuple({made} for array in arrays)")


def _inputs(spec: Spec) -> tuple[Input, ...]:
    """Those that the spec names and data gives, or the one that every model has."""
    given = tuple(one for one in spec.model.inputs if not one.value)
    return given or (Input("x", None, None),)


def _read(
    names: Sequence[Code], spec: Spec, evaluation: Evaluation, called: Called
) -> Iterator[Code]:
    """The loop's head, and what takes a batch apart where that has no room for it."""
    reading = laid_out("", _limited(f"{called.dataset}().batches", spec, evaluation))
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


def _limited(method: str, spec: Spec, evaluation: Evaluation) -> Group:
    """The call that reads the batches which are evaluated."""
    limits = {}
    if evaluation.batches is not None:
        limits["limit"] = literal(evaluation.batches)
    if not evaluation.keep_last:
        limits["keep_last"] = literal(False)
    if evaluation.shuffle:
        limits["shuffle"] = Code("SEED")
    given = call(method, **limits)
    return Group(given.opening, (literal(spec.batch_size), *given.items), ")")


def _tensors(spec: Spec, names: Sequence[Code]) -> Code:
    """The inputs in their declared dtypes, as tensors on the device."""
    tensor, made = framework_of(spec).tensor, []
    for name, one in zip(names, _inputs(spec), strict=True):
        if one.dtype in (None, STRING):  # the run makes the model's own of it
            made.append(tensor(spec, name, Code(f"{name}.dtype")))
            continue
        dtype = numpy_type(one.dtype)
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
        return " ".join(filter(None, (one.name, one.dtype)))
    shape = ", ".join(map(str, one.shape)) + "," * (len(one.shape) == 1)
    return " ".join(filter(None, (one.name, one.dtype, f"({shape})")))
