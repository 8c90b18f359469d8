"""The page in a copy of the runtime."""

from __future__ import annotations

TEXT = """\
# The runtime of the conversion scripts beside this folder

Copied by narrowcast {version} with `narrowcast generate SPEC --vendor`: what these scripts
import of narrowcast, and nothing else. They run without narrowcast; what they need besides
is under `dependencies` in their first lines.

- **Don't edit it.** Each module is narrowcast's own after the first lines, and the next
  refresh puts it back. `narrowcast generate SPEC --vendor --check` says what differs.
- **Refresh**: `narrowcast generate SPEC --vendor`, once for each script beside this folder.
  A script and a copy of different runtimes (this one is {identity}) refuse each other.
- **Licence**: Apache-2.0, in `LICENSE`.
"""


def readme(version: str, identity: str) -> str:
    """What the copy is, and how it is refreshed, as Markdown."""
    return TEXT.format(version=version, identity=identity)
