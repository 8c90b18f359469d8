"""Inputs that the spec leaves out are what the first batch gives to forward()."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from narrowcast.runtime.common.errors import DataError, ModelError
from narrowcast.runtime.common.telling.progress import Terminal
from narrowcast.runtime.evaluation.criterion import Criterion
from narrowcast.runtime.evaluation.data.arrays import Batched
from narrowcast.runtime.evaluation.data.files.csv import read_csv
from narrowcast.runtime.evaluation.data.files.npz import read_npz
from narrowcast.runtime.evaluation.data.indexed import Indexed
from narrowcast.runtime.evaluation.data.supplied.supplied import Data, named_data
from narrowcast.runtime.evaluation.metrics.mse import MSE
from narrowcast.runtime.frameworks import pytorch
from narrowcast.runtime.frameworks.inputs import Input
from narrowcast.runtime.graph.graph import Precision
from narrowcast.runtime.graph.pins import Pins
from narrowcast.runtime.record.sources import Sources
from narrowcast.runtime.run import Context, Options, Run
from narrowcast.runtime.run.conversion import Conversion
from narrowcast.runtime.run.subject import Subject

CRITERION = Criterion(relative=0.5, higher_is_better=False)


def read(data: Data | Batched) -> Iterator[Any]:
    """As scripts do."""
    for arrays, labels in data.batches(4):
        yield tuple(torch.from_numpy(array) for array in arrays), labels


class Batches:
    """Data that comes in batches, each of tensors by their names or in order."""

    def __init__(self, *batches: Any) -> None:
        self.given = [b if isinstance(b, dict) else dict(enumerate(b)) for b in batches]
        self.names = tuple(k for k in self.given[0] if isinstance(k, str))

    def batches(self, size: int, **limits: Any) -> Iterator[Any]:
        for batch in self.given:
            arrays = tuple(np.asarray(value) for value in batch.values())
            yield arrays, np.zeros(len(arrays[0]), np.float32)


def ones(*shape: int, dtype: Any = np.float32) -> Any:
    return np.ones(shape, dtype)


def loaded(
    folder: Path,
    model: nn.Module,
    data: Data | Batched | None,
    inputs: Sequence[Input] = (),
) -> Subject:
    options = Options(output=folder, plan=folder / "net.plan.json", search=True)
    told = Terminal(io.StringIO())
    context = Context("net", folder / "convert.py", options, told, time.perf_counter)
    run = Run(context, pytorch)
    fed: Any = run.fed(read, data, seed=0)
    if isinstance(data, Batched):  # as the script itself reads it
        fed = partial(read, data)
    subject = run.load(model.eval, fed, inputs=inputs, sources=Sources())
    context.discard()
    return subject


def traced(subject: Subject, judged: bool = True) -> Conversion:
    if judged:
        subject = subject.judged_by(MSE, CRITERION)
    return subject.trace(Precision.BF16, "net.pt2", pins=Pins())


def shapes(conversion: Conversion) -> dict[str, Any]:
    return {each.name: each.shape for each in conversion.slots.inputs}


class Image(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 3)

    def forward(self, image: torch.Tensor) -> Any:
        return self.conv(image).mean((1, 2, 3))


class Pair(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(5, 1)

    def forward(self, left: torch.Tensor, right: torch.Tensor) -> Any:
        return self.linear(left + right)[:, 0]


class Text(nn.Module):
    """Optional arguments, one of which is no tensor, as language models have them."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.head = nn.Embedding(9, 8), nn.Linear(8, 1)

    def forward(
        self,
        tokens: torch.Tensor,
        mask: torch.Tensor | None = None,
        flag: bool = False,
        kinds: torch.Tensor | None = None,
    ) -> Any:
        found = self.table(tokens)
        if mask is not None:
            found = found * mask.unsqueeze(-1)
        if kinds is not None:
            found = found + kinds.unsqueeze(-1)
        return self.head(found.mean(1))[:, 0]


