"""The process that waits, and what it is asked for."""

from __future__ import annotations

import ctypes
import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

IMPORTED = {
    "torch": (
        "torch",
        "torch.export",
        "torch._dynamo",
        "torch._export.serde.serialize",
    ),
    "tensorflow": ("tensorflow", "keras"),
    "mxnet": ("mxnet", "mxnet.gluon"),
}
"""What tells that a framework is installed → what the reserve imports. ONNX's are
imported in a second, and start threads, which a fork does not have."""

HARMLESS = (
    *("FORCE_", "NARROWCAST_", "PYTEST_", "TMPDIR", "COLUMNS", "OMP_NUM_THREADS"),
    *("TORCHINDUCTOR_CACHE_DIR", "TF2_BEHAVIOR", "TPU_ML_PLATFORM", "HDF5_PLUGIN_PATH"),
    *("ENABLE_RUNTIME", "MXNET_SUBGRAPH_"),
)
"""How variables begin that no framework reads while it is imported: it sets them itself
then, or the runtime does later."""

DEFAULTS = {("ONEDNN_DEFAULT_FPMATH_MODE", "STRICT"), ("TF_SET_ONEDNN_FPMATH_MODE", "")}
"""What the runtime sets to what it is without, too."""

LARGEST, MOST = 200_000, 64
"""Bytes of a command, and descriptors of a process."""

SUBREAPER, DIES_WITH_PARENT = 36, 1


@dataclass(frozen=True)
class Command:
    """What a process is to be.

    Attributes:
        argv: Python's arguments.
        fds: The numbers of its descriptors.
        blocked: Signals.
        tied: It is killed when its parent ends.
    """

    argv: Sequence[str]
    cwd: str
    env: Mapping[str, str]
    fds: Sequence[int]
    blocked: Sequence[int] = ()
    tied: bool = False


@dataclass(frozen=True)
class Reserve:
    """One that waits, as a child of this process, and the variables it began with."""

    connection: socket.socket
    env: Mapping[str, str]

    def takes(self, argv: Sequence[str], env: Mapping[str, str]) -> bool:
        """Whether a fork of it does as well as a Python that is newly started."""
        differing = ({*env.items()} ^ {*self.env.items()}) - DEFAULTS
        plain = all(name.startswith(HARMLESS) for name, _value in differing)
        threads = env.get("OMP_NUM_THREADS", "1") == "1"
        return plain and threads and (argv[0] in ("-c", "-m") or argv[0][0] != "-")

    def start(self, command: Command, fds: Sequence[int]) -> int:
        """The id of a new child of this process, which gets copies of descriptors."""
        socket.send_fds(self.connection, [json.dumps(asdict(command)).encode()], fds)
        return int(self.connection.recv(LARGEST))


_held: list[Reserve] = []


def reserve() -> Reserve | None:
    """That of this process, started when it is first asked for; None where none can be."""
    name = framework()
    if not _held and name is not None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        variables = {**os.environ, "OMP_NUM_THREADS": "1"}
        serve = Path(__file__).with_name("serve.py")
        subprocess.Popen(
            [sys.executable, serve, str(theirs.fileno()), *IMPORTED[name]],
            env=variables,
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        theirs.close()
        hold(ours, variables)
    return _held[0] if _held else None


def hold(connection: socket.socket, env: Mapping[str, str]) -> None:
    """Have this one, and be the parent of the orphans that it leaves."""
    prctl(SUBREAPER, 1)
    _held.append(Reserve(connection, env))


@cache
def framework() -> str | None:
    """The one that is installed, where processes may be forks of a reserve."""
    found = [name for name in IMPORTED if find_spec(name)]
    allowed = sys.platform == "linux" and "SWEEP" not in os.environ
    return found[0] if allowed and len(found) == 1 else None


def prctl(option: int, value: int) -> None:
    """Linux's own call."""
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
