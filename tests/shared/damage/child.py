"""Open damaged copies of one file, one after the other: `child.py GROUP NAME FIRST END`.

What it is about to open goes to stdout first, so that its death says of which seed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import traceback
from pathlib import Path
from tempfile import mkdtemp

from damage.formats import Format, formats
from damage.mutations import damage
from narrowcast.runtime.common.errors import NarrowcastError


def main(group: str, name: str, first: int, end: int) -> None:
    one, folder = formats(group)[name], Path(mkdtemp())
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is no part of the protocol
    made = one.make(folder)
    _open(one, made)  # as it is, it opens: from here on memory is watched
    print("ready", file=out)
    for seed in range(first, end):
        print(f"seed {seed}", file=out)
        copy = Path(mkdtemp())
        shutil.copytree(folder, copy, dirs_exist_ok=True)
        broken = copy / made.relative_to(folder)
        damage(broken, f"{name}:{seed}")
        try:
            _open(one, broken)
            said = "opened"
        except NarrowcastError:
            said = "refused"
        except BaseException:
            said = "traceback " + repr(traceback.format_exc()[-1500:])
        print(said, file=out)
        shutil.rmtree(copy)
    print("done", file=out)


def _open(one: Format, path: Path) -> None:
    run = one.open(path)
    if run is not None:
        # A model that fails on its data is told as such by the run itself.
        with contextlib.suppress(Exception):
            run()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
