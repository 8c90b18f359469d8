"""Trains the transformer of `rows.py` on 4 000 digits and writes `rows.npz`.

    PYTHONPATH=tests/shared python tests/shared/train_rows.py

Minutes on one core. What it prints at the end is the accuracy on the other 1 000.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import one_model
import rows
import torch
from rows_pytorch import Rows
from torch.nn import functional as F

EPOCHS, BATCH, RATE = 60, 50, 3e-3


def shapes() -> dict[str, tuple[int, ...]]:
    """Weight → shape, for the default config."""
    config = rows.Config()
    width, hidden = config.width, config.hidden
    linear = {"embed": (rows.PIXELS, width), "logits": (width, rows.CLASSES)}
    norms = ["last"]
    for k in range(config.layers):
        for name in ("query", "key", "value", "out"):
            linear[f"layers.{k}.attention.{name}"] = width, width
        linear[f"layers.{k}.mlp.up"] = width, hidden
        linear[f"layers.{k}.mlp.down"] = hidden, width
        norms += [f"layers.{k}.before", f"layers.{k}.between"]
    found: dict[str, tuple[int, ...]] = {"position.weight": (2 * rows.WAVES, width)}
    for name, shape in linear.items():
        found |= {f"{name}.weight": shape, f"{name}.bias": shape[1:]}
    for name in norms:
        found |= {f"{name}.scale": (width,), f"{name}.shift": (width,)}
    return found


def fresh() -> rows.Network:
    """Untrained: Glorot's uniform matrices, ones for scales, zeros for the rest."""
    random, made = np.random.default_rng(0), {}
    for name, shape in shapes().items():
        if len(shape) == 2:
            limit = math.sqrt(6 / sum(shape))
            made[name] = random.uniform(-limit, limit, shape)
        else:
            made[name] = np.full(shape, float(name.endswith("scale")))
    made["position.frequencies"] = rows.frequencies()
    arrays = {name: array.astype(np.float32) for name, array in made.items()}
    return rows.Network(rows.steps(), arrays)


def varied(images: torch.Tensor) -> torch.Tensor:
    """Images (n, 28, 28), each turned, sized, slanted and moved a little."""
    count = len(images)
    spread = lambda size: (torch.rand(count) * 2 - 1) * size  # noqa: E731
    turn, slant = spread(0.25), spread(0.2)
    wide, high = 1 + spread(0.15), 1 + spread(0.15)
    first = [wide * turn.cos(), -high * turn.sin() + slant, spread(0.2)]
    second = [wide * turn.sin(), high * turn.cos(), spread(0.2)]
    matrix = torch.stack([torch.stack(first, 1), torch.stack(second, 1)], 1)
    low = float(images.min())
    shape = [count, 1, *images.shape[1:]]
    grid = F.affine_grid(matrix, shape, align_corners=False)
    moved = F.grid_sample(images[:, None] - low, grid, align_corners=False)
    return moved[:, 0] + low


def accuracy(model: Any, images: torch.Tensor, labels: torch.Tensor) -> float:
    places = torch.from_numpy(rows.positions(len(images)))
    with torch.no_grad():
        return float((model(images, places).argmax(-1) == labels).float().mean())


def main() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    images, labels = map(torch.from_numpy, one_model.digits(1))
    images, rest = images[:, 0], torch.arange(len(labels)) % 5 != 0
    model = Rows(fresh())
    model.weight("position.frequencies").requires_grad_(False)
    optimizer = torch.optim.AdamW(model.parameters(), RATE, weight_decay=0.02)
    learn, known = images[rest], labels[rest]
    total = EPOCHS * (len(learn) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total)
    places = torch.from_numpy(rows.positions(BATCH))
    for epoch in range(EPOCHS):
        for batch in torch.randperm(len(learn)).split(BATCH):
            logits = model(varied(learn[batch]), places[: len(batch)])
            loss = F.cross_entropy(logits, known[batch], label_smoothing=0.02)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
        if epoch % 5 == 4:
            found = accuracy(model, images[~rest], labels[~rest])
            print(epoch + 1, f"{float(loss.detach()):.3f}", f"{found:.4f}", flush=True)
    arrays = {name: model.weight(name).detach().numpy() for name in model.owned}
    np.savez_compressed(Path(__file__).with_name("rows.npz"), **arrays)
    print(f"{accuracy(model, images[~rest], labels[~rest]):.4f} of 1000")


if __name__ == "__main__":
    main()
