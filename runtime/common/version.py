"""The runtime's version: a literal, since a vendored copy has no metadata."""

VERSION = "0.1.0"

COPY_OF = ""
"""In a copy that stands beside a script: the sha256 of the whole runtime that it is of."""


def installing(extra: str, pip: str = "pip install") -> str:
    """What installs what an adapter imports: an extra of narrowcast's.

    Scripts that have a copy of the runtime beside them need no narrowcast.
    """
    if COPY_OF:
        return "see `dependencies` in the script's first lines"
    return f"{pip} 'narrowcast[{extra}]'"
