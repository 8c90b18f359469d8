"""From what a user wrote and set in code to the script: one path, by way of YAML."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from narrowcast.runtime.common.errors import UsageError
from narrowcast.runtime.evaluation.data.supplied.collating import said

if TYPE_CHECKING:
    from narrowcast.spec import Spec

NO_FRAMEWORK = (None, "", "NA")

Keys = tuple[str, ...]
"""The way to a value."""

FRAMEWORK: Keys = ("model", "framework")

ACCURACY = ("evaluation", "accuracy")
JUDGING = (ACCURACY, ("metric", "multi_metrics", "postprocess", "python"))
SLOTS: Mapping[str, Sequence[tuple[Keys, Keys]]] = {
    "model": ((("model",), ("path", "factory", "weights", "strip_prefix")),),
    "data": (((*ACCURACY, "dataloader"), ("dataset", "transform", "filter")),),
    "metric": (JUDGING,),
    "eval_func": (JUDGING,),
}
"""Slot → sections, and their keys that fill it."""


@dataclass(frozen=True)
class Written:
    """A spec as it was given: the text of a file, or data.

    Attributes:
        file: The file, None where there is none.
        data: What it says.
    """

    file: str | None
    data: Mapping[str, Any]

    @property
    def folder(self) -> Path:
        """Where its relative paths start."""
        return Path(self.file).absolute().parent if self.file else Path.cwd()

    def at(self, *keys: str) -> Any:
        """What stands under nested keys, None where nothing does."""
        found: Any = self.data
        for key in keys:
            found = found.get(key) if isinstance(found, Mapping) else None
        return found


@dataclass(frozen=True)
class Set:
    """What code sets beside the spec.

    Attributes:
        values: Dotted key → value, in place of the spec's.
        supplied: The slots that are supplied: "model", "data", "metric", "eval_func".
    """

    values: Mapping[Keys, Any] = field(default_factory=dict)
    supplied: frozenset[str] = frozenset()

    @property
    def replaced(self) -> tuple[Keys, ...]:
        """The keys that say what is supplied."""
        return tuple(
            (*section, key)
            for slot in sorted(self.supplied)
            for section, keys in SLOTS[slot]
            for key in keys
        )


@dataclass(frozen=True)
class Generated:
    """A script that was not written to a file.

    Attributes:
        spec: What it was generated from.
        yaml: The spec's text, where no file has it; else "".
        path: Where `narrowcast generate` would write it: its paths are relative to that.
        text: The script.
    """

    spec: Spec
    yaml: str
    path: Path
    text: str


def written(conf: Any) -> Written:
    """What a user gives as configuration: a YAML file, a mapping, an object, or nothing.

    Raises:
        SpecError: The file can't be read, or is no YAML.
        UsageError: It is nothing of these.
    """
    if conf is None:
        return Written(None, {})
    if isinstance(conf, str | os.PathLike):
        from narrowcast.spec import read

        file = os.fspath(conf)
        return Written(file, _plain(read(file).data))
    data = _filled(conf.usr_cfg) if hasattr(conf, "usr_cfg") else conf
    if not isinstance(data, Mapping):
        raise UsageError(
            f"MixedPrecision is given {said(conf)}",
            "Give the path of a YAML file, a dict, or nothing.",
        )
    return Written(None, _plain(data))


def generated(given: Written, code: Set) -> Generated:
    """The script of a spec and what code sets.

    Raises:
        SpecError: What they say can't be used.
    """
    from narrowcast.codegen import compile_script, default_name, render
    from narrowcast.spec import load, loads

    changed = {k: v for k, v in code.values.items() if not _same(given.at(*k), v)}
    framework = changed.pop(FRAMEWORK, "") if given.file else ""
    replaced = [keys for keys in code.replaced if given.at(*keys) is not None]
    text = ""
    if given.file is not None and not (changed or replaced):
        spec = load(given.file, framework=framework)
    else:
        text = _text(given.data, changed, replaced)
        spec = loads(text, given.file or "the spec", framework=framework)
    if "eval_func" in code.supplied:
        if spec.evaluation.drift is not None:
            raise UsageError(
                "eval_func scores whole models: there are no outputs for "
                "tuning.accuracy_criterion.drift to compare",
                "Give a metric in its place, or leave drift out.",
            )
        judged = replace(spec.evaluation, eval_func="supplied")
        spec = replace(spec, evaluation=judged)
    name = Path(given.file).name if given.file else f"{spec.model.slug}.yaml"
    folder = given.folder.resolve()
    path = folder / default_name(spec)
    try:
        script = compile_script(spec, folder / name, path)
    except ValueError as error:
        raise UsageError(str(error)) from error
    return Generated(spec, "" if given.file else text, path, render(script))


def names_in(value: Any) -> list[str]:
    """Names in a list, or in one text with commas or spaces between them.

    Raises:
        UsageError: It is neither.
    """
    if isinstance(value, str):
        return value.replace(",", " ").split()
    if isinstance(value, Sequence) and all(isinstance(each, str) for each in value):
        return [each.strip() for each in value]
    raise UsageError(f"these are no names: {value!r}", "Give 'a, b' or ['a', 'b'].")


def _text(
    data: Mapping[str, Any], changed: Mapping[Keys, Any], replaced: Sequence[Keys]
) -> str:
    import yaml

    merged: dict[str, Any] = _plain(data)
    for keys in replaced:
        _section(merged, keys).pop(keys[-1], None)
    for keys, value in changed.items():
        _section(merged, keys)[keys[-1]] = value
    first = [key for key in ("version", "model") if key in merged]
    ordered = {key: merged[key] for key in dict.fromkeys([*first, *merged])}
    text: str = yaml.safe_dump(ordered, sort_keys=False, allow_unicode=True)
    return text


def _section(data: dict[str, Any], keys: Keys) -> dict[str, Any]:
    """The mapping that the last of these keys stands in, made where it is missing."""
    for key in keys[:-1]:
        if not isinstance(data.get(key), dict):
            data[key] = {}
        data = data[key]
    return data


def _same(written: Any, wanted: Any) -> bool:
    """Whether the file says already what code sets."""
    if isinstance(wanted, list) and isinstance(written, str | list):
        return sorted(names_in(written)) == sorted(wanted)
    return bool(written == wanted)


def _filled(value: Any) -> Any:
    """The keys of a configuration object that hold anything: it has all there are."""
    if not isinstance(value, Mapping):
        return value
    found = {key: _filled(each) for key, each in value.items()}
    return {key: each for key, each in found.items() if each not in (None, {})}


def _plain(value: Any) -> Any:
    """What YAML can write."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, tuple | list | set | frozenset):
        return [_plain(each) for each in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        return value.item()
    return value
