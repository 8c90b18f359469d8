"""Scripts with a copy of the runtime, where narrowcast is not installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import end_to_end
import vendored


def test_a_copy_gives_the_same_bytes(net: Any, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    net.export(str(folder / "mnist"), verbose=False)
    project = end_to_end.project_in(folder, channels_last=True)
    model = {"framework": "tensorflow", "path": "mnist"}
    vendored.check_vendored(project, model, "bf16", "net.bf16")
