"""Models that come quantized by the PyTorch 2 Export flow keep their int8 kernels."""

from __future__ import annotations

import re
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
from torchao.quantization.pt2e.quantizer.x86_inductor_quantizer import (
    X86InductorQuantizer,
    get_default_x86_inductor_quantization_config,
)

from narrowcast.runtime.common.errors import ModelError
from narrowcast.runtime.frameworks import pytorch
from narrowcast.runtime.frameworks.inputs import Input
from narrowcast.runtime.frameworks.pytorch import Program
from narrowcast.runtime.graph.graph import Precision, casts

BF16, FP16, FP32 = Precision.BF16, Precision.FP16, Precision.FP32

DECOMPOSED = "torch.ao.quantization.fx._decomposed"


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 3, padding=1)
        self.norm = nn.BatchNorm2d(32)
        self.conv = nn.Conv2d(32, 32, 3, padding=1)
        self.head = nn.Linear(32, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.norm(self.stem(image)))
        x = torch.relu(self.conv(x) + x)
        return torch.softmax(self.head(x.mean((2, 3))), -1)


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(64, 192)
        self.norm = nn.LayerNorm(64)
        self.up, self.down = nn.Linear(64, 256), nn.Linear(256, 64)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        q, k, v = self.qkv(tokens).chunk(3, -1)
        x = tokens + nn.functional.scaled_dot_product_attention(q, k, v)
        return x + self.down(nn.functional.gelu(self.up(self.norm(x))))


class Layers(nn.Module):
    """An int8 layer that is added to an input, and one that is added to a weight."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, padding=1)
        self.first, self.second = nn.Linear(16, 64), nn.Linear(64, 64)
        self.places = nn.Parameter(torch.randn(4, 64))

    def forward(self, image: torch.Tensor, added: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.conv(image)).mean((2, 3))
        x = self.first(x) + added
        return self.second(torch.tanh(x)) + self.places


class Mixed(nn.Module):
    """A plain convolution, which preparation lays out anew, before quantized ones."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 3, padding=1)
        self.body = nn.Sequential(
            *(
                layer
                for _ in range(6)
                for layer in (nn.Conv2d(32, 32, 3, padding=1), nn.ReLU())
            )
        )

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.body(torch.tanh(self.stem(image)))  # type: ignore[no-any-return]


def quantized(
    model: nn.Module, *batch: torch.Tensor, dynamic: bool = False, plain: str = ""
) -> nn.Module:
    """As torchao makes it: calibrated on the batch; `plain` stays a float layer."""
    quantizer = X86InductorQuantizer()
    quantizer.set_global(
        get_default_x86_inductor_quantization_config(is_dynamic=dynamic)
    )
    if plain:
        quantizer.set_module_name_qconfig(plain, None)
    captured = torch.export.export(model.eval(), batch).module()
    prepared = prepare_pt2e(captured, quantizer)
    prepared(*batch)
    made: nn.Module = convert_pt2e(prepared)
    return made


def saved(model: nn.Module, path: Path, *batch: torch.Tensor) -> Path:
    torch.export.save(torch.export.export(model, batch), path)
    return path


def traced(model: nn.Module, *batch: torch.Tensor, low: Precision = BF16) -> Program:
    named = zip(pytorch.signature(model), batch, strict=True)
    inputs = [Input(one.name, tuple(value.shape)) for one, value in named]
    return pytorch.trace(model, batch, low=low, inputs=inputs)


@pytest.fixture(scope="module")
def image() -> torch.Tensor:
    torch.manual_seed(0)
    return torch.randn(4, 3, 16, 16)


@pytest.fixture(scope="module")
def residual(image: torch.Tensor) -> nn.Module:
    torch.manual_seed(0)
    return quantized(Residual(), image)


@pytest.fixture(scope="module")
def program(residual: nn.Module, image: torch.Tensor) -> Program:
    return traced(residual, image)


@pytest.fixture(scope="module")
def tokens() -> torch.Tensor:
    torch.manual_seed(0)
    return torch.randn(4, 8, 64)


def share(program: Program, low: dict[str, Precision]) -> tuple[float, float]:
    """Of FLOPs in int8 and in bf16."""
    graph = program.graph
    return graph.flops_int8({}) / graph.flops, graph.flops_in(low, BF16) / graph.flops


