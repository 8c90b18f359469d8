"""The report for people: a page that stands alone, Markdown, and runs side by side."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reported import HOSTILE, documented, hostile, performed
from typer.testing import CliRunner

from narrowcast.cli import app
from narrowcast.runtime.common.timing import Latency
from narrowcast.runtime.evaluation.criterion import Criterion, Stated, together
from narrowcast.runtime.evaluation.evaluation import Evaluation
from narrowcast.runtime.evaluation.judgement import Judgement
from narrowcast.runtime.evaluation.metrics.part import Part
from narrowcast.runtime.report.document.document import Document
from narrowcast.runtime.report.document.files import write_document
from narrowcast.runtime.report.document.trials import EARLIER, OTHER_DATA
from narrowcast.runtime.report.html.charts import axis
from narrowcast.runtime.report.html.elements import tag
from narrowcast.runtime.report.html.page import page
from narrowcast.runtime.report.html.runs import runs_page
from narrowcast.runtime.report.wording.differing import differing
from narrowcast.runtime.report.wording.markdown import (
    code,
    markdown,
    runs_markdown,
    text,
)
from narrowcast.runtime.report.wording.runs import Runs, changed
from narrowcast.runtime.report.wording.status import status

SQNRS = tuple(Part(f"SQNR {k}", 40.0 + k) for k in range(4))
VOID = {"meta", "link", "br", "hr"}
LOADS = {"script", "img", "iframe", "object", "embed", "video", "audio", "form", "base"}

MANY = tuple(f"op{k}" for k in range(3000))
MISSED = Judgement(
    Criterion(absolute=0.01),
    Evaluation("top-1", 0.9, 500, True),
    Evaluation("top-1", 0.5, 500, True),
)
PAGES = {
    "usual": documented(),
    "missed": documented(judgement=MISSED),
    "unjudged": documented(judgement=None, drift=0.1, latency=None),
    "hostile": hostile(),
    "performed": performed(),
    "many": documented(
        MANY, MANY[::3], tuple(f"layer{k % 90}.part{k}" for k in range(3000))
    ),
    "heaviest": documented(ranked=False, warnings=("one", "two")),
}


class Page(HTMLParser):
    """What a page has: elements, in order, each closed where it was opened."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(content)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _value in attrs]
        assert len(names) == len(set(names)), (tag, names)
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style"} & {*self.open}:
            self.text.append(data)

    def all(self, name: str) -> list[dict[str, str | None]]:
        return [attrs for tag, attrs in self.found if tag == name]


@pytest.fixture(params=PAGES.values(), ids=PAGES)
def document(request: pytest.FixtureRequest) -> Document:
    found: Document = request.param
    return found


def test_pages_are_well_formed_and_stand_alone(document: Document) -> None:
    """No script, nothing to fetch, no way to be told otherwise by what is in it."""
    found = Page(page(document))
    names = {tag for tag, _attrs in found.found}
    assert not names & LOADS
    for _tag, attrs in found.found:
        assert not [name for name in attrs if name.startswith("on")]
        assert "src" not in attrs
        link = attrs.get("href")
        assert link is None or link.startswith(("#", "data:,"))
    policy = [each["content"] for each in found.all("meta") if "http-equiv" in each]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]
    assert len(page(document)) < 600_000


def test_pages_can_be_read_without_seeing_them(document: Document) -> None:
    """Landmarks, one first heading, captions, names for pictures; no id stands twice."""
    found = Page(page(document))
    counted = Counter(tag for tag, _attrs in found.found)
    assert counted["h1"] == counted["main"] == counted["nav"] == 1
    assert counted["caption"] == counted["table"]
    pictures = counted["svg"]
    assert pictures and counted["desc"] == pictures
    assert all(each.get("role") == "img" for each in found.all("svg"))
    ids = [attrs["id"] for _tag, attrs in found.found if "id" in attrs]
    assert len(ids) == len(set(ids))
    wanted = [attrs["aria-labelledby"] for attrs in found.all("section")]
    assert set(wanted) <= set(ids)
    assert {each["href"] for each in found.all("a")} <= {f"#{each}" for each in ids}
    assert found.all("html")[0]["lang"] == "en"