def test_an_archive_and_a_last_batch_that_is_smaller(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", pictures=ones(10, 3, 6, 7), y=ones(10))
    data = read_npz(tmp_path / "a.npz", inputs=("pictures",), label="y")
    subject = loaded(tmp_path, Image(), named_data(str(tmp_path / "a.npz")))
    (found,) = subject.slots.inputs
    assert found.shape == ("batch", "image_1", "image_2", "image_3")
    assert (found.name, found.dtype) == ("image", "float32")
    conversion = traced(subject)
    assert shapes(conversion) == {"image": ("batch", 3, 6, 7)}
    assert conversion.notes == ()
    saved = conversion.traced.save(
        conversion.traced.apply(dict.fromkeys(conversion.traced.graph.by_id, "fp32")),
        tmp_path / "net.pt2",
    )
    for images in (data.inputs[0], data.inputs[0][:2], data.inputs[0][:1]):
        batch = (torch.from_numpy(images),)
        assert pytorch.load_saved(saved)(batch)[0].shape == (len(images),)


def test_a_table(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1,2,3,4,5,1\n2,3,4,5,6,0\n")
    data = read_csv(tmp_path / "a.csv", label=5)
    conversion = traced(loaded(tmp_path, nn.Linear(5, 1), data))
    assert shapes(conversion) == {"input": ("batch", 5)}


def test_a_dataset_of_the_users_with_two_inputs_by_order(tmp_path: Path) -> None:
    samples = [((ones(5), ones(5)), 1.0)] * 6
    conversion = traced(loaded(tmp_path, Pair(), Indexed(samples)))
    assert shapes(conversion) == {"left": ("batch", 5), "right": ("batch", 5)}
    assert {each.dtype for each in conversion.slots.inputs} == {"float32"}


def test_a_batch_with_names_is_bound_by_them(tmp_path: Path) -> None:
    tokens, kinds = ones(4, 6, dtype=np.int64), ones(4, 6)
    data = Batches({"kinds": kinds, "tokens": tokens})
    conversion = traced(loaded(tmp_path, Text(), data))
    assert shapes(conversion) == {"kinds": ("batch", 6), "tokens": ("batch", 6)}
    assert [each.dtype for each in conversion.slots.inputs] == ["float32", "int64"]


def test_lengths_that_vary_together_are_one_size(tmp_path: Path) -> None:
    def batch(size: int, length: int) -> Any:
        return ones(size, length, dtype=np.int64), ones(size, length)

    data = Batches(batch(4, 6), batch(4, 9), batch(3, 5))
    conversion = traced(loaded(tmp_path, Text(), data))
    assert shapes(conversion) == {
        "tokens": ("batch", "tokens_1"),
        "mask": ("batch", "tokens_1"),
    }
    (note,) = conversion.notes
    assert note == "tokens_1 judged at 5 to 9: nothing is known of other sizes"


def test_sizes_that_differ_once_are_two(tmp_path: Path) -> None:
    """Although the first, the least and the most are the same."""
    data = Batches(*[(ones(2, 3, h, w),) for h, w in ((6, 6), (5, 9), (9, 5), (6, 6))])
    conversion = traced(loaded(tmp_path, Image(), data))
    assert shapes(conversion) == {"image": ("batch", 3, "image_2", "image_3")}
    placement = dict.fromkeys(conversion.traced.graph.by_id, Precision.FP32)
    made = conversion.traced.apply(placement)
    saved = pytorch.load_saved(conversion.traced.save(made, tmp_path / "net.pt2"))
    for arrays, _labels in data.batches(1):
        assert saved((torch.from_numpy(arrays[0]),))[0].shape == (2,)


def test_a_square_whose_sides_count_the_samples(tmp_path: Path) -> None:
    class Similar(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(5, 5)

        def forward(self, x: torch.Tensor, similar: torch.Tensor) -> Any:
            return (similar @ self.linear(x)).sum(1)

    data = Batches(*[(ones(n, 5), ones(n, n)) for n in (4, 3)])
    conversion = traced(loaded(tmp_path, Similar(), data))
    assert shapes(conversion) == {"x": ("batch", 5), "similar": ("batch", "batch")}
    assert conversion.notes == (
        "batch judged at 3 to 4: nothing is known of other sizes",
    )


def test_first_dimensions_that_are_no_samples_vary_alone(tmp_path: Path) -> None:
    class Nodes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(5, 1)

        def forward(self, nodes: torch.Tensor, edges: torch.Tensor) -> Any:
            return self.linear(nodes)[:, 0] + edges.sum()

    data = Batches(*[(ones(n, 5), ones(2, m)) for n, m in ((3, 7), (4, 7), (6, 9))])
    conversion = traced(loaded(tmp_path, Nodes(), data))
    assert shapes(conversion) == {"nodes": ("batch", 5), "edges": (2, "edges_1")}
    data = Batches(*[(ones(n, 5), ones(m, 2)) for n, m in ((3, 3), (4, 7), (6, 9))])
    conversion = traced(loaded(tmp_path, Nodes(), data))
    assert shapes(conversion) == {"nodes": ("batch", 5), "edges": ("edges_0", 2)}
    assert conversion.notes == (
        "edges_0 judged at 3 to 9: nothing is known of other sizes",
    )


def test_optional_arguments_take_what_is_left(tmp_path: Path) -> None:
    tokens, mask = ones(4, 6, dtype=np.int64), ones(4, 6)
    for batch, names in [
        ((tokens,), ["tokens"]),
        ((tokens, mask), ["tokens", "mask"]),
        ((tokens, mask, mask), ["tokens", "mask", "kinds"]),
    ]:
        conversion = traced(loaded(tmp_path, Text(), Batches(batch)))
        assert list(shapes(conversion)) == names


def test_arguments_without_names_go_by_position(tmp_path: Path) -> None:
    class Any_(nn.Linear):
        def forward(self, *parts: torch.Tensor) -> Any:
            return super().forward(parts[0] + parts[1])[:, 0]

    conversion = traced(loaded(tmp_path, Any_(5, 1), Batches((ones(2, 5), ones(2, 5)))))
    assert list(shapes(conversion).values()) == [("batch", 5), ("batch", 5)]


def test_sizes_are_seen_where_nothing_is_judged(tmp_path: Path) -> None:
    tokens = [(ones(4, length, dtype=np.int64),) for length in (5, 7)]
    conversion = traced(loaded(tmp_path, Text(), Batches(*tokens)), judged=False)
    assert shapes(conversion) == {"tokens": ("batch", "tokens_1")}
    conversion = traced(loaded(tmp_path, Text(), Batches(*tokens[:1])), judged=False)
    assert shapes(conversion) == {"tokens": ("batch", 5)}


@pytest.mark.parametrize(
    ("batch", "said", "remedy"),
    [
        (
            (ones(2, 5),),
            "the data gives 1 inputs, Pair.forward() takes left, right",
            "several inputs of one sample are a tuple",
        ),
        ((ones(2, 5),) * 3, "the data gives 3 inputs, Pair.forward() takes left", ""),
        (
            {"left": ones(2, 5), "rigth": ones(2, 5)},
            "the data names an input `rigth`, Pair.forward() takes left, right",
            "Did you mean `right`?",
        ),
        (
            {"left": ones(2, 5), "right": ones(2, 5), "lab": ones(2)},
            "the data names an input `lab`, Pair.forward() takes left, right",
            "labels in an array called label",
        ),
        (
            {"left": ones(2, 5)},
            "the data has no input `right`: it names left, Pair.forward() takes",
            "Name the inputs",
        ),
    ],
)
def test_what_does_not_fit_names_the_arguments(
    tmp_path: Path, batch: Any, said: str, remedy: str
) -> None:
    with pytest.raises(DataError) as caught:
        loaded(tmp_path, Pair(), Batches(batch))
    assert said in caught.value.message
    assert remedy in caught.value.remedy


def test_optional_arguments_are_named_too(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        loaded(tmp_path, Text(), Batches((ones(2, 5),) * 4))
    assert caught.value.message == (
        "the data gives 4 inputs, Text.forward() takes tokens and may take mask, kinds"
    )


def test_a_rank_that_varies_is_told_by_what_the_first_batch_says(
    tmp_path: Path,
) -> None:
    subject = loaded(
        tmp_path, nn.Linear(5, 1), Batches((ones(2, 5),), (ones(2, 3, 5),))
    )
    with pytest.raises(
        DataError, match=r"\(2, 3, 5\), the first batch says \(batch, in"
    ):
        traced(subject)


def test_without_data_the_remedy_is_the_line_to_write(tmp_path: Path) -> None:
    subject = loaded(tmp_path, Pair(), None)  # a function may call the model yet
    with pytest.raises(ModelError) as caught:
        traced(subject, judged=False)
    assert caught.value.message.startswith(
        "nothing says which shapes Pair.forward() ta"
    )
    assert caught.value.remedy == (
        "Give --data, or an eval_func that calls the model, or write under model: "
        "`inputs: [{name: left, shape: [batch, ...], dtype: float32}, "
        "{name: right, shape: [batch, ...], dtype: float32}]`"
    )


def program() -> nn.Module:
    sizes = {0: torch.export.Dim("batch")}
    return torch.export.export(
        Pair().eval(), (torch.ones(2, 5),) * 2, dynamic_shapes=(sizes, sizes)
    ).module()


@pytest.mark.parametrize("data", [None, Batches((ones(3, 5), ones(3, 5)))])
def test_an_exported_program_says_its_own(tmp_path: Path, data: Any) -> None:
    model = program()
    vars(model)["eval"] = lambda: model
    subject = loaded(tmp_path, model, data)
    (left, right) = subject.slots.inputs
    assert (left.name, right.name, left.dtype) == ("left", "right", "float32")
    assert left.shape == right.shape
    assert left.shape is not None
    assert (type(left.shape[0]), left.shape[1]) == (str, 5)
    traced(subject, judged=data is not None)


def test_data_that_an_exported_program_does_not_take(tmp_path: Path) -> None:
    model = program()
    vars(model)["eval"] = lambda: model
    subject = loaded(tmp_path, model, Batches((ones(3, 5),)))
    with pytest.raises(DataError, match="gives 1 inputs, the model names 2"):
        traced(subject)


def test_names_alone_say_which_argument_an_array_is(tmp_path: Path) -> None:
    """Arrays in another order than forward()'s: of other shapes, so that it shows."""

    class Scaled(nn.Module):
        def forward(self, x: torch.Tensor, scale: torch.Tensor) -> Any:
            return (x * scale).mean(1)

    data = Batches((ones(4, 1), ones(4, 6)), (ones(2, 1), ones(2, 6)))
    names = (Input("scale"), Input("x"))
    subject = loaded(tmp_path, Scaled(), data, names)
    inputs = subject.slots.inputs
    assert [each.name for each in inputs] == ["scale", "x"]
    assert shapes(traced(subject)) == {"scale": ("batch", 1), "x": ("batch", 6)}
