"""A spec in today's words: the order and the comments of the user's file are kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from shlex import quote

from ..normalise import normalise
from ..reading.diagnostics import Steps, dotted
from ..reading.source import Data, Source
from ..vocabulary import spot
from .changes import PINS, Changes
from .comments import Comments, comments_of
from .frameworks import Read, common_changes, read_for
from .layout import WIDTH, Entry, Remark, flow, lines_of

Part = Entry | Remark


def migrated(source: Source, framework: str = "", target: str = "NEW.yaml") -> str:
    """The spec's text in today's words; it means what the user's file does.

    Args:
        framework: As `load`.
        target: Where it will stand, for the command that runs it.

    Raises:
        SpecError: What the file says can't be used.
    """
    read = read_for(source, framework)
    writer = _Writer(read.source, common_changes(read))
    parts = (_header(read, source.name, target), *writer.document())
    return "\n".join(lines_of(parts)) + "\n"


def _header(read: Read, old: str, new: str) -> Remark:
    """What this is, and the command that runs it."""
    spec = normalise(read.document)
    evaluation = spec.evaluation
    judged = evaluation.criterion is not None and evaluation.eval_func is None
    slots = {
        "--data": evaluation.dataset is None,
        "--metric": judged and evaluation.metric is None,
    }
    command = f"narrowcast run {_quoted(new)}"
    why = []
    if read.is_open:
        command += " --framework NAME"
        named = ", ".join(read.documents)
        why.append(f"NAME: {named}; the ending of --model can tell it as well")
    command += " --model PATH" if spec.model.supplied else ""
    for option, supplied in slots.items():
        command += f" [{option} {option[2:].upper()}]" if supplied else ""
    if "[" in command:
        why.append("Without what is in brackets nothing is judged.")
    written = f"Written by `narrowcast migrate {_quoted(old)}`: changes have comments."
    return Remark((written, f"To run it: {command}", *why))


def _quoted(name: str) -> str:
    """A file's name as a shell takes it, on one line."""
    return quote("".join(c if c.isprintable() else "?" for c in name))