def test_hostile_names_are_text() -> None:
    content = page(hostile())
    said = " ".join(Page(content).text)
    assert "alert(1)</script>" in said and "<script" not in content
    assert 'x="' in said
    assert "\x1b" not in content and "\u202e" not in content and "\x00" not in content
    content.encode()


def test_precision_is_told_in_words_too() -> None:
    said = " ".join(Page(page(documented())).text)
    assert "2 of 3 ops in bf16, 1 in fp32" in said
    assert "Criterion holds" in said


@given(st.text())
def test_whatever_is_written_is_escaped(words: str) -> None:
    (name, attrs), *more = Page(tag("p", words, title=words)).found
    assert (name, list(attrs), more) == ("p", ["title"], [])


NUMBERS = st.floats(allow_nan=True, allow_infinity=True)


@given(st.lists(NUMBERS, max_size=5))
def test_an_axis_has_marks_within_it(values: list[float]) -> None:
    made = axis(values, 0, 100, 0.1)
    assert 0 < len(made.marks()) <= 12
    assert all(0 <= made.at(each) <= 100 for each in made.marks())


# Markdown


def test_markdown_says_what_the_page_says() -> None:
    said = markdown(documented(warnings=("it is late",)))
    assert said.startswith("### net: fp32 → bf16 + fp32\n\n✅ **Criterion holds.**")
    assert "> **Warning:** it is late" in said
    row = "| **Result** | **66.7%** | **0.8950** | **2.00 ms** | **2.00×** |"
    assert row in said
    assert "| `sine` | 33.3% | 33.3% | fp32 | accuracy: sine is off by 12% |" in said


def test_performance_is_a_table_of_its_own() -> None:
    said = markdown(performed())
    assert (
        "| fp32, as loaded | 4.00 ms | 4.00 ms to 4.44 ms |" in said
        and "| **2.00×** |" in said
    )
    assert "2 instances of 4 cores, batches of 64; taskset is not there." in said


def unescaped(line: str, what: str) -> int:
    """How often it stands there without a backslash, outside of code."""
    bare = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", line.replace("\\`", ""))
    return len(re.findall(rf"(?<!\\){re.escape(what)}", bare))


def test_hostile_names_are_text_in_markdown() -> None:
    said = markdown(hostile())
    for line in said.splitlines():
        if not line.startswith(("<details", "</details")):
            assert not unescaped(line, "<"), line
        assert not unescaped(line, "["), line
    assert "@everyone" not in said.replace("`", "") or "@\u200beveryone" in said
    assert "\x1b" not in said


@given(st.text())
def test_words_stay_in_their_cell(words: str) -> None:
    for made in (text(words), code(words)):
        assert "\n" not in made and "\r" not in made
        assert not re.findall(r"(?<!\\)(?:\\\\)*\|", made)


# Several runs


def two(tmp_path: Path) -> list[str]:
    """A run that holds, and one of the same graph that does not."""
    first, second = documented(), documented(fp32=("head",), judgement=MISSED)
    write_document(tmp_path / "a.report.json", first)
    write_document(tmp_path / "b.report.json", second)
    return [str(tmp_path / "a.report.json"), str(tmp_path / "b.plan.json")]


def test_runs_of_one_graph_are_compared_by_ops() -> None:
    found = changed(documented(), documented(fp32=("head",)))
    assert found is not None
    assert (found.lowered, found.kept) == (("sine",), ("head",))
    assert changed(documented(), documented(("other",), ())) is None


def test_runs_are_compared_on_a_page() -> None:
    other = replace(hostile(), made="2026-12-01T00:00:00Z")
    content = runs_page(Runs((HOSTILE[0], "b"), (documented(), other)))
    assert "<script" not in content
    said = " ".join(Page(content).text)
    assert "is of another graph: its ops are not compared" in said


def test_runs_say_what_else_they_differ_in_and_all_that_each_warned_of() -> None:
    first = documented(warnings=("it is late",))
    other = replace(
        first,
        warnings=("data changed",),
        origin=replace(
            first.origin,
            spec_sha256="99" * 32,
            files={"model": {"elsewhere/net.pth": "ef" * 32}},
        ),
        assumed=replace(first.assumed, data="99" * 8),
    )
    assert differing(first, replace(first, made="2026-12-01T00:00:00Z")) == ""
    runs = Runs(("a.report.json", "b.report.failed.json"), (first, other))
    assert runs.labels == ("a", "b")
    for said in (runs_markdown(runs), " ".join(Page(runs_page(runs)).text)):
        assert "has other data and other weights than the first run" in said
        assert "not comparable" in said and "in its spec" in said
        assert "it is late" in said and "data changed" in said


