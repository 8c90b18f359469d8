"""How a script reads its data and prepares it for the model."""

from __future__ import annotations

from collections.abc import Iterator

from narrowcast.spec import Spec
from narrowcast.spec.dataset import Csv, Npz
from narrowcast.spec.spec import Dataset, Evaluation, Input, PythonClass

from .code import Code, comment, dotted, literal, variable
from .layout import Group, call, laid_out, tuple_of, values
from .model import imported
from .paths import here
from .script import Batches, FileData, PythonData, Section, SyntheticBatches
from .transforms import statements

TAKEN = frozenset(
    {"HERE", "Any", "Iterator", "data", "dataset", "generator", "labels", "np"}
    | {
        "inputs",
        "random_array",
        "start",
        "stop",
        "torch",
        "batches",
        "range",
        "len",
        "min",
    }
)

READERS = "narrowcast.runtime.data"


def data_sections(spec: Spec, folder: str) -> tuple[Section, ...]:
    """The dataset and the loop over it, or one random batch without a dataset."""
    if spec.evaluation is None:
        return (_synthetic(spec),)
    dataset = _dataset(spec.evaluation.dataset, folder)
    return dataset, _batches(spec, spec.evaluation)


def data_file(spec: Spec) -> str | None:
    """The dataset's file as the spec has it."""
    dataset = spec.evaluation.dataset if spec.evaluation else None
    return dataset.path if isinstance(dataset, (Csv, Npz)) else None


def python_modules(spec: Spec) -> tuple[str, ...]:
    """Modules of the user that the script imports, each once."""
    found = [spec.model.factory.module]
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


def _reading(reader: str, path: Code, **arguments: Code | Group) -> Code:
    given = call(reader, **arguments)
    return laid_out("return ", Group(given.opening, (path, *given.items), ")"), 4)


def _python(dataset: PythonClass) -> PythonData:
    module, name, expression = imported(dataset.object, frozenset({"Indexed", "cache"}))
    arguments = {key: literal(value) for key, value in dataset.args.items()}
    inner = call(expression, **arguments)
    return PythonData(
        local_import=Code(f"from {module} import {name}"),
        making=laid_out("return ", Group("Indexed(", (("", inner),), ")"), 4),
    )


def _batches(spec: Spec, evaluation: Evaluation) -> Batches:
    names = [variable(one.name, TAKEN) for one in spec.model.inputs]
    described = ", ".join(_described(one) for one in spec.model.inputs)
    first = spec.model.inputs[0]
    return Batches(
        title=comment(f"{described} and labels, {spec.batch_size} samples at a time."),
        inputs=Code(f"({', '.join(names)}{',' * (len(names) == 1)})"),
        size=literal(spec.batch_size),
        limit=tuple(_limit(spec, evaluation)),
        transforms=statements(evaluation.transforms, names[0], len(first.shape)),
        tensors=_tensors(spec, names),
    )


def _limit(spec: Spec, evaluation: Evaluation) -> Iterator[Code]:
    size = spec.batch_size
    if evaluation.keep_last:
        yield Code("stop = len(data)")
    else:
        yield Code(f"stop = len(data) // {size} * {size}")
    if evaluation.batches is not None:
        yield Code(f"stop = min(stop, {evaluation.batches} * {size})")


def _tensors(spec: Spec, names: list[Code]) -> Code:
    """The inputs in their declared dtypes, as tensors on the device."""
    place = "" if spec.device == "cpu" else f".to({literal(spec.device)})"
    items = [
        Code(f"torch.from_numpy({name}.astype({_numpy(one)})){place}")
        for name, one in zip(names, spec.model.inputs, strict=True)
    ]
    return laid_out("inputs = ", tuple_of(items), 8)


def _numpy(one: Input) -> Code:
    return Code("np.bool_" if one.dtype == "bool" else f"np.{dotted(one.dtype)}")


def _described(one: Input) -> str:
    comma = "," if len(one.shape) == 1 else ""
    return f"{one.name} {one.dtype} ({', '.join(map(str, one.shape))}{comma})"


def _synthetic(spec: Spec) -> SyntheticBatches:
    names = [variable(one.name, TAKEN) for one in spec.model.inputs]
    arrays = []
    for name, one in zip(names, spec.model.inputs, strict=True):
        sizes = [n if isinstance(n, int) else spec.batch_size for n in one.shape]
        arguments = (literal(sizes), literal(one.dtype), Code("generator"))
        drawing = Group("random_array(", arguments, ")")
        arrays.append(laid_out(f"{name} = ", drawing, 4))
    described = ", ".join(_described(one) for one in spec.model.inputs)
    return SyntheticBatches(
        title=comment(f"One random batch: {described}. The spec names no data."),
        seed=literal(spec.seed),
        arrays=tuple(arrays),
        tensors=_synthetic_tensors(spec, names),
    )


def _synthetic_tensors(spec: Spec, names: list[Code]) -> Code:
    place = "" if spec.device == "cpu" else f".to({literal(spec.device)})"
    items = [Code(f"torch.from_numpy({name}){place}") for name in names]
    return laid_out("inputs = ", tuple_of(items), 4)
