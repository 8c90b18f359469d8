"""`NAME.report.json`: what is in it, its schema, and what is no report."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reported import BF16, chain, documented, hostile, performed, plan_of
from toy import Toy

from narrowcast.runtime.common.errors import UsageError
from narrowcast.runtime.common.strict_json import json_text
from narrowcast.runtime.common.timing import Latency
from narrowcast.runtime.evaluation.criterion import Criterion, Stated, together
from narrowcast.runtime.evaluation.evaluation import Evaluation
from narrowcast.runtime.evaluation.judgement import Judgement
from narrowcast.runtime.evaluation.metrics.part import Part
from narrowcast.runtime.report.document.document import TITLE, Document
from narrowcast.runtime.report.document.files import (
    found_document,
    read_document,
    report_path,
    write_document,
)
from narrowcast.runtime.report.document.modules import (
    MOST_MODULES,
    MOST_STRETCHES,
    network,
    stretches,
)
from narrowcast.runtime.report.document.network import Module
from narrowcast.runtime.report.document.trials import OTHER_DATA
from narrowcast.runtime.report.document.typed_data import plain, schema, typed
from narrowcast.runtime.report.how_read import how_read
from narrowcast.runtime.report.wording.rows import number_rows

ROOT = Path(__file__).parents[2]

BASELINE = Evaluation("top-1", 0.9, 500, True)
MISSED = Judgement(
    Criterion(absolute=0.01), BASELINE, Evaluation("top-1", 0.5, 500, True)
)
TIMED = {name: Latency(0.004, 0.0039, 0.0041, 9) for name in ("fp32", "result")}

DOCUMENTS = {
    "usual": documented(),
    "heaviest": documented(ranked=False),
    "missed": documented(judgement=MISSED),
    "unjudged": documented(judgement=None, drift=math.inf, latency=None),
    "replayed": documented(replayed=True, trials=0),
    "hostile": hostile(),
    "performed": performed(),
    "nothing low": documented(fp32=("stem", "sine", "head"), latency=TIMED, rules=None),
}


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_document_is_read_as_it_was_written(
    document: Document, tmp_path: Path
) -> None:
    path = write_document(tmp_path / "net.report.json", document)
    text = path.read_text("utf-8")
    assert read_document(path) == document
    assert "NaN" not in text and "Infinity" not in text
    assert write_document(path, read_document(path)).read_text("utf-8") == text


def test_the_schema_is_the_documents_own() -> None:
    """`narrowcast report --schema > docs/report.schema.json` makes it so."""
    text = (ROOT / "docs/report.schema.json").read_text("utf-8")
    assert text == json_text(schema(Document, TITLE))


def described(each: Any) -> list[Any]:
    return [part for part in each["properties"].values() if "description" in part]


def test_every_key_is_described_in_the_schema() -> None:
    found = schema(Document, TITLE)
    for each in (found, *found["$defs"].values()):
        plain_ones = [p for p in each["properties"].values() if "$ref" not in p]
        assert len(described(each)) >= len(plain_ones), each["description"]


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
def test_documents_meet_the_schema(document: Document) -> None:
    jsonschema.validate(plain(document), schema(Document, TITLE))


SMALL = json.loads(json_text(plain(documented())))
PATHS = [(), *((key,) for key in SMALL), ("network", "parts"), ("trials", 0, "number")]


@given(
    st.sampled_from(PATHS), st.none() | st.integers() | st.text() | st.lists(st.none())
)
def test_what_is_no_report_is_refused_with_its_place(
    path: tuple[Any, ...], value: Any
) -> None:
    """Whatever stands anywhere: a document, or a ValueError, and nothing else."""
    data = json.loads(json.dumps(SMALL))
    inner: Any = data
    for key in path[:-1]:
        inner = inner[key]
    if path:
        inner[path[-1]] = value
    else:
        data = value
    try:
        typed(Document, data, "the report")
    except ValueError as error:
        assert str(error).startswith("the report")


def test_later_versions_may_add_keys() -> None:
    assert typed(Document, {**SMALL, "more": 1}, "it") == documented()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"format": 2}', "[" * 9999, '"\\ud800"']
)
def test_a_damaged_file_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "net.report.json"
    path.write_text(text, "utf-8")
    with pytest.raises(UsageError, match="can't be read"):
        read_document(path)


@pytest.mark.parametrize(
    ("plan", "report"),
    [
        ("net.plan.json", "net.report.json"),
        ("net.plan.failed.json", "net.report.failed.json"),
        ("other.json", "other.report.json"),
        ("my.plan.old.json", "my.plan.old.report.json"),
    ],
)
def test_a_report_is_called_as_its_plan(plan: str, report: str) -> None:
    assert report_path(Path(plan)).name == report


def test_a_run_is_named_by_any_of_its_files(tmp_path: Path) -> None:
    path = write_document(tmp_path / "net.report.json", documented())
    for name in ("", "net.plan.json", "net.report.html", "net.report.json"):
        assert found_document(tmp_path / name) == path
    write_document(tmp_path / "b.report.json", documented())
    with pytest.raises(UsageError, match=r"several reports: b\.report\.json"):
        found_document(tmp_path)
    with pytest.raises(UsageError, match="there is no"):
        found_document(tmp_path / "a.plan.json")


# What is in it


@pytest.mark.parametrize(
    ("kind", "outcome", "said"),
    [
        (
            "usual",
            "holds",
            "top-1 goes from 0.9000 to 0.8950 (at least 0.8900 is demanded)",
        ),
        ("usual", "holds", "A batch is 2.00 times as fast as fp32."),
        (
            "missed",
            "missed",
            "The criterion is not met: top-1 goes from 0.9000 to 0.5000",
        ),
        ("unjudged", "unchecked", "nothing was judged. Output error: inf."),
        ("nothing low", "holds", "Everything stays in fp32"),
        ("nothing low", "holds", "A batch takes as long as in fp32, within noise."),
    ],
)
def test_the_verdict_is_a_sentence(kind: str, outcome: str, said: str) -> None:
    assert DOCUMENTS[kind].outcome == outcome
    assert said in DOCUMENTS[kind].verdict


def test_several_numbers_are_each_told() -> None:
    """Metrics and drift: one is a bound on fp32's loss, the other is stated."""
    parts = Part("top-1", 0.9), Part("cosine", 1.0)
    after = Part("top-1", 0.895), Part("cosine", 0.98)
    criteria = Criterion(absolute=0.01), Stated(at_worst=0.99)
    judged = Judgement(
        together(criteria),
        Evaluation("share", 0.0, 500, True, parts=parts),
        Evaluation("share", 2.0, 500, True, parts=after),
    )
    found = documented(judgement=judged)
    assert found.outcome == "missed"
    said = "The criterion is not met: cosine is 0.9800 (at least 0.9900 is demanded)."
    assert said in found.verdict
    assert found.accuracy is not None
    holds = [(each.holds, each.stated) for each in found.accuracy.numbers]
    assert holds == [(True, False), (False, True)]
    rows = number_rows(found)
    assert rows is not None
    assert rows.rows[1] == ("cosine", "–", "0.9800", "at least 0.9900", "misses")