def test_compiled_contractions_are_int8_and_the_rest_is_bf16(
    tools: Any, program: Program
) -> None:
    compiled = pytorch.under_inductor(program)
    int8, bf16 = share(compiled, tools.all_low(compiled))
    assert int8 > 0.99 and int8 + bf16 == pytest.approx(1.0)
    names = {op.id for op in compiled.graph.ops if op.quantized}
    assert names == {"stem:conv2d:0", "conv:conv2d:0", "head:linear:0"}
    assert any("int8 kernels run in the package" in note for note in compiled.notes)


def test_eager_they_are_floats_and_a_note_says_so(tools: Any, program: Program) -> None:
    assert share(program, tools.all_low(program)) == (0.0, 1.0)
    assert any("3 ops of the model are quantized" in note for note in program.notes)
    assert any("only compiled" in note for note in program.notes)
    assert any(f"import {DECOMPOSED}" in note for note in program.notes)


@pytest.mark.parametrize("dynamic", [False, True])
def test_a_transformer_block(tools: Any, tokens: torch.Tensor, dynamic: bool) -> None:
    torch.manual_seed(0)
    model = quantized(Block(), tokens, dynamic=dynamic)
    program = pytorch.under_inductor(traced(model, tokens))
    placement = tools.all_low(program)
    int8, bf16 = share(program, placement)
    assert int8 > 0.9 and int8 + bf16 == pytest.approx(1.0)
    assert {cast.tensor for cast in casts(program.graph, placement)} == {
        "tokens",
        ":add:1",
    }
    with torch.no_grad():
        assert tools.error(model(tokens), program.apply(placement)(tokens)) < 0.02


def test_nothing_is_cast_between_quantize_and_dequantize(
    tools: Any, program: Program
) -> None:
    converted = program.apply(tools.all_low(program))
    for node in converted.graph.nodes:
        if ".dequantize" in str(node.target):
            assert node.kwargs["out_dtype"] == torch.bfloat16
        if "quantize_per_tensor.default" in str(node.target):
            assert all("_to_copy" not in str(n.target) for n in node.all_input_nodes)
    copies = [n for n in converted.graph.nodes if "_to_copy" in str(n.target)]
    assert len(copies) == 1  # of the output


def test_what_stays_fp32_is_dequantized_to_fp32(
    tools: Any, program: Program, residual: nn.Module, image: torch.Tensor
) -> None:
    placement = {**tools.all_low(program), "conv:conv2d:0": FP32}
    converted = program.apply(placement)
    (convolution,) = [
        node
        for node in converted.graph.nodes
        if "conv2d" in str(node.target)
        and all("out_dtype" not in n.kwargs for n in node.all_input_nodes)
    ]
    assert convolution.name.startswith("conv2d")
    with torch.no_grad():
        assert tools.error(residual(image), converted(image)) < 0.02


FRESH = """
import sys
from pathlib import Path
import numpy as np
import torch

loaded, saved, batch, found = map(Path, sys.argv[1:])
try:
    torch.export.load(saved)
except Exception:
    from narrowcast.runtime.frameworks import pytorch
else:
    raise SystemExit("the note is not needed")
pytorch.open_pt2(loaded)
inputs = torch.from_numpy(np.load(batch))
(ours,) = pytorch.load_saved(saved)((inputs,))
np.save(found, ours)
"""

PLAIN = f"""
import sys
import numpy as np
import torch
import {DECOMPOSED}

saved, batch, found = sys.argv[1:]
model = torch.export.load(saved).module()
np.save(found, model(torch.from_numpy(np.load(batch))).detach().numpy())
"""


def test_files_open_in_fresh_processes_as_the_note_says(
    tools: Any,
    python: Any,
    program: Program,
    residual: nn.Module,
    image: torch.Tensor,
    tmp_path: Path,
) -> None:
    loaded = saved(residual, tmp_path / "loaded.pt2", image)
    path = program.save(program.apply(tools.all_low(program)), tmp_path / "net.pt2")
    batch, found = tmp_path / "batch.npy", tmp_path / "found.npy"
    np.save(batch, image.numpy())
    with torch.no_grad():
        expected = residual(image)
    for source, files in ((FRESH, (loaded, path)), (PLAIN, (path,))):
        done = python("-c", source, *files, batch, found)
        assert done.returncode == 0, done.stderr
        assert 0 < tools.error(expected, torch.from_numpy(np.load(found))) < 0.02
        found.unlink()


def test_a_trusted_file_opens_too(
    residual: nn.Module, image: torch.Tensor, tmp_path: Path
) -> None:
    path = saved(residual, tmp_path / "net.pt2", image)
    assert pytorch.open_pt2(path, trust=True).state_dict


