"""Another program in this process's place."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import NoReturn


def become(command: list[str]) -> NoReturn:
    """Let the program take this process's place: one process to signals and their sender.

    Where processes can't be replaced it is a child, and its exit code ours.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name == "posix":
        os.execv(command[0], command)
    with subprocess.Popen(command) as process:
        # Ctrl-C reaches the program by itself: it answers in its own time.
        signal.signal(signal.SIGINT, lambda number, frame: None)
        sys.exit(process.wait())
