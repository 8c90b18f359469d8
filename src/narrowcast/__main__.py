"""`python -m narrowcast`, and the console script."""

from __future__ import annotations

import signal
import sys

from narrowcast.commands.telling.formats import Format, asked
from narrowcast.runtime.common.telling.early import signals_end_it


def main() -> None:
    """Entry point: Ctrl-C is told from here on, also while modules are imported."""
    is_json = asked(sys.argv[1:]) is Format.json
    said = "" if is_json else "error[NC921]: interrupted\n"
    raised_again = signals_end_it("interrupted", said, is_json, signal.SIGINT)
    from narrowcast.cli import main

    raised_again()
    main()


if __name__ == "__main__":
    main()