def test_the_saved_file_has_no_weight_twice(
    tools: Any,
    program: Program,
    residual: nn.Module,
    image: torch.Tensor,
    tmp_path: Path,
) -> None:
    loaded = saved(residual, tmp_path / "loaded.pt2", image)
    path = program.save(program.apply(tools.all_low(program)), tmp_path / "net.pt2")
    values = pytorch.open_pt2(path).state_dict
    weights = [v for v in values.values() if v.dim() > 1]
    assert len(weights) == 3 and {v.dtype for v in weights} == {torch.int8}
    assert sum(v.numel() * v.element_size() for v in values.values()) < 0.3 * sum(
        v.numel() * v.element_size()
        for v in pytorch.open_pt2(loaded).state_dict.values()
    )


def test_supplied_programs_are_taken_as_they_are(
    residual: nn.Module, image: torch.Tensor
) -> None:
    exported = torch.export.export(residual, (image,))
    for source in (residual, exported):
        model = pytorch.open_supplied(source)
        graph = pytorch.under_inductor(traced(model, image)).graph
        assert graph.flops_int8({}) > 0.99 * graph.flops


def test_the_sketch_reaches_what_lies_before_a_quantize(
    tools: Any, program: Program
) -> None:
    ops = [op.id for op in program.graph.ops if program.graph.castable(op)]
    squares, errors = program.sketch(BF16, ops), tools.errors(program, ops)
    assert squares.keys() == set(ops)
    for name in ops:
        assert 0.03 < squares[name] ** 0.5 / errors[name] < 3


def test_forms_leave_int8_ops_alone(program: Program) -> None:
    assert not program._sites


def test_last_bits_that_go_to_another_integer_are_noise(image: torch.Tensor) -> None:
    """Relative errors of more than NOISE, that the model itself has as well."""
    for seed in range(3):
        torch.manual_seed(seed)
        model = quantized(Mixed(), image, plain="stem")
        graph = pytorch.under_inductor(traced(model, image)).graph
        assert not graph.by_id["stem:conv2d:0"].quantized
        assert graph.by_id["body.0:conv2d:0"].quantized


class Wide(nn.Module):
    """Eight bits that reach further than fp16."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        ends = (self.scale, 0, -128, 127, torch.int8)
        quantized = torch.ops.quantized_decomposed.quantize_per_tensor.default(x, *ends)
        return torch.ops.quantized_decomposed.dequantize_per_tensor.default(
            quantized, *ends
        ).sin()


@pytest.mark.parametrize("scale, ordered", [(0.1, True), (1000.0, False)])
def test_what_fp16_does_not_hold_is_not_dequantized_to_it(
    scale: float, ordered: bool
) -> None:
    x = torch.linspace(-1, 1, 64) * scale * 127
    program = traced(Wide(scale).eval(), x, low=FP16)
    converted = program.apply(
        {op.id: FP16 if op.type == "sin" else FP32 for op in program.graph.ops}
    )
    (made,) = [n for n in converted.graph.nodes if ".dequantize" in str(n.target)]
    assert (made.kwargs.get("out_dtype") == torch.float16) is ordered


class Twice(nn.Module):
    """One layer that is called twice: inductor computes it in floats."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(16, 16), nn.Linear(16, 16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.two(self.one(torch.relu(self.one(x))))  # type: ignore[no-any-return]


def test_a_weight_of_two_ops_is_not_called_int8() -> None:
    torch.manual_seed(0)
    x = torch.randn(4, 16)
    graph = pytorch.under_inductor(traced(quantized(Twice(), x), x)).graph
    assert [op.id for op in graph.ops if op.quantized] == ["two:linear:0"]


class Signed(nn.Module):
    """A convolution and a product of integers with a sign."""

    def __init__(self) -> None:
        super().__init__()
        for name, shape in (("filters", (16, 1, 3, 3)), ("rows", (8, 16))):
            self.register_buffer(name, torch.randint(-127, 128, shape).to(torch.int8))
            self.register_buffer(f"{name}_scales", torch.full(shape[:1], 0.01))
            zeros = torch.zeros(shape[0], dtype=torch.int64)
            self.register_buffer(f"{name}_zeros", zeros)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.conv2d(self.rounded(x), self.weight("filters")).mean((2, 3))
        return nn.functional.linear(self.rounded(x), self.weight("rows"))

    @staticmethod
    def rounded(x: torch.Tensor) -> torch.Tensor:
        ends = (0.03, 0, -128, 127, torch.int8)
        quantized = torch.ops.quantized_decomposed.quantize_per_tensor.default(x, *ends)
        return torch.ops.quantized_decomposed.dequantize_per_tensor.default(  # type: ignore[no-any-return]
            quantized, *ends
        )

    def weight(self, name: str) -> torch.Tensor:
        parts = (getattr(self, name + part) for part in ("", "_scales", "_zeros"))
        return torch.ops.quantized_decomposed.dequantize_per_channel.default(  # type: ignore[no-any-return]
            *parts, 0, -128, 127, torch.int8
        )