class _Writer:
    """Writes the document key by key, in the order of the user's file."""

    def __init__(self, source: Source, changes: Changes) -> None:
        self.source = source
        self.changes = changes
        self.comments: Comments = comments_of("\n".join(source.lines))
        self._line = 0
        self._told: set[int] = set()

    def document(self) -> Iterator[Part]:
        """The whole, with the comments after its last key."""
        yield from self._entries(self.source.data, ())
        yield from self._comments_until(len(self.source.lines) + 1)

    def _entries(self, data: Data, at: Steps) -> Iterator[Part]:
        """What stands in the section `at`."""
        keys = data if isinstance(data, Mapping) else {}
        for key, value in keys.items():
            steps = (*at, key)
            place = self.source.keys.get(steps)
            if place is not None:
                yield from self._comments_until(place.line)
            if steps == ("quantization",) and "mixed_precision" not in keys:
                yield from self._moved_section()
            if steps in self.changes.dropped:
                yield self._fallen(steps, value)
            elif steps not in self.changes.moved:
                yield from self._entry(steps, value)
        yield from self._added(keys, at)
        if at == ("mixed_precision",):
            missing = (kind for kind in PINS if kind not in keys)
            yield from (part for kind in missing for part in self._moved(kind))

    def _added(self, keys: Mapping[str, Data], at: Steps) -> Iterator[Part]:
        """What the section has not, and has to have."""
        depth, told = len(at), set(keys)
        if not at and self.changes.moved:
            # Ops that moved have brought the section along.
            told.add("mixed_precision")
        for steps, new in self.changes.written.items():
            if steps[:depth] != at or len(steps) == depth or steps[depth] in told:
                continue
            key = str(steps[depth])
            told.add(key)
            if len(steps) == depth + 1:
                yield Entry(key, flow(new.data), new.why)
            else:
                yield Entry(key, tuple(self._added({}, (*at, key))))

    def _entry(self, steps: Steps, value: Data) -> Iterator[Part]:
        key, beside = str(steps[-1]), self._beside(steps)
        if steps in self.changes.written:
            new = self.changes.written[steps]
            yield Entry(key, flow(new.data), "; ".join(filter(None, (new.why, beside))))
            return
        if not self._changed(steps):
            yield Entry(key, self._same(steps, value), beside)
            return
        parts = self._parts(steps, value)
        if any(isinstance(part, Entry) for part in parts):
            yield Entry(key, parts, beside)
            return
        yield from parts
        # A section that means something by being there stays, empty.
        field = spot(steps[:-1]).kind.model_fields.get(key)
        if field is not None and field.default is None:
            yield Entry(key, "{}", beside)

    def _parts(self, steps: Steps, value: Data) -> tuple[Part, ...]:
        """What stands below a key, of which something changes."""
        if isinstance(value, tuple):
            rows = enumerate(value)
            return tuple(self._item((*steps, row), each) for row, each in rows)
        parts = tuple(self._entries(value, steps))
        if steps[:1] == ("quantization",) and any(
            each[:-1] == steps for each in self.changes.moved
        ):
            parts = (
                Remark((f"{dotted(steps)} stands under mixed_precision now",)),
                *parts,
            )
        if len(steps) == 2 and steps[0] == "mixed_precision" and steps[1] in PINS:
            parts += tuple(self._moved_ops(str(steps[1])))
        return parts

    def _item(self, steps: Steps, value: Data) -> Entry:
        if self._changed(steps) and isinstance(value, Mapping):
            return Entry(None, tuple(self._entries(value, steps)))
        return Entry(None, self._same(steps, value) or "~")

    def _changed(self, steps: Steps) -> bool:
        if self.changes.touches(steps):
            return True
        moved = {"mixed_precision", *(each[1] for each in self.changes.moved)}
        return bool(self.changes.moved) and (
            steps == ("mixed_precision",)
            or (steps[0] == "mixed_precision" and len(steps) == 2 and steps[1] in moved)
        )

    def _same(self, steps: Steps, value: Data) -> str | tuple[Part, ...]:
        """A value that stays, on one line or in lines as the user has it."""
        place = self.source.values.get(steps)
        scalar = place.scalar if place else None
        if value is None:
            return "" if scalar == "" else "~"
        if not isinstance(value, Mapping | tuple) or not value:
            return flow(value, scalar)
        line = self.source.lines[place.line - 1] if place else ""
        in_flow = place is None or line[place.column - 1 : place.column] in ("{", "[")
        if in_flow and len(flow(value)) < WIDTH:
            return flow(value)
        if isinstance(value, Mapping):
            return tuple(self._entries(value, steps))
        return tuple(self._item((*steps, row), each) for row, each in enumerate(value))

    def _fallen(self, steps: Steps, value: Data) -> Remark:
        said = f"{dotted(steps)} {self.changes.dropped[steps]}"
        written = lines_of([Entry(str(steps[-1]), self._same(steps, value))], 2)
        return Remark((said, *written))

    def _moved_section(self) -> Iterator[Part]:
        parts = [part for kind in PINS for part in self._moved(kind)]
        if parts:
            added = self._added({}, ("mixed_precision",))
            yield Entry("mixed_precision", (*added, *parts))

    def _moved(self, kind: str) -> Iterator[Part]:
        """A table of `mixed_precision` that only `quantization` had."""
        if ops := tuple(self._moved_ops(kind)):
            yield Entry(kind, ops, f"was quantization.{kind}")

    def _moved_ops(self, kind: str) -> Iterator[Part]:
        """The ops that come from `quantization`; their comments stay where they were."""
        for steps in self.changes.moved:
            if steps[1] == kind:
                value: Data = self.source.data
                for step in steps:
                    assert isinstance(value, Mapping)
                    value = value[str(step)]
                yield Entry(str(steps[-1]), flow(self._kept(value, steps)))
                yield from self._fallen_within(value, steps)

    def _kept(self, value: Data, steps: Steps) -> Data:
        """The value without the keys that fall away."""
        if not isinstance(value, Mapping):
            return value
        items = ((key, (*steps, key), each) for key, each in value.items())
        dropped = self.changes.dropped
        kept = {k: self._kept(each, at) for k, at, each in items if at not in dropped}
        return {key: each for key, each in kept.items() if each != {}}

    def _fallen_within(self, value: Data, steps: Steps) -> Iterator[Part]:
        for key, each in value.items() if isinstance(value, Mapping) else ():
            if (*steps, key) in self.changes.dropped:
                yield self._fallen((*steps, key), each)
            else:
                yield from self._fallen_within(each, (*steps, key))

    def _comments_until(self, line: int) -> Iterator[Remark]:
        """The user's comments above a line that were not told yet."""
        for row in range(self._line + 1, line):
            said = self.comments.above.get(row, self.comments.beside.get(row))
            if said is not None and row not in self._told:
                self._told.add(row)
                yield Remark((said,))
        self._line = max(self._line, line - 1)

    def _beside(self, steps: Steps) -> str:
        place = self.source.keys.get(steps)
        if place is None or place.line in self._told:
            return ""
        said = self.comments.beside.get(place.line, "")
        if said:
            self._told.add(place.line)
        return said
