"""What becomes of the names of ops that preparation removes, by one rule for all.

A user who pins an op of the model as loaded is never told that there is none. An op that
is gone is part of the op that takes its place; else of the op that made its input; else
of all that read its output; else, if it stood in a body that is gone, of what the op that
ran the body is part of. Ops that are gone themselves hand on what they get. What is left
over held nothing: its name is remembered, and a pin on it holds nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from ..graph.graph import Kind, Op

Key = TypeVar("Key", bound=Hashable)
"""What an adapter knows an op by, before and after preparation."""


@dataclass(frozen=True, slots=True)
class Absorbed:
    """What users call an op.

    Attributes:
        id: As `Op.id`.
        type: Operator type.
        scope: Module path or name scope, "" at the top.
        region: Id of the body that it stands in, "" for the main graph.
    """

    id: str
    type: str
    scope: str = ""
    region: str = ""


@dataclass(frozen=True, slots=True)
class Original(Generic[Key]):
    """An op of the model as loaded.

    Attributes:
        key: Several ops that users know by one name may share one.
        sources: Keys of the ops that made its inputs, in order.
        caller: Key of the control-flow op in whose body it stands, None at the top.
    """

    key: Key
    name: Absorbed
    sources: tuple[Key, ...] = ()
    caller: Key | None = None


@dataclass(frozen=True)
class Told:
    """What a ledger says once all passes are done.

    Attributes:
        absorbed: Op id → the ops that are part of it, in the order they ran.
        makes: Op id → id of the op as loaded whose value it makes, if not its own.
        dropped: The ops that are part of nothing.
    """

    absorbed: Mapping[str, tuple[Absorbed, ...]] = field(default_factory=dict)
    makes: Mapping[str, str] = field(default_factory=dict)
    dropped: tuple[Absorbed, ...] = ()


@dataclass
class Ledger(Generic[Key]):
    """Kept through all passes. They say what takes an op's place; the rest follows.

    Attributes:
        originals: All ops of the model as loaded, in the order they run.
        places: Op → the ops that it is part of, by what passes said.
        makes: Op → id of the op whose value it makes, if not its own.
    """

    originals: Sequence[Original[Key]]
    places: dict[Key, list[Key]] = field(default_factory=dict)
    makes: dict[Key, str] = field(default_factory=dict)

    def absorb(self, into: Key, part: Key) -> None:
        """Say that an op is part of another now; it may stay an op of its own too."""
        self.places.setdefault(part, []).append(into)

    def take_value(self, into: Key, gone: Key) -> None:
        """Say that an op absorbed another and makes the value that this one made."""
        self.absorb(into, gone)
        known = (op.name.id for op in self.originals if op.key == gone)
        made = self.makes.get(gone) or next(known, None)
        if made is not None:
            self.makes[into] = made

    def told(self, kept: Mapping[Key, Absorbed]) -> Told:
        """Where all names went.

        Args:
            kept: The prepared model's ops, as they are called now.
        """
        owners = _owners(self, kept)
        absorbed: dict[str, list[Absorbed]] = {}
        dropped = []
        for op in self.originals:
            for owner in owners.get(op.key, ()):
                own = kept[owner]
                if (own.id, own.type) != (op.name.id, op.name.type):
                    absorbed.setdefault(own.id, []).append(op.name)
            if op.key not in owners:
                dropped.append(op.name)
        makes = {kept[key].id: made for key, made in self.makes.items() if key in kept}
        return Told(
            {name: tuple(dict.fromkeys(parts)) for name, parts in absorbed.items()},
            {name: made for name, made in makes.items() if name != made},
            tuple(dropped),
        )


def absorbing(op: Op, absorbed: Sequence[Absorbed]) -> Op:
    """The op with what is part of it."""
    return replace(
        op,
        absorbed=tuple(part.id for part in absorbed),
        absorbed_types=tuple(part.type for part in absorbed),
        absorbed_scopes=tuple(part.scope for part in absorbed),
    )


def remembered(dropped: Iterable[Absorbed]) -> tuple[Op, ...]:
    """`Graph.dropped` of names that are part of nothing."""
    return tuple(
        Op(op.id, op.type, Kind.FIXED, (), (), op.scope, region=op.region)
        for op in dropped
    )


@dataclass(frozen=True)
class _Neighbours(Generic[Key]):
    """Who an op may be part of, and what is known of that.

    Attributes:
        owners: Op → the kept ops that it is part of, itself among them.
    """

    places: Mapping[Key, Sequence[Key]]
    originals: Mapping[Key, Sequence[Original[Key]]]
    readers: Mapping[Key, Sequence[Key]]
    owners: dict[Key, tuple[Key, ...]]

    def in_place(self, key: Key) -> list[Key]:
        """The owners of the ops that take its place."""
        return [o for into in self.places.get(key, ()) for o in self._of(into)]

    def before(self, key: Key) -> list[Key]:
        """Those of the first op that made an input and has any."""
        found = self.in_place(key)
        for op in () if found else self.originals.get(key, ()):
            near = (s for s in op.sources if self._caller(s) == op.caller)
            found += next(filter(None, map(self._of, near)), ())
        return found

    def after(self, key: Key) -> list[Key]:
        """Those of all that read its output."""
        readers = self.readers.get(key, ())
        return self.in_place(key) + [o for each in readers for o in self._of(each)]

    def around(self, key: Key) -> list[Key]:
        """Those of the op whose body it stood in, if that is gone too."""
        caller = self._caller(key)
        if caller is None or caller in self._of(caller):
            return []
        return list(self._of(caller))

    def follow_places(self) -> None:
        """Give all ops the owners of what takes their places, also those that stay."""
        grew = True
        while grew:
            grew = False
            for key in self.places:
                known = self._of(key)
                owners = tuple(dict.fromkeys([*known, *self.in_place(key)]))
                if len(owners) > len(known):
                    self.owners[key], grew = owners, True

    def fill(self, keys: Iterable[Key], rule: Callable[[Key], list[Key]]) -> None:
        """Apply a rule to ops without owners, until it finds no more."""
        left, known = [key for key in keys if key not in self.owners], -1
        while left and len(self.owners) > known:
            known = len(self.owners)
            for key in left:
                if owners := rule(key):
                    self.owners[key] = tuple(dict.fromkeys(owners))
            left = [key for key in left if key not in self.owners]
        self.follow_places()

    def _of(self, key: Key) -> tuple[Key, ...]:
        return self.owners.get(key, ())

    def _caller(self, key: Key) -> Key | None:
        return self.originals[key][0].caller if key in self.originals else None


def _owners(ledger: Ledger[Key], kept: Iterable[Key]) -> Mapping[Key, tuple[Key, ...]]:
    originals: dict[Key, list[Original[Key]]] = {}
    readers: dict[Key, list[Key]] = {}
    for op in ledger.originals:
        originals.setdefault(op.key, []).append(op)
        for source in op.sources:
            readers.setdefault(source, []).append(op.key)
    owners: dict[Key, tuple[Key, ...]] = {key: (key,) for key in kept}
    near = _Neighbours(ledger.places, originals, readers, owners)
    keys = list(dict.fromkeys([*originals, *ledger.places]))
    near.follow_places()
    near.fill(keys, near.before)
    near.fill(keys[::-1], near.after)
    near.fill(keys, near.around)
    return owners
