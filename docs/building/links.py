"""A hook of MkDocs': links that lead out of docs/ work in the site as they do in the repository.

What is linked is put into the site beside the pages, README.md and CONTRIBUTING.md as pages.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"\]\((?P<path>(?:\.\./)+[\w./-]+)(?P<anchor>#[\w-]+)?\)")
PLACE = "repository"
"""The site's folder for what is not of docs/."""

PAGES = {"README.md": "index.md"}
"""Files that a page of the site stands for."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what pages link to."""
    wanted = set()
    for file in list(files.documentation_pages()):
        for found in LINK.finditer(file.content_string):
            if (name := outside(file.src_uri, found["path"])) and name not in PAGES:
                wanted.add(name)
    for name in sorted(wanted):
        content = (ROOT / name).read_bytes()
        files.append(File.generated(config, target(name), content=content))
    return files


def on_page_markdown(
    markdown: str, page: Page, config: MkDocsConfig, files: Files
) -> str:
    """Let links lead there."""
    here = page.file.src_uri

    def led(found: re.Match[str]) -> str:
        name = outside(here, found["path"])
        if not name:
            return found[0]
        there = PAGES.get(name, target(name))
        path = posixpath.relpath(there, posixpath.dirname(here) or ".")
        return f"]({path}{found['anchor'] or ''})"

    return LINK.sub(led, markdown)


def outside(page: str, link: str) -> str:
    """The file of the repository that a page links to, "" if it is one of docs/."""
    path = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page), link))
    return "" if path.startswith("docs/") else path


def target(name: str) -> str:
    """Where a file of the repository is in the site; text is shown as such."""
    shown = name if name.endswith((".html", ".json", ".txt")) else f"{name}.txt"
    return f"{PLACE}/{shown}"