MANY_NUMBERS = Judgement(
    together((Criterion(absolute=0.01), *(Stated(at_worst=30.0) for _ in range(4)))),
    Evaluation("share", 0.0, 500, True, parts=(Part("top-1", 0.9), *SQNRS)),
    Evaluation("share", 0.4, 500, True, parts=(Part("top-1", 0.8953), *SQNRS)),
)


def test_runs_are_compared_by_every_number_that_is_judged() -> None:
    many = documented(judgement=MANY_NUMBERS)
    assert "of 5 numbers, top-1 0.8953 (at least 0.8900), SQNR 0 40.0000 dB" in (
        many.verdict
    )
    said = runs_markdown(Runs(("a", "b"), (documented(), many)))
    assert " more" not in said
    for number in range(4):
        row = f"| SQNR {number} | b | – | 4{number}.0000 dB | at least 30.0000 dB |"
        assert row in said
    assert "| top-1 | b | 0.9000 | 0.8953 | at least 0.8900 | holds |" in said


def test_random_inputs_are_no_green_tick() -> None:
    found = documented()
    drawn = replace(found, assumed=replace(found.assumed, made_up=True))
    assert status(drawn).kind == "neutral" and "✅" not in markdown(drawn)
    assert "Criterion holds, on random inputs only" in " ".join(Page(page(drawn)).text)


def test_where_nothing_was_converted_that_is_what_is_said() -> None:
    same = Judgement(
        together((Stated(at_worst=58.0),)),
        Evaluation("share", 0.0, 500, True, parts=(Part("SQNR", 300.0),)),
        Evaluation("share", 0.0, 500, True, parts=(Part("SQNR", 300.0),)),
    )
    names = ("stem", "sine", "head")
    found = documented(names, names, judgement=same, latency=None)
    assert status(found).words == "Nothing was converted"
    for said in (markdown(found), " ".join(Page(page(found)).text), found.verdict):
        assert "300" not in said and "nothing" in said.lower()
    assert "SQNR: no difference (at least 58.0000 dB is demanded)" in found.verdict


def test_samples_batches_and_reading_are_told_in_both_forms() -> None:
    found = documented()
    about = replace(found.assumed, read=("batches of 64, in order",))
    found = replace(found, assumed=about)
    for said in (markdown(found), " ".join(Page(page(found)).text)):
        assert "top-1 is judged on 500 samples in 8 batches" in said
        assert "batches of 64, in order" in said


def test_an_earlier_search_is_called_one() -> None:
    found = replace(documented(), history=EARLIER)
    for said in (markdown(found), " ".join(Page(page(found)).text)):
        assert "measured when the plan was searched" in said.lower()
        assert "(the result)" not in said
    gone = replace(found, trials=(), history=OTHER_DATA)
    for said in (markdown(gone), " ".join(Page(page(gone)).text)):
        assert "trials of the search are left out" in said


def test_the_tile_and_the_verdict_say_the_same_of_speed() -> None:
    latency = {
        "fp32": Latency(0.00129, 0.0010, 0.0014, 71),
        "result": Latency(0.001, 0.0009, 0.0011, 71),
    }
    found = documented(latency=latency)
    assert "1.29 times as fast as fp32 by the medians, which is within" in found.verdict
    assert "1.29× as fast as fp32 by the medians, within noise" in page(found)


def test_what_is_too_noisy_has_no_ratio_anywhere() -> None:
    latency = {
        "fp32": Latency(0.09635, 0.013, 0.1, 71),
        "prepared": Latency(0.00126, 0.0012, 0.0013, 71),
        "result": Latency(0.0614, 0.0009, 0.101, 71),
    }
    found = documented(latency=latency)
    assert found.verdict.endswith(
        "Speed beside fp32 is too noisy to tell: quartiles 13.00 to 100.00 ms, then "
        "0.90 to 101.00 ms per batch."
    )
    rows = {each.key: each for each in found.contenders}
    assert [rows[key].speedup for key in ("prepared", "result")] == [None, None]
    assert rows["fp32"].latency is not None and rows["fp32"].latency.noisy
    for said in (markdown(found), " ".join(Page(page(found)).text)):
        assert "too noisy to tell (900.0 µs to 101.00 ms)" in said
        assert not any(ratio in said for ratio in ("1.57", "76.4", "76.5", "0.02×"))