def test_what_one_number_is_made_of_is_told() -> None:
    before, after = ((Part("top-1", a), Part("F1", 0.7)) for a in (0.9, 0.8))
    judged = Judgement(
        Criterion(absolute=0.1),
        Evaluation("mean of top-1 x 2, F1 x 1", 1.25, 500, True, parts=before),
        Evaluation("mean of top-1 x 2, F1 x 1", 1.15, 500, True, parts=after),
    )
    (line,) = judged.lines
    assert line.endswith(", of top-1 0.9000 -> 0.8000, F1 0.7000 -> 0.7000")
    found = documented(judgement=judged)
    assert found.accuracy is not None
    assert [each.result for each in found.accuracy.parts] == [0.8, 0.7]
    rows = number_rows(found)
    assert rows is not None and len(rows.rows) == 3
    assert rows.rows[1] == ("top-1", "0.9000", "0.8000", "–", "")


def test_what_was_made_up_of_inputs_is_told() -> None:
    (made_up,) = documented(drawn={"x": "in [0, 999]"}).assumed.inputs
    assert (made_up.name, made_up.shape) == ("x", "batch × 5")
    assert made_up.drawn == "in [0, 999]"


def test_a_slower_result_is_called_slower() -> None:
    latency = {"fp32": Latency(0.001, 0.001, 0.001, 9), "result": TIMED["result"]}
    assert "It is slower" in documented(latency=latency).verdict