class Grey(Signed):
    """Images of one channel, without a sign."""

    @staticmethod
    def rounded(x: torch.Tensor) -> torch.Tensor:
        ends = (0.03, 128, 0, 255, torch.uint8)
        quantized = torch.ops.quantized_decomposed.quantize_per_tensor.default(x, *ends)
        return torch.ops.quantized_decomposed.dequantize_per_tensor.default(  # type: ignore[no-any-return]
            quantized, *ends
        )


WRONG = pytest.mark.parametrize(
    "make, size, wrong",
    [(Signed, 4, True), (Grey, "batch", True), (Grey, 4, False)],
    ids=["signed", "grey", "grey, of one size"],
)
"""Models, their batch, and whether inductor's kernel of the convolution is wrong."""


def with_wrong_kernel(
    make: type[Signed], size: int | str
) -> tuple[Program, nn.Module, torch.Tensor]:
    torch.manual_seed(0)
    model, x = make().eval(), torch.randn(4, 1, 8, 8)
    inputs = [Input("x", (size, 1, 8, 8))]
    program = pytorch.trace(model, (x,), low=BF16, inputs=inputs)
    return pytorch.under_inductor(program), model, x


@WRONG
def test_what_inductor_has_a_wrong_kernel_for_is_no_int8(
    make: type[Signed], size: int | str, wrong: bool
) -> None:
    program, _model, _x = with_wrong_kernel(make, size)
    int8 = [op.type for op in program.graph.ops if op.quantized]
    assert int8 == (["linear"] if wrong else ["conv2d", "linear"])


@pytest.mark.nightly
@WRONG
def test_and_is_computed_in_floats(
    make: type[Signed], size: int | str, wrong: bool, tools: Any, tmp_path: Path
) -> None:
    program, model, x = with_wrong_kernel(make, size)
    path = program.save(program.apply(tools.all_low(program)), tmp_path / "net.pt2")
    package = pytorch.compile_saved(path, tmp_path / "net.compiled.pt2")
    assert sum(kernels(package).values()) == (1 if wrong else 2)
    (found,) = pytorch.load_compiled(package)((x,))
    with torch.no_grad():
        assert tools.error(model(x), torch.from_numpy(found)) < 0.02


class Other(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.ops.quantized_decomposed.convert_element_type.no_fuse(
            x, torch.float64
        )


def test_the_namespaces_other_operators_are_refused(tmp_path: Path) -> None:
    path = saved(Other(), tmp_path / "net.pt2", torch.randn(2))
    with pytest.raises(ModelError, match="quantized_decomposed::convert_element_type"):
        pytorch.open_pt2(path)


def kernels(package: Path) -> Counter[str]:
    """What the machine code calls, by the source in the package."""
    with zipfile.ZipFile(package) as archive:
        sources = [name for name in archive.namelist() if name.endswith(".cpp")]
        text = "".join(archive.read(name).decode() for name in sources)
    return Counter(
        re.findall(r"aoti_torch_cpu__(q(?:conv|linear)\w+?)(?:_tensor)?\(", text)
    )


def test_compiled_int8_kernels_run_and_leave_the_callers_tensors(
    tools: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, image: torch.Tensor
) -> None:
    """Inductor adds in place to an input, and to a weight that the next call reads."""
    monkeypatch.setenv("TORCHINDUCTOR_VEC_ISA_OK", "1")
    torch.manual_seed(0)
    added = torch.randn(4, 64)
    model = quantized(Layers(), image, added)
    program = pytorch.under_inductor(traced(model, image, added))
    low = tools.all_low(program)
    kept = {name: FP32 for name in low if "conv" not in name and "relu" not in name}
    converted = program.apply({**low, **kept})
    path = program.save(converted, tmp_path / "net.pt2")
    package = pytorch.compile_saved(path, tmp_path / "net.compiled.pt2")
    assert sum(kernels(package).values()) == 3
    predict, before = pytorch.load_compiled(package), added.clone()
    first, second = (predict((image, added))[0].copy() for _ in range(2))
    assert torch.equal(added, before)
    np.testing.assert_array_equal(first, second)
    with torch.no_grad():
        assert tools.error(converted(image, added), torch.from_numpy(first)) < 0.02
