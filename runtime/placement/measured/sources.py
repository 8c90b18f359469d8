"""Where costs come from: a file, the cache, the clock, or a stated machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ...common.errors import CostFileError
from ...common.strict_json import complaint, mapped, text
from ...graph.graph import Precision
from ..costs import StaticCosts
from . import cache as cost_cache
from .data import COSTS, costs_data
from .file import ANEW, read_costs, read_forms, write_costs
from .measured import NEVER, MeasuredCosts
from .subject import key

FORMS = mapped(text)

Choice = Path | Literal["static"] | None
"""What `--costs` says."""


@dataclass(frozen=True)
class Wanted:
    """Costs that are looked for.

    Attributes:
        of: What they must be of (`subject.subject`).
        under: What else determines them (`subject.circumstances`).
        cache: The cache's folder, if there is one.
        beside: Precisions that the script converts to too.
    """

    of: Mapping[str, Any]
    under: Mapping[str, Any]
    cache: Path | None
    beside: frozenset[Precision] = frozenset()

    @property
    def key(self) -> str:
        """Names them in the cache."""
        return key({"of": self.of, "under": self.under})


def find_forms(
    choice: Choice, wanted: Wanted, measure: Callable[[], dict[str, str]] | None
) -> dict[str, str]:
    """The kernels that are fastest: where a file's costs were measured, or here.

    Args:
        wanted: Of the model without such kernels.
        measure: None where this machine is not the one to time things on.

    Raises:
        UsageError: The file of costs can't be read.
    """
    if isinstance(choice, Path) and choice.exists():
        known = read_forms(choice, wanted.of["precision"], wanted.beside)
        if known is not None:
            return known
    if measure is None or choice == "static":
        return {}
    cached = None if choice else cost_cache.load(wanted.cache, wanted.key)
    if isinstance(cached, tuple) and not complaint(FORMS, cached[1], "forms"):
        return {str(name): str(form) for name, form in cached[1].items()}
    forms = measure()
    cost_cache.store(wanted.cache, wanted.key, forms)
    return forms


def find_costs(
    choice: Choice,
    wanted: Wanted,
    static: StaticCosts,
    measure: Callable[[], MeasuredCosts] | None,
) -> dict[str, Any]:
    """Costs as plain data: {"costs": None for static ones, "from": in words}.

    Args:
        static: What holds where nothing was timed.
        measure: None where this machine is not the one to time things on.

    Raises:
        UsageError: The file of costs is damaged, of something else, or can't be
            written.
    """
    if choice == "static":
        return {"costs": None, "from": "--costs static"}
    if choice is not None and choice.exists():
        known = read_costs(choice, wanted.of, wanted.beside)
        if known is not None:
            return {"costs": _ours(known, static, choice), "from": choice.name}
    if measure is None:
        missing = f"; {_missing(choice, wanted)}" if choice else ""
        return {"costs": None, "from": f"nothing is timed here{missing}"}
    cached = None if choice else cost_cache.load(wanted.cache, wanted.key)
    if isinstance(cached, tuple) and _sound(cached[1], static):
        return {"costs": cached[1], "from": f"the cache, measured {cached[0]}"}
    costs = costs_data(measure())
    cost_cache.store(wanted.cache, wanted.key, costs)
    if choice is not None:
        write_costs(choice, wanted.of, wanted.under, costs)
        return {"costs": costs, "from": f"the clock, written to {choice.name}"}
    return {"costs": costs, "from": f"the clock: {cached}" if cached else ""}


def _missing(choice: Path, wanted: Wanted) -> str:
    if choice.exists():
        return f"{choice.name} has none for {wanted.of['precision']}"
    return f"there is no {choice.name}"


def _ours(costs: dict[str, Any], static: StaticCosts, path: Path) -> dict[str, Any]:
    if not _sound(costs, static):
        raise CostFileError(f"--costs {path.name} is damaged: it is of other ops", ANEW)
    return costs


def _sound(costs: Any, static: StaticCosts) -> bool:
    """Whether they are costs of this graph's ops."""
    if complaint(COSTS, costs, "costs"):
        return False
    return all(name in static.graph.by_id for name in costs["ops"])


def costs_text(costs: MeasuredCosts, low: Precision, source: str) -> str:
    """What a person should know of them."""
    off = ", ".join(f"{p} {error:+.0%}" for p, error in costs.errors.items())
    ops = len({name for name, _precision in costs.timings.ops})
    text = f"{ops} ops timed; their sum is off by {off}"
    if costs.margin == NEVER:
        fewest = "the fewest bits" if costs.static.graph.quantizable else low
        text += f"; all ops in {fewest} is faster as a whole than what it prefers"
    if costs.int8_slower:
        text += "; the model without int8 is faster as a whole"
    return f"{text}; from {source}" if source else text