def told(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["report", *arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_command_compares_in_every_form(tmp_path: Path) -> None:
    runs = two(tmp_path)
    said = told(*runs)
    assert "| Outcome | criterion holds | criterion NOT met |" in said
    assert "1 op no longer fp32: `sine`" in said
    data = json.loads(told(*runs, "--format", "json"))
    assert data["changes"] == [{"lowered": ["sine"], "kept": ["head"]}]
    assert [each["report"]["outcome"] for each in data["runs"]] == ["holds", "missed"]
    assert told(*runs, "--format", "html").startswith("<!doctype html>")


def test_the_command_shows_one_run_and_writes_files(tmp_path: Path) -> None:
    run = two(tmp_path)[0]
    assert told(run).startswith("### net")
    assert json.loads(told(run, "--format=json"))["name"] == "net"
    assert told(run, "-o", str(tmp_path / "x.html")).startswith("wrote ")
    assert (tmp_path / "x.html").read_text("utf-8") == page(documented())
    assert json.loads(told("--schema"))["title"]
    assert told(run, "-o", "-") == told(run)


def test_the_ending_says_what_is_written(tmp_path: Path) -> None:
    """One that is not known would be Markdown under another's name."""
    run = two(tmp_path)[0]
    for name in ("x.pdf", "x", "html"):
        path = tmp_path / name
        done = CliRunner().invoke(app, ["report", run, "-o", str(path)])
        assert (done.exit_code, done.output) == (
            2,
            f"error[NC801]: {path} does not end as a report does: .md, .html, .json\n"
            "  Name it so, or say what is written with --format.\n",
        )
        assert not path.exists()
    told(run, "-o", str(tmp_path / "x.pdf"), "--format", "md")
    told(run, "-o", str(tmp_path / "X.HTML"))
    assert (tmp_path / "X.HTML").read_text("utf-8") == page(documented())


@pytest.mark.parametrize(
    ("metric", "head"),
    [
        ("share of what is allowed", "Share of what is allowed"),
        ("top-1", "Top-1"),
        ("agreement", "Agreement"),
        ("mAP", "mAP"),
        ("my_metric", "my_metric"),
        ("SQuAD F1", "SQuAD F1"),
    ],
)
def test_a_metric_begins_large_among_words_that_do(metric: str, head: str) -> None:
    document = documented()
    assert document.accuracy is not None
    judged = replace(document.accuracy, metric=metric)
    assert f"<dt>{head}</dt>" in page(replace(document, accuracy=judged))


def test_the_command_writes_into_files_only(tmp_path: Path) -> None:
    run, pipe, link = two(tmp_path)[0], tmp_path / "pipe.md", tmp_path / "link.html"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for path in (pipe, link):
        done = CliRunner().invoke(app, ["report", run, "-o", str(path)])
        assert (done.exit_code, done.output) == (
            2,
            f"error[NC902]: {path} is a pipe; name a file\n",
        )
    assert pipe.is_fifo()
    link.unlink()
    (tmp_path / "real.html").touch()
    link.symlink_to("real.html")
    told(run, "-o", str(link))
    assert link.is_symlink()
    assert (tmp_path / "real.html").read_text("utf-8") == page(documented())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "no run is named"),
        (("nowhere.report.json",), "there is no"),
        ((".",), "several reports: a.report.json, b.report.json"),
        (("damaged.json",), "can't be read"),
    ],
)
def test_what_is_no_run_is_refused(
    arguments: tuple[str, ...],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    two(tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "damaged.json").write_text("{}")
    done = CliRunner().invoke(app, ["report", *arguments])
    assert done.exit_code == 2
    assert said in done.stderr and "error[NC802]: " in done.stderr
    assert "Traceback" not in done.stderr
