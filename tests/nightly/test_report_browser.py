"""Reports in a real browser (`make nightly`): Chromium, as a phone and as a desk shows them.

Needs Debian's or another system's Chromium: apt-get install chromium.
"""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from reported import documented, hostile, performed

from narrowcast.runtime.report.html.page import page
from narrowcast.runtime.report.html.runs import runs_page
from narrowcast.runtime.report.wording.runs import Runs

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MANY = tuple(f"encoder.layer.{k // 20}.part{k % 20}:linear:0" for k in range(4000))
WIDTHS = (360, 1300)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.fail("no Chromium is on the PATH: apt-get install chromium")
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-gpu"]
        )
        yield made
        made.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Reports of runs that never were."""
    folder = tmp_path_factory.mktemp("pages")
    scopes = tuple(name.partition(":")[0] for name in MANY)
    made = {
        "usual": page(documented()),
        "hostile": page(hostile()),
        "many": page(documented(MANY, MANY[::7], scopes)),
        "unjudged": page(documented(judgement=None, drift=0.1, latency=None)),
        "performed": page(performed()),
        "runs": runs_page(Runs(("a", "b" * 120), (documented(), hostile()))),
    }
    found = {name: folder / f"{name}.html" for name in made}
    for name, path in found.items():
        path.write_text(made[name], "utf-8")
    return found


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the MNIST CNN's conversion."""
    folder = tmp_path_factory.mktemp("real") / "mnist"
    example = Path(__file__).parents[2] / "examples/mnist"
    shutil.copytree(example, folder)
    subprocess.run([sys.executable, "prepare.py"], cwd=folder, check=True)
    command = [sys.executable, "convert_mnist_cnn.py", "--search"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder / "mnist_cnn.report.html"


KINDS = ("usual", "hostile", "many", "unjudged", "performed", "runs", "real")


@pytest.fixture
def file(kind: str, request: pytest.FixtureRequest) -> Path:
    """The page of a kind; only the real one takes a run."""
    if kind == "real":
        found: Path = request.getfixturevalue("real")
        return found
    return dict(request.getfixturevalue("pages"))[kind]


@pytest.fixture(
    params=[(width, mode) for width in WIDTHS for mode in ("light", "dark")]
)
def opened(
    request: pytest.FixtureRequest, browser: Browser
) -> Iterator[tuple[Page, list[str], list[str]]]:
    """A page of a width and a colour scheme, what it says, and what it asks for."""
    width, mode = request.param
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=mode
    )
    shown, said, asked = context.new_page(), list[str](), list[str]()
    shown.on("console", lambda message: said.append(message.text))
    shown.on("pageerror", lambda error: said.append(str(error)))
    shown.on("dialog", lambda dialog: said.append(dialog.message))
    shown.on("request", lambda each: asked.append(each.url))
    yield shown, said, asked
    context.close()


@pytest.mark.parametrize("kind", KINDS)
def test_pages_render_ask_for_nothing_and_fit(
    file: Path, opened: tuple[Page, list[str], list[str]]
) -> None:
    shown, said, asked = opened
    shown.goto(file.as_uri())
    shown.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert said == []
    assert asked == [file.as_uri()]
    assert shown.locator("h1").is_visible()
    width = shown.viewport_size["width"] if shown.viewport_size else 0
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    assert drawn(shown.screenshot())


def drawn(picture: bytes) -> bool:
    """Whether a PNG is one of a size, with something in it."""
    width, height = struct.unpack(">II", picture[16:24])
    return bool(width and height and len(picture) > 5000)


CONTRAST = """
() => {
  const light = c => { const [r, g, b] = c.match(/[\\d.]+/g).map(Number).map(v => {
      v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4 });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b };
  const behind = e => { for (; e; e = e.parentElement) {
      const c = getComputedStyle(e).backgroundColor;
      if (!/, 0\\)$|transparent/.test(c)) return c }
    return 'rgb(255,255,255)' };
  const found = [];
  for (const e of document.querySelectorAll('main *')) {
    if (e.closest('svg') || ![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
      continue;
    const [a, b] = [getComputedStyle(e).color, behind(e)].map(light);
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found.push([e.tagName, e.className, e.textContent.slice(0, 40), ratio]);
  }
  return found }
"""


@pytest.mark.parametrize("kind", ["usual", "hostile", "performed", "real"])
def test_text_has_contrast(
    file: Path, opened: tuple[Page, list[str], list[str]]
) -> None:
    shown = opened[0]
    shown.goto(file.as_uri())
    assert shown.evaluate(CONTRAST) == []


def test_a_keyboard_reaches_links_and_opens_what_is_folded(
    browser: Browser, pages: dict[str, Path]
) -> None:
    shown = browser.new_page()
    shown.goto(pages["many"].as_uri())
    shown.keyboard.press("Tab")
    assert shown.evaluate("document.activeElement.tagName") == "A"
    for _ in range(40):
        shown.keyboard.press("Tab")
        if shown.evaluate("document.activeElement.tagName") == "SUMMARY":
            break
    before = shown.evaluate("document.activeElement.parentElement.open")
    shown.keyboard.press("Enter")
    assert shown.evaluate("document.activeElement.parentElement.open") != before
    shown.close()


def test_a_screen_reader_finds_its_way(
    browser: Browser, pages: dict[str, Path]
) -> None:
    """Roles and names as the browser tells them: narrow pages keep their tables."""
    shown = browser.new_page(viewport={"width": 360, "height": 900})
    shown.goto(pages["usual"].as_uri())
    assert shown.get_by_role("main").count() == 1
    assert shown.get_by_role("navigation", name="On this page").count() == 1
    table = shown.get_by_role("table", name="Accuracy and latency, side by side")
    assert table.get_by_role("row").count() == 5
    assert table.get_by_role("rowheader", name="fp32, as loaded").count() == 1
    assert shown.get_by_role("img").count() >= 2
    assert json.dumps(names(shown)).count("All ops in the order of the graph") == 1
    shown.close()


def names(shown: Page) -> list[Any]:
    found: list[Any] = shown.evaluate(
        "[...document.querySelectorAll('svg > title')].map(t => t.textContent)"
    )
    return found
