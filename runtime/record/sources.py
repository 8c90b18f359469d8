"""The files that a conversion depends on, and their hashes for the plan."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from ..common.files import matching, sha256
from ..common.places import OURS
from ..frameworks.opening.shard_index import ENDING, shards


@dataclass(frozen=True, slots=True)
class Sources:
    """What a script reads.

    Attributes:
        model: Weight files.
        data: Dataset files and folders, or patterns of files.
        modules: Names of the user's Python modules.
    """

    model: tuple[Path, ...] = ()
    data: tuple[Path, ...] = ()
    modules: tuple[str, ...] = ()

    def and_model(self, files: Sequence[Path]) -> Sources:
        """These, and more files of the model."""
        return replace(self, model=(*self.model, *files))

    def and_supplied(self, model: object, data: object) -> Sources:
        """These, and the files and modules that a command line named in their place."""
        named = (model, data)
        return Sources(
            (*self.model, *getattr(model, "files", ())),
            (*self.data, *getattr(data, "files", ())),
            (
                *self.modules,
                *(m for each in named for m in getattr(each, "modules", ())),
            ),
        )


def hashes(sources: Sources, script: Path) -> dict[str, dict[str, str]]:
    """sha256 per file, keyed by its path relative to the script or the module's name."""
    folder = script.parent
    found = {
        "model": {
            _relative(path, folder): sha256(path)
            for named in sources.model
            for path in _whole(named)
        },
        "data": {
            _relative(path, folder): sha256(path)
            for named in sources.data
            for path in matching(named)
        },
        "python": dict(
            sorted(
                {
                    **{name: _module_hash(name) for name in sources.modules},
                    **_imported_beside(script),
                }.items()
            )
        ),
    }
    return {kind: each for kind, each in found.items() if each}


def _whole(path: Path) -> tuple[Path, ...]:
    """The file, and those that it is the index of."""
    return (path, *shards(path)) if path.name.lower().endswith(ENDING) else (path,)


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()


def _imported_beside(script: Path) -> dict[str, str]:
    """Modules in use whose files lie in the script's folder: what the factory imports.

    Not the script itself, which a driver may have imported.
    """
    found = {}
    beside = os.path.join(script.parent, "")  # noqa: PTH118
    folders = cache(os.path.realpath)  # thousands of files are in few of them
    for name, module in sorted(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name.startswith("__") or not file:
            continue
        folder, own = os.path.split(file)
        link = os.path.islink(file)  # noqa: PTH114
        real = folders(file) if link else os.path.join(folders(folder), own)  # noqa: PTH118
        if not real.startswith(beside):
            continue
        path = Path(real)
        source = path.suffix == ".py" and path.is_file()
        users = path != script and not path.is_relative_to(OURS)
        if source and users and "site-packages" not in path.parts:
            found[name] = sha256(path)
    return found


def _module_hash(name: str) -> str:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():
        return "not a file"
    return sha256(Path(spec.origin))
