"""Peak memory of converting a large PyTorch model, against its weights in fp32.

    python benchmarks/memory/pytorch.py [GIGABYTES] [--built] [-v]

A decoder like Llama's on the meta device, its random weights in safetensors files with an
index, 0.5 GB each, written one at a time. `narrowcast run --no-timing` of a spec without
data runs in a process of its own; that and the processes that it starts are sampled 20
times a second. Counted is what the machine must have for them: private memory and, once
for all, what they share and have written. Pages of files that are mapped can be dropped
at any time, so they don't count; the resident set, which holds them, is told beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import torch
from networks import LAYERS, WIDTH, Decoder
from safetensors.torch import save_file

HERE = Path(__file__).parent
LIMIT = 1.6
SHARD = 500_000_000
EVERY = 0.05
RUN = ("run", "large.yaml", "--search", "--no-timing", "-v")
SPEC = """\
model:
  name: large
  framework: pytorch
  factory: networks:{factory}
  weights: weights/model.safetensors.index.json
  inputs:
    - {{name: words, shape: [1, 16], dtype: int64, range: [0, 31999]}}
mixed_precision:
  precisions: bf16
"""


@dataclass
class Peak:
    """Most bytes that processes took together, and what was said before that."""

    needed: int = 0
    resident: int = 0
    said: str = ""
    each: list[int] = field(default_factory=list)
    steps: dict[str, int] = field(default_factory=dict)

    def see(self, root: int, said: str) -> None:
        """Add a sample."""
        each = [memory(pid) for pid in family(root)]
        needed, resident = (sum(column) for column in zip(*each, strict=True))
        self.resident = max(self.resident, resident)
        self.steps[said] = max(self.steps.get(said, 0), needed)
        if needed > self.needed:
            self.needed, self.said = needed, said
            self.each = [one for one, _resident in each]


def family(root: int) -> Iterator[int]:
    """A process, and all that it started and that live."""
    yield root
    try:
        for task in Path(f"/proc/{root}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from family(int(child))
    except OSError:  # it has ended
        return


def memory(pid: int) -> tuple[int, int]:
    """Bytes that it needs (its share of anonymous pages, dirty ones), and resident."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0, 0
    sizes = {
        name: int(rest.split()[0]) * 1024
        for name, _, rest in (line.partition(":") for line in lines[1:])
    }
    dirty = sizes["Pss_Anon"] + sizes.get("Pss_Shmem", 0)
    return dirty, sizes["Rss"]


def width_of(size: int, layers: int) -> int:
    """The width at which the decoder has about `size` parameters, a multiple of 64."""
    width = 64
    while _parameters(width + 64, layers) <= size:
        width += 64
    return width


def _parameters(width: int, layers: int) -> int:
    with torch.device("meta"):
        model = Decoder(width, layers)
    return sum(each.numel() for each in model.parameters())


def make(folder: Path, width: int, layers: int) -> int:
    """Write shards and their index; bytes of all weights."""
    with torch.device("meta"):
        model = Decoder(width, layers)
    folder.mkdir()
    index: dict[str, str] = {}
    held: dict[str, torch.Tensor] = {}
    draw = torch.Generator().manual_seed(0)

    def flush() -> None:
        name = f"model-{len(set(index.values())):05d}.safetensors"
        index.update(dict.fromkeys(held, name))
        save_file(held, folder / name)
        held.clear()

    total = 0
    for name, value in model.state_dict().items():
        if value.dim() == 1:
            held[name] = torch.ones(value.shape)
        else:
            made = torch.empty(value.shape).normal_(generator=draw)
            held[name] = made.mul_(value.shape[-1] ** -0.5)
        total += held[name].nbytes
        if sum(each.nbytes for each in held.values()) > SHARD:
            flush()
    if held:
        flush()
    text = json.dumps({"metadata": {"total_size": total}, "weight_map": index})
    (folder / "model.safetensors.index.json").write_text(text)
    return total


def watched(folder: Path, width: int, layers: int) -> tuple[Peak, str]:
    """Convert in a process of its own; its peak, and what it said."""
    path = os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH")]))
    process = subprocess.Popen(
        [sys.executable, "-m", "narrowcast", *RUN],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": path, WIDTH: str(width), LAYERS: str(layers)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    heard = [""]
    reader = threading.Thread(target=_listen, args=(process.stdout, heard))
    reader.start()
    peak = Peak()
    while process.poll() is None:
        peak.see(process.pid, heard[-1])
        time.sleep(EVERY)
    reader.join()
    text = "\n".join(heard)
    if process.returncode:
        raise SystemExit(text)
    return peak, text


def _listen(stream: IO[str], heard: list[str]) -> None:
    for line in stream:
        heard.append(line.rstrip()[:100])


def main() -> int:
    """Print one line for the model; 1 where it is beyond the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("gigabytes", type=float, nargs="?", default=1.0)
    parser.add_argument("-v", action="store_true", help="what each step took at most")
    parser.add_argument("--built", action="store_true", help="weights in memory before")
    given = parser.parse_args()
    factory = "built" if given.built else "decoder"
    layers = 8 if given.gigabytes < 4 else 26
    width = width_of(int(given.gigabytes * 1e9 / 4), layers)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "large.yaml").write_text(SPEC.format(factory=factory))
        size = make(folder / "weights", width, layers)
        start = time.perf_counter()
        peak, text = watched(folder, width, layers)
        seconds = time.perf_counter() - start
    if given.v:
        print(text)
        for said, most in peak.steps.items():
            print(f"{most / 1e9:6.2f} GB after: {said}")
        print("at the peak:", [round(one / 1e9, 2) for one in peak.each])
    print(
        f"weights {size / 1e9:.2f} GB; needed at most {peak.needed / 1e9:.2f} GB, "
        f"{peak.needed / size:.2f}x; resident {peak.resident / 1e9:.2f} GB, "
        f"{peak.resident / size:.2f}x; {seconds:.0f} s"
    )
    return 1 if peak.needed > LIMIT * size else 0


if __name__ == "__main__":
    sys.exit(main())
