"""Messages blame what there is: no dataset, factory or memory that has no part in it."""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from by_reference import load_failing, some_batches

from narrowcast.runtime.common.errors import (
    DataError,
    ModelError,
    ModelNote,
    ModelWarning,
)
from narrowcast.runtime.common.processes.fresh import in_fresh_process
from narrowcast.runtime.evaluation.batches import DATASET, MADE_UP, first_inputs
from narrowcast.runtime.evaluation.loading import loaded, made_by
from narrowcast.runtime.evaluation.metrics.mse import MSE
from narrowcast.runtime.evaluation.saved import evaluate_file, opened, predict_file
from narrowcast.spec import SpecError, load


def broken() -> Iterator[Any]:
    raise MemoryError("a tensor of 1 TB")
    yield


def test_made_up_inputs_blame_no_dataset() -> None:
    with pytest.raises(DataError) as caught:
        first_inputs(broken, MADE_UP)
    assert "Check model.inputs" in caught.value.remedy
    assert "dataloader" not in caught.value.remedy
    with pytest.raises(DataError) as caught:
        first_inputs(broken)
    assert caught.value.remedy == DATASET


def test_a_saved_model_that_fails_on_made_up_inputs_fails_on_no_data() -> None:
    with pytest.raises(ModelError, match="fails on made-up inputs: ValueError"):
        opened(predict_file, load_failing, Path("net"), some_batches)
    with pytest.raises(ModelError, match="fails on the data: ValueError"):
        opened(evaluate_file, load_failing, Path("net"), some_batches, MSE)


def test_a_model_in_a_file_has_no_factory(tmp_path: Path) -> None:
    def load_model() -> None:
        raise OSError("it ends early")

    with pytest.raises(ModelError) as caught:
        loaded(load_model, tmp_path, (tmp_path / "net.onnx",))
    assert "factory" not in str(caught.value)
    assert "model.path" in caught.value.remedy
    assert "net.onnx" in caught.value.remedy


def test_who_makes_the_model_is_seen_from_the_script() -> None:
    script: dict[str, Any] = {}
    exec(
        "def of_module():\n from pkg.net import make\n return make()\n"
        "def of_file():\n from framework import load\n return load(PATH)\n",
        script,
    )
    modules = ("pkg.data", "pkg.net")
    assert made_by(script["of_module"], modules)
    assert not made_by(script["of_file"], modules)


def test_a_factory_of_another_framework_makes_no_torch_module(tmp_path: Path) -> None:
    def load_model() -> Model:  # type: ignore[name-defined]  # noqa: F821
        return None.eval()  # type: ignore[attr-defined]

    with pytest.raises(ModelError) as caught:
        loaded(load_model, tmp_path)
    assert "must return the model itself" in caught.value.remedy
    assert "torch" not in caught.value.remedy


@pytest.mark.parametrize(
    ("end", "argument", "most_often"),
    [
        (signal.raise_signal, signal.SIGKILL, True),
        (signal.raise_signal, signal.SIGSEGV, False),
        (os._exit, 3, False),
    ],
)
def test_memory_is_said_to_be_the_likely_cause_only_of_a_kill(
    end: Any, argument: int, most_often: bool
) -> None:
    with pytest.raises(ModelError) as caught:
        in_fresh_process(end, argument)
    assert ("Most often" in caught.value.remedy) is most_often


def test_a_list_of_datasets_does_not_name_their_arguments(tmp_path: Path) -> None:
    spec = tmp_path / "net.yaml"
    spec.write_text(
        "model: {name: net, framework: onnx, path: net.onnx}\n"
        "mixed_precision: {precisions: bf16}\n"
        "evaluation:\n"
        "  accuracy:\n"
        "    metric: {topk: 1}\n"
        "    dataloader: {dataset: {zarr: {path: a}}}\n"
    )
    with pytest.raises(SpecError) as caught:
        load(spec)
    (hint,) = [each.hint for each in caught.value.diagnostics if each.hint]
    assert hint.startswith("known here: python, npz, csv, parquet")
    assert "args" not in hint


def test_what_a_model_warns_of_and_what_it_notes_are_told_apart(tmp_path: Path) -> None:
    def load_model() -> int:
        warnings.warn("odd", ModelWarning, stacklevel=1)
        warnings.warn("named otherwise", ModelNote, stacklevel=1)
        return 7

    model, said = loaded(load_model, tmp_path)
    assert model == 7
    assert [(type(each), str(each)) for each in said] == [
        (ModelWarning, "odd"),
        (ModelNote, "named otherwise"),
    ]
