"""How a script reads its data and prepares it for the model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from narrowcast.spec import Spec
from narrowcast.spec.dataset import Csv, Npz
from narrowcast.spec.spec import Dataset, Evaluation, Input, PythonClass

from .code import Code, docstring, dotted, literal
from .frameworks import framework_of
from .layout import WIDTH, Group, Quotient, call, laid_out, tuple_of, values, yaml_value
from .names import importing, variables
from .paths import here
from .script import (
    Batches,
    DeclaredBatches,
    FileData,
    PythonData,
    Section,
    SyntheticBatches,
)
from .transforms import Axes, statements

READERS = "narrowcast.runtime.evaluation.data"


def data_sections(spec: Spec, folder: str) -> tuple[Section, ...]:
    """The dataset and the loop over it, or one random batch without a dataset."""
    if spec.evaluation is None:
        known = spec.model.inputs and all(
            one.shape is not None for one in spec.model.inputs
        )
        return (_synthetic(spec) if known else _declared(spec),)
    dataset = _dataset(spec.evaluation.dataset, folder)
    return dataset, _batches(spec, spec.evaluation)


def data_file(spec: Spec) -> str | None:
    """The dataset's file as the spec has it."""
    dataset = spec.evaluation.dataset if spec.evaluation else None
    return dataset.path if isinstance(dataset, (Csv, Npz)) else None


def python_modules(spec: Spec) -> tuple[str, ...]:
    """Modules of the user that the script imports, each once."""
    found = [spec.model.factory.module] if spec.model.factory else []
    if spec.evaluation is not None:
        for part in (spec.evaluation.dataset, spec.evaluation.metric):
            if isinstance(part, PythonClass):
                found.append(part.object.module)
    return tuple(dict.fromkeys(found))


def _dataset(dataset: Dataset, folder: str) -> Section:
    match dataset:
        case Npz():
            return FileData(
                title=Code("All samples of the archive, read once."),
                reading=_reading(
                    "read_npz",
                    here(dataset.path, folder),
                    inputs=values(dataset.inputs),
                    label=literal(dataset.label),
                ),
                reader=(f"{READERS}.npz", "read_npz"),
            )
        case Csv():
            return FileData(
                title=Code("All samples of the file, one row each, read once."),
                reading=_reading(
                    "read_csv", here(dataset.path, folder), **_csv(dataset)
                ),
                reader=(f"{READERS}.csv", "read_csv"),
            )
        case PythonClass():
            return _python(dataset)


def _csv(dataset: Csv) -> dict[str, Code | Group]:
    """Arguments of the reader, without the defaults that people expect."""
    arguments: dict[str, Code | Group] = {"label": literal(dataset.label)}
    if dataset.shape is not None:
        arguments["shape"] = values(dataset.shape)
    if dataset.header:
        arguments["header"] = literal(True)
    if dataset.delimiter != ",":
        arguments["delimiter"] = literal(dataset.delimiter)
    return arguments


def _reading(reader: str, path: Quotient, **arguments: Code | Group) -> Code:
    given = call(reader, **arguments)
    return laid_out("return ", Group(given.opening, (path, *given.items), ")"), 4)


def _python(dataset: PythonClass) -> PythonData:
    local_import, expression = importing(dataset.object)
    arguments = {key: yaml_value(value) for key, value in dataset.args.items()}
    inner = call(expression, **arguments)
    return PythonData(
        local_import=local_import,
        making=laid_out("return ", Group("Indexed(", (("", inner),), ")"), 4),
    )


def _inputs(spec: Spec) -> tuple[Input, ...]:
    """Those that the spec names, or the one that every model has."""
    return spec.model.inputs or (Input("x", None, None),)


def _batches(spec: Spec, evaluation: Evaluation) -> Batches:
    inputs, framework = _inputs(spec), framework_of(spec)
    names = variables(one.name for one in inputs)
    size, shape = literal(spec.batch_size), inputs[0].shape
    axes = Axes(None if shape is None else len(shape), framework.channels_last)
    prepared = statements(evaluation.transforms, names[0], axes)
    return Batches(
        template=f"{framework.templates}/batches.py.j2",
        title=docstring(f"{_described(spec)} and labels, {size} samples at a time."),
        size=size,
        limit=tuple(_limit(spec, evaluation)),
        statements=(*_read(names, size), *prepared, _tensors(spec, names)),
    )


def _read(names: Sequence[Code], size: Code) -> Sequence[Code]:
    """A batch into one variable for each input, and `labels`."""
    arrays = tuple_of(names)
    reading = f"data.batch(start, min(start + {size}, stop))"
    together = f"{laid_out('', arrays, 8)}, labels = {reading}"
    if 8 + len(together) <= WIDTH:
        return (Code(together),)
    bare = f"{', '.join(names)} = arrays"
    if len(names) == 1 or 8 + len(bare) > WIDTH:
        bare = f"{laid_out('', arrays, 8, ' = arrays')} = arrays"
    return Code(f"arrays, labels = {reading}"), Code(bare)


def _limit(spec: Spec, evaluation: Evaluation) -> Iterator[Code]:
    size = spec.batch_size
    if evaluation.keep_last:
        yield Code("stop = len(data)")
    else:
        yield Code(f"stop = len(data) // {size} * {size}")
    if evaluation.batches is not None:
        yield Code(f"stop = min(stop, {evaluation.batches} * {size})")


def _tensors(spec: Spec, names: Sequence[Code]) -> Code:
    """The inputs in their declared dtypes, as tensors on the device."""
    pairs = zip(names, _inputs(spec), strict=True)
    arrays = (Code(f"{name}.astype({_numpy(one)})") for name, one in pairs)
    return laid_out("inputs = ", _as_tensors(spec, arrays), 8)


def _as_tensors(spec: Spec, arrays: Iterable[Code]) -> Group:
    tensor = framework_of(spec).tensor
    pairs = zip(arrays, _inputs(spec), strict=True)
    return tuple_of([tensor(spec, array, _numpy(one)) for array, one in pairs])


def _numpy(one: Input) -> Code:
    dtype = one.dtype or "float32"
    return Code("np.bool_" if dtype == "bool" else f"np.{dotted(dtype)}")


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


def _declared(spec: Spec) -> DeclaredBatches:
    template = f"{framework_of(spec).templates}/declared.py.j2"
    return DeclaredBatches(template, literal(spec.seed), literal(spec.batch_size))


def _synthetic(spec: Spec) -> SyntheticBatches:
    names = variables(one.name for one in spec.model.inputs)
    statements: list[Code] = []
    for name, one in zip(names, spec.model.inputs, strict=True):
        sizes = [n if isinstance(n, int) else spec.batch_size for n in one.shape or ()]
        shape, dtype = literal(tuple(sizes)), literal(one.dtype or "float32")
        drawing = Group("random_array(", (shape, dtype, Code("generator")), ")")
        statements.append(laid_out(f"{name} = ", drawing, 4))
    return SyntheticBatches(
        template=f"{framework_of(spec).templates}/synthetic.py.j2",
        title=docstring(
            f"One random batch: {_described(spec)}. The spec names no data."
        ),
        seed=literal(spec.seed),
        statements=(*statements, laid_out("inputs = ", _as_tensors(spec, names), 4)),
    )
