"""An index beyond an embedding's table."""

from pathlib import Path

from beyond import check_refused

NET = """
import torch

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.table, self.head = torch.nn.Embedding(7, 16), torch.nn.Linear(16, 4)

    def forward(self, ids):
        return self.head(self.table(ids).mean(1))
"""
MODEL = """\
model:
  name: net
  framework: pytorch
  factory: own_net:Net
"""


def test_the_input_is_named_and_what_to_write(tmp_path: Path) -> None:
    """PyTorch says neither the index nor how many rows there are."""
    (tmp_path / "own_net.py").write_text(NET)
    check_refused(tmp_path, MODEL, bound="LAST")
