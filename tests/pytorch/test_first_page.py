"""The first page of the documentation, followed with PyTorch."""

from pathlib import Path

from pages import follow_page
from project import Project


def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    follow_page(Project(tmp_path), "pytorch")
    made = {path.name for path in tmp_path.iterdir()}
    assert made >= {"net.bf16.pt2", "net.plan.json", "net.report.html"}
