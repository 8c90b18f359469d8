"""Intel Neural Compressor 2.6, `AutoMixedPrecisionTuneStrategy`.

From neural_compressor/strategy/auto_mixed_precision.py (quant_level "auto", its
default), utils/tuning_sampler.py (FallbackTuningSampler) and strategy.py (the exit
policy: the first configuration that passes ends it, timeout 0). Kept as it is:

- ops are walked from the last to the first, and types by their names;
- what types gain is recorded, under another op's name, and never used;
- accumulation starts from the last single-op configuration, so the op that was tried
  last is in fp32 throughout, and its first step is left out (`skip_first`);
- a configuration that was tried before is not evaluated again.

Left out: that it only knows the op types of its own lists, and the limit of 100 trials
(`MAX_TRIALS`), beyond which it returns no model: count them to see.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from .problem import Names, Op, Problem

MAX_TRIALS = 100
"""Its default."""


def search(problem: Problem) -> Names | None:
    """The first configuration that passes."""
    losses: dict[str, float] = {}
    for fp32, single in _configurations(problem, losses):
        score = problem.evaluate(fp32)
        if score.passes:
            return fp32
        if single:
            losses[single] = score.loss
    return None


def _configurations(
    problem: Problem, losses: dict[str, float]
) -> Iterator[tuple[Names, str]]:
    """What to evaluate next, and the op that is alone in it, if its loss counts."""
    yield frozenset(), ""
    backwards = problem.ops[::-1]
    by_type = sorted(backwards, key=_type)
    for _name, ops in groupby(by_type, _type):
        yield frozenset(op.name for op in ops), ""
    for op in by_type:
        yield frozenset([op.name]), op.name
    names = [op.name for op in by_type]
    fp32 = frozenset(names[-1:])
    for number, name in enumerate(sorted(names, key=losses.__getitem__)):
        fp32 |= {name}
        if number:
            yield fp32, ""


def _type(op: Op) -> str:
    return op.type