def test_fp32_prepared_and_result_stand_side_by_side() -> None:
    rows = {each.key: each for each in documented().contenders}
    assert list(rows) == ["fp32", "prepared", "result", "rules"]
    assert (rows["fp32"].value, rows["result"].value, rows["rules"].value) == (
        0.9,
        0.895,
        0.5,
    )
    assert (rows["result"].holds, rows["rules"].holds) == (True, False)
    assert rows["result"].speedup == pytest.approx(2)
    assert rows["prepared"].verdict == "faster"


def test_trials_say_what_they_had_low_and_which_was_delivered() -> None:
    first, second = documented().trials
    assert (first.flops_low, first.ops_low, first.holds, first.full) == (
        30,
        3,
        False,
        False,
    )
    assert (second.flops_low, second.delivered, first.delivered) == (20, True, False)


def test_ops_are_those_that_harm_else_the_heaviest() -> None:
    assert documented().ranked_by == "error"
    heavy = DOCUMENTS["heaviest"]
    assert (heavy.ranked_by, [row.id for row in heavy.ops]) == (
        "flops",
        ["head", "sine"],
    )
    assert heavy.ops[1].why == "accuracy" and heavy.ops[0].why == ""


def parts(module: Module) -> list[Module]:
    return [module, *(inner for each in module.parts for inner in parts(each))]


def test_modules_hold_all_ops_and_chains_are_one() -> None:
    scopes = ("net.a.x", "net.a.y", "net.b.deep.inner", "")
    graph = chain(("p", "q", "r", "s"), scopes)
    whole = network(graph, plan_of(graph, ("q",)).placement, BF16)
    assert (whole.ops, whole.ops_low, whole.flops, whole.flops_low) == (4, 3, 60, 50)
    assert [each.path for each in whole.parts] == ["net"]
    assert [each.path for each in parts(whole)][1:] == [
        "net",
        "net.a",
        "net.a.x",
        "net.a.y",
        "net.b.deep.inner",
    ]
    assert whole.types == {"conv2d": 1}


def test_without_scopes_ids_tell_parts() -> None:
    names = tuple(f"stage{k}_conv{n}_fwd" for k in range(2) for n in range(2))
    graph = chain(names)
    whole = network(graph, plan_of(graph, ()).placement, BF16)
    assert [each.path for each in whole.parts] == ["stage0", "stage1"]


@given(st.lists(st.text("ab./_", max_size=6), min_size=1, max_size=30))
def test_any_scopes_make_a_tree_that_adds_up(scopes: list[str]) -> None:
    names = tuple(f"op{k}" for k in range(len(scopes)))
    graph = chain(names, tuple(scopes))
    whole = network(graph, plan_of(graph, names[::2]).placement, BF16)
    assert (whole.ops, whole.flops) == (len(names), graph.flops)
    for each in parts(whole):
        own = sum(each.types.values())
        assert each.ops == own + sum(part.ops for part in each.parts)


def test_thousands_of_ops_stay_few_rows() -> None:
    names = tuple(f"op{k}" for k in range(5000))
    scopes = tuple(f"layer.{k % 50}.part{k}" for k in range(5000))
    graph = chain(names, scopes)
    placement = plan_of(graph, names[::2]).placement
    rows = parts(network(graph, placement, BF16))
    assert len(rows) <= MOST_MODULES + 1
    assert rows[0].ops == 5000
    assert sum(each.folded for each in rows) > 4000
    order = stretches(graph, placement, BF16)
    assert len(order) <= MOST_STRETCHES
    assert (sum(s.ops for s in order), sum(s.ops_low for s in order)) == (5000, 2500)


# In a run


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


MEASURED = (
    *("made", "contenders", "verdict", "searched", "notes", "assumed"),
    "history",
)


