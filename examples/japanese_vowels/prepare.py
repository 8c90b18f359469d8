"""Train the network on JapaneseVowels and put it and the test data into data/.

pip install --no-deps -r examples/japanese_vowels/packages.txt
python examples/japanese_vowels/prepare.py [FOLDER]
"""

import sys
from importlib.metadata import distribution
from pathlib import Path

import mxnet as mx
import numpy as np

SHIPPED = "aeon/datasets/data/JapaneseVowels/JapaneseVowels_{}.ts"
STEPS, FEATURES, SPEAKERS = 29, 12, 9
nn, rnn = mx.gluon.nn, mx.gluon.rnn


def main(folder: Path) -> None:
    """Write model and `vowels_test.npz`, unless they are there."""
    if (folder / "vowels_test.npz").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    mx.random.seed(1978)
    net = network()
    train(net, *utterances("TRAIN"))
    sounds, speaker = utterances("TEST")
    net.export(str(folder / "vowels"))
    np.savez(folder / "vowels_test.npz", sounds=sounds, speaker=speaker)


def utterances(part: str) -> tuple[np.ndarray, np.ndarray]:
    """Sounds (n, 29, 12) fp32, zeros after their end, and speakers (n,) from 0."""
    path = distribution("aeon").locate_file(SHIPPED.format(part))
    lines = Path(str(path)).read_text("utf-8").splitlines()
    sounds, speakers = [], []
    for line in lines[lines.index("@data") + 1 :]:
        *channels, speaker = line.split(":")
        found = np.array([[float(v) for v in each.split(",")] for each in channels])
        padded = np.zeros((STEPS, FEATURES), np.float32)
        padded[: found.shape[1]] = found.T
        sounds.append(padded)
        speakers.append(int(speaker) - 1)
    return np.stack(sounds), np.array(speakers, np.int64)


def network() -> nn.HybridSequential:
    """Sounds (batch, 29, 12) → logits (batch, 9)."""
    net = nn.HybridSequential()
    net.add(
        nn.Dense(64, activation="relu", flatten=False),
        rnn.GRU(64, bidirectional=True, layout="NTC"),
        nn.HybridLambda(lambda F, states: F.mean(states, axis=1)),
        nn.Dense(128, activation="relu"),
        nn.Dense(SPEAKERS),
    )
    net.initialize(mx.init.Xavier())
    net.hybridize()
    return net


def train(net: nn.HybridSequential, sounds: np.ndarray, speakers: np.ndarray) -> None:
    """Forty rounds of Adam over all utterances."""
    trainer = mx.gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 3e-3})
    loss = mx.gluon.loss.SoftmaxCrossEntropyLoss()
    order = np.random.default_rng(1978)
    for _ in range(40):
        for rows in np.array_split(order.permutation(len(sounds)), 9):
            with mx.autograd.record():
                logits = net(mx.nd.array(sounds[rows]))
                lost = loss(logits, mx.nd.array(speakers[rows]))
            lost.backward()
            trainer.step(len(rows))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).parent / "data")
