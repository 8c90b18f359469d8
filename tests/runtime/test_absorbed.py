"""The ledger of absorbed names: one rule, and no name is ever lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from narrowcast.runtime.frameworks.absorbed import (
    Absorbed,
    Ledger,
    Original,
    Told,
    absorbing,
    remembered,
)
from narrowcast.runtime.graph.graph import Graph, Kind, Op
from narrowcast.runtime.graph.pins import Pins, user_pins


def original(key: str, *sources: str, caller: str | None = None) -> Original[str]:
    return Original(key, Absorbed(key, key.upper()), sources, caller)


def told(ledger: Ledger[str], *kept: str) -> Told:
    return ledger.told({key: Absorbed(key, key.upper()) for key in kept})


def parts(found: Told) -> dict[str, list[str]]:
    return {op: [part.id for part in taken] for op, taken in found.absorbed.items()}


def chain(*keys: str) -> Ledger[str]:
    """Each takes what the one before makes."""
    pairs = zip(keys[1:], keys, strict=False)
    return Ledger([original(keys[0]), *(original(*pair) for pair in pairs)])


def test_what_is_gone_is_part_of_what_made_its_input() -> None:
    assert parts(told(chain("a", "b", "c", "d"), "a", "d")) == {"a": ["b", "c"]}


def test_else_of_all_that_read_its_output() -> None:
    ledger = Ledger([original("a"), original("b", "a"), original("c", "a")])
    assert parts(told(ledger, "b", "c")) == {"b": ["a"], "c": ["a"]}


def test_what_takes_its_place_comes_first() -> None:
    ledger = chain("a", "b", "c")
    ledger.absorb("c", "b")
    assert parts(told(ledger, "a", "c")) == {"c": ["b"]}


def test_the_first_input_that_an_op_made_counts() -> None:
    ops = [original("a"), original("b", "a"), original("c"), original("d", "c", "b")]
    assert parts(told(Ledger(ops), "a", "b")) == {"b": ["c", "d"]}


def test_an_op_that_goes_later_hands_on_what_it_had() -> None:
    ledger = chain("conv", "norm", "pad", "gelu")
    ledger.take_value("conv", "norm")
    ledger.absorb("norm", "pad")
    ledger.absorb("pad", "gelu")
    found = told(ledger, "conv")
    assert parts(found) == {"conv": ["norm", "pad", "gelu"]}
    assert found.makes == {"conv": "norm"}


def test_an_op_that_stays_may_be_part_of_another() -> None:
    ledger = chain("conv", "bias", "drop")
    ledger.absorb("conv", "bias")
    found = parts(told(ledger, "conv", "bias"))
    assert found == {"conv": ["bias", "drop"], "bias": ["drop"]}


def test_an_op_of_another_type_answers_to_its_old_one() -> None:
    found = chain("a").told({"a": Absorbed("a", "new")})
    assert found.absorbed["a"] == (Absorbed("a", "A"),)


def test_a_new_op_answers_to_what_it_took_in() -> None:
    ledger = chain("x", "pow", "tanh")
    for part in ("pow", "tanh"):
        ledger.absorb("gelu", part)
    assert parts(told(ledger, "x", "gelu")) == {"gelu": ["pow", "tanh"]}


def test_two_ops_of_one_name_hold_the_neighbours_of_both() -> None:
    ops = [original("a"), original("drop", "a"), original("b"), original("drop", "b")]
    assert parts(told(Ledger(ops), "a", "b")) == {"a": ["drop"], "b": ["drop"]}


def test_a_body_stays_apart_until_it_is_gone() -> None:
    ops = [
        original("a"),
        original("in", "a", caller="if"),
        original("if", "a"),
    ]
    assert [op.id for op in told(Ledger(ops), "a", "if").dropped] == ["in"]
    assert parts(told(Ledger(ops), "a")) == {"a": ["in", "if"]}


def test_a_pin_on_what_is_part_of_nothing_holds_nothing() -> None:
    (op,) = remembered(told(chain("alone")).dropped)
    kept = absorbing(
        Op("kept", "KEPT", Kind.COMPUTE, (), ()), [Absorbed("gone", "GONE", "scope")]
    )
    graph = Graph((kept,), {}, (), (), dropped=(op,))
    alone = Pins(types={"alone": "spec"}, names={"alone": "spec"})
    assert user_pins(graph, alone) == {}
    for pins in (Pins(types={"gone": "spec"}), Pins(names={"scope": "spec"})):
        assert set(user_pins(graph, pins)) == {"kept"}


@dataclass(frozen=True)
class Case:
    sources: Mapping[str, tuple[str, ...]]
    kept: frozenset[str]
    places: tuple[tuple[str, str], ...]

    @property
    def told(self) -> Told:
        ops = [original(key, *taken) for key, taken in self.sources.items()]
        ledger = Ledger(ops)
        for into, part in self.places:
            ledger.absorb(into, part)
        return told(ledger, *sorted(self.kept))

    def owners(self) -> dict[str, set[str]]:
        found = {key: {key} & self.kept for key in self.sources}
        for owner, taken in self.told.absorbed.items():
            for part in taken:
                found[part.id].add(owner)
        return found

    def reached(self, key: str, *, back: bool) -> set[str]:
        """All that an op depends on, or all that depends on it."""
        waiting, found = [key], set()
        while waiting:
            name = waiting.pop()
            readers = [k for k, taken in self.sources.items() if name in taken]
            near = self.sources[name] if back else readers
            waiting += [each for each in near if each not in found]
            found.update(near)
        return found


@st.composite
def cases(draw: st.DrawFn) -> Case:
    sources: dict[str, tuple[str, ...]] = {}
    for k in range(draw(st.integers(1, 12))):
        known = st.sampled_from(sorted(sources)) if sources else st.nothing()
        taken = draw(st.lists(known, max_size=3, unique=True)) if sources else []
        sources[f"op{k:02}"] = tuple(taken)
    names = st.sampled_from(sorted(sources))
    kept = draw(st.frozensets(names))
    places = draw(st.lists(st.tuples(names, names), max_size=5))
    return Case(sources, kept, tuple(places))


@settings(max_examples=300, deadline=None)
@given(cases())
def test_no_name_is_lost(case: Case) -> None:
    dropped = {op.id for op in case.told.dropped}
    for key, owners in case.owners().items():
        assert owners <= case.kept
        assert (key in dropped) == (not owners)


@settings(max_examples=300, deadline=None)
@given(cases())
def test_what_takes_an_ops_place_brings_all_it_has(case: Case) -> None:
    owners = case.owners()
    for into, part in case.places:
        assert owners[into] <= owners[part]


@settings(max_examples=300, deadline=None)
@given(cases())
def test_only_what_nothing_kept_feeds_or_reads_is_dropped(case: Case) -> None:
    for op in case.told.dropped:
        for back in (True, False):
            assert not case.reached(op.id, back=back) & case.kept


@settings(max_examples=300, deadline=None)
@given(cases())
def test_what_feeds_an_op_comes_before_what_reads_it(case: Case) -> None:
    placed = {part for _into, part in case.places}
    owners = case.owners()
    for key in case.sources.keys() - case.kept - placed:
        made = case.reached(key, back=True)
        if made & case.kept and not made & placed:
            assert len(owners[key]) == 1 and owners[key] <= made