def test_a_run_writes_it_beside_the_plan_and_a_replay_the_same(tmp_path: Path) -> None:
    toy = Toy(tmp_path)
    assert toy.run().code == 0
    first = read(tmp_path / "net.report.json")
    assert (
        (tmp_path / "net.report.html").read_text("utf-8").startswith("<!doctype html>")
    )
    assert first["outcome"] == "holds"
    assert [each["number"] for each in first["trials"]][:2] == [1, 2]
    assert any(each["delivered"] for each in first["trials"])
    done = toy.run()
    assert done.code == 0, done.err
    assert "report     net.report.html" in done.out
    again = read(tmp_path / "net.report.json")
    different = {key for key in first if first[key] != again[key]}
    assert different <= {*MEASURED}, different
    assert again["trials"] == first["trials"]


@pytest.mark.nightly
def test_a_run_that_misses_has_a_report_of_its_own(tmp_path: Path) -> None:
    """As its plan has: a good pair and its report stay; the trial that failed is told."""
    toy = Toy(tmp_path)
    assert toy.run().code == 0
    good = (tmp_path / "net.report.json").read_bytes()
    assert toy.run("--search", "--max-trials", "1").code == 1
    assert (tmp_path / "net.report.json").read_bytes() == good
    missed = read_document(found_document(tmp_path / "net.plan.failed.json"))
    assert (missed.outcome, missed.exit_code) == ("missed", 1)
    assert [trial.holds for trial in missed.trials] == [False]
    assert missed.origin.model == "failed/net.json"


@pytest.mark.nightly
def test_a_rebuilt_trial_has_one_in_its_folder(tmp_path: Path) -> None:
    toy = Toy(tmp_path)
    assert toy.run().code == 0
    before = (tmp_path / "net.report.json").read_bytes()
    assert toy.run("--trial", "1").code == 1
    rebuilt = read_document(found_document(tmp_path / "trial-1"))
    assert [trial.number for trial in rebuilt.trials if trial.delivered] == [1]
    assert len(rebuilt.trials) > 1  # those of the search that it is of
    assert rebuilt.origin.script == "../convert_net.py"
    assert (tmp_path / "net.report.json").read_bytes() == before


def test_what_is_converted_is_delivered_without_a_report(tmp_path: Path) -> None:
    """A folder stands in the report's way: that is a note, and no old page stays."""
    toy = Toy(tmp_path)
    (tmp_path / "net.report.json").mkdir()
    (tmp_path / "net.report.html").write_text("of another run")
    done = toy.run()
    assert done.code == 0, done.err
    assert "no report: can't write" in done.err
    assert (tmp_path / "net.plan.json").exists()
    assert not (tmp_path / "net.report.html").exists()


@pytest.mark.nightly
def test_trials_of_other_data_are_left_out_of_a_replay(tmp_path: Path) -> None:
    """fp32's score in the history is not this run's: they say nothing of it."""
    toy = Toy(tmp_path)
    assert toy.run().code == 0
    history = tmp_path / "net.trials.jsonl"
    lines = [json.loads(line) for line in history.read_text("utf-8").splitlines()]
    for line in lines:
        if line.get("step") == "baseline":
            line["value"]["found"]["value"] -= 0.5
    history.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    assert toy.run().code == 0
    found = read_document(tmp_path / "net.report.json")
    assert (found.trials, found.history) == ((), OTHER_DATA)


SCRIPT = '''
SEED = 7

def dataset():
    """Images of a folder, in order."""
    return Decoded(ImageFolder(DATA), prepare)

def prepare(image, label):
    image = resize(image, (8, 8))
    return image, label

def batches():
    for (x,), labels in dataset().batches(64, shuffle=SEED, keep_last=False):
        x = x / 255
        inputs = (x,)
        yield inputs, labels
'''


def test_how_data_is_read_is_told_from_the_script(tmp_path: Path) -> None:
    script = tmp_path / "convert_net.py"
    assert how_read(script) == ()
    script.write_text(SCRIPT, "utf-8")
    assert how_read(script) == (
        "data: Images of a folder, in order: Decoded(ImageFolder(DATA), prepare)",
        "each sample: image = resize(image, (8, 8))",
        "each batch: x = x / 255",
        "batches of 64, shuffled with seed 7; a last one that is smaller is left out",
    )
    script.write_text("def", "utf-8")
    assert how_read(script) == ()
