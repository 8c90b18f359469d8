"""The three snippets of Neural Compressor's page on MixedPrecision, as users have them.

Its own package's name is the one thing that is changed when they are run. They are not
guarded by `if __name__ == "__main__"`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import yaml
from project import Project

from narrowcast.runtime.hardware.cpu import Cpu, Source, read_cpu

NO_YAML = """
from neural_compressor.experimental import MixedPrecision
converter = MixedPrecision()
converter.precisions = 'bf16'
converter.model = {model}
optimized_model = converter()
optimized_model.save('{saved}')
"""

WITH_YAML = """
from neural_compressor.experimental import MixedPrecision
converter = MixedPrecision('./conf.yaml')
converter.model = {model}
output_model = converter()
output_model.save('{saved}')
"""

OWN_CLASSES = """
import numpy as np

class Metric:
   def __init__(self):
     self.reset()

   def update(self, sample):
     predictions, label = sample
     predictions, label = np.asarray(predictions), np.asarray(label)
     self.right += int((predictions.argmax(-1) == label).sum())
     self.count += len(label)

   def reset(self):
     self.right, self.count = 0, 0

   def result(self):
     return self.right / self.count

class Dataset:
   def __init__(self):
     data = np.load('data.npz')
     self.images, self.labels = data['x'], data['y']

   def getitem(self, index):
     return self.images[index], self.labels[index]

   def __length__(self):
     return len(self.images)

from neural_compressor.experimental import MixedPrecision, common
dataset = Dataset()
converter = MixedPrecision()
converter.metric = Metric()
converter.precisions = 'bf16'
converter.eval_dataloader = common.DataLoader(dataset)
converter.model = {model}
output_model = converter()
output_model.save('{saved}')
"""

SNIPPETS = {"no_yaml": NO_YAML, "with_yaml": WITH_YAML, "own_classes": OWN_CLASSES}


CPUS = Path(__file__).parents[1] / "runtime" / "cpus"


def lacking() -> Cpu:
    """A CPU without instructions for bf16 or fp16."""
    text = (CPUS / "ice_lake.txt").read_text("utf-8")
    return read_cpu(Source("Linux", "x86_64", text))


def write_data(
    folder: Path, predict: Callable[[np.ndarray], np.ndarray], shape: tuple[int, ...]
) -> None:
    """Samples of a shape, with the classes that a model itself gives them as labels."""
    images = np.random.default_rng(0).standard_normal((48, *shape)).astype(np.float32)
    labels = np.asarray(predict(images)).argmax(-1)
    np.savez(folder / "data.npz", x=images, y=labels)


def write_conf(folder: Path, framework: str) -> None:
    """A YAML file that names no model, and its data."""
    dataset = {"npz": {"path": "data.npz", "inputs": "x", "label": "y"}}
    accuracy = {
        "metric": {"topk": 1},
        "dataloader": {"batch_size": 16, "dataset": dataset},
    }
    spec = {
        "model": {"name": "resnet50_v1", "framework": framework},
        "mixed_precision": {"precisions": "bf16"},
        "evaluation": {"accuracy": accuracy},
        "tuning": {"accuracy_criterion": {"relative": 0.1}},
    }
    (folder / "conf.yaml").write_text(yaml.safe_dump(spec, sort_keys=False), "utf-8")


def run_snippet(
    project: Project, name: str, model: str, saved: str, preamble: str = ""
) -> Path:
    """Run one with the package's name changed; gives what it saved.

    Args:
        model: The expression for the model.
        saved: The path that is saved to.
        preamble: What makes the model, where it is an object.
    """
    before = {path.name for path in project.folder.iterdir()}
    text = SNIPPETS[name].format(model=model, saved=saved)
    script = preamble + text.replace("neural_compressor", "narrowcast")
    (project.folder / "snippet.py").write_text(script, "utf-8")
    done = project.run(command=["snippet.py"])
    assert done.returncode == 0, done.stderr
    assert done.stdout == "", done.stdout
    assert "Traceback" not in done.stderr
    after = {path.name for path in project.folder.iterdir()} - before
    assert after - {"snippet.py", "__pycache__"} == {Path(saved).parts[0]}
    return project.folder / saved
