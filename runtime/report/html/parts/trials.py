"""The trials of a search: a path of the metric over the share of FLOPs in the
lowest precision, and a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ....evaluation.evaluation import rounded
from ...document.document import Document
from ...document.figures import Accuracy, Trial, told
from ...wording.numbers import count, percent
from ...wording.rows import flops_shares, lowered, trial_rows
from ..charts import MOST, Axis, axis
from ..elements import Markup, joined, tag
from ..tables import table

WIDTH, HEIGHT = 400.0, 260.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 16.0, 14.0, 44.0


def trials(document: Document) -> Markup | None:
    """What a search tried, None where it is not known."""
    said = f"{document.history[:1].upper()}{document.history[1:]}."
    lead = tag("p", said, class_="quiet") if document.history else None
    if not document.trials or document.accuracy is None:
        return lead
    drawn = [trial for trial in document.trials if trial.value is not None]
    rows = table("Trials, in the order of the search", trial_rows(document))
    figure = _figure(document, drawn, document.accuracy) if len(drawn) > 1 else None
    whole = tag("div", figure, rows, class_="pair" if figure else None)
    return joined((lead, whole))


def _figure(document: Document, drawn: Sequence[Trial], judged: Accuracy) -> Markup:
    shares = [flops_shares(document, trial)[0] for trial in drawn]
    values = [trial.value or 0.0 for trial in drawn]
    # Trials that differ by less than anyone sees stand at one place of the whole.
    alike = max(shares) - min(shares) < 0.001
    across = axis((0.0, 1.0) if alike else shares, LEFT, WIDTH - RIGHT, 0.1)
    lowest = lowered(document)[0]
    up = axis([*values, judged.fp32, judged.bound], HEIGHT - BOTTOM, TOP, 0.08)
    points = [(across.at(x), up.at(y)) for x, y in zip(shares, values, strict=True)]
    passed = sum(trial.holds for trial in drawn)
    said = f"{count(len(drawn), 'trial')}, {passed} within the criterion. " + " ".join(
        f"Trial {trial.number}: {percent(share)} of FLOPs, {rounded(value)}."
        for trial, share, value in zip(drawn, shares, values, strict=True)
    )
    picture = tag(
        "svg",
        tag("title", f"{judged.metric} over the share of FLOPs in {lowest}"),
        tag("desc", said),
        *_grid(across, up),
        *_limits(up, judged),
        tag("polyline", points=" ".join(f"{x},{y}" for x, y in points), class_="path"),
        *(_point(trial, *place) for trial, place in zip(drawn, points, strict=True)),
        *_labels(up, judged, points),
        tag(
            "text",
            f"FLOPs in {lowest}",
            x=(LEFT + WIDTH - RIGHT) / 2,
            y=HEIGHT - 6,
            class_="axis middle",
        ),
        viewBox=f"0 0 {WIDTH:g} {HEIGHT:g}",
        role="img",
    )
    key = joined(
        (
            "Numbers are trials, in order: ",
            tag("b", "filled"),
            " ones pass, ",
            tag("b", "hollow"),
            " ones miss; the double ring is the result.",
        )
    )
    return tag("figure", picture, tag("figcaption", key), class_="chart")


def _grid(across: Axis, up: Axis) -> Iterator[Markup]:
    for value in up.marks():
        y = up.at(value)
        yield tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_="grid")
        said = f"{value:.{max(up.digits(), 1)}f}"
        yield tag("text", said, x=LEFT - 6, y=y + 4, class_="axis end")
    for value in across.marks():
        if not -1e-9 <= value <= 1.0 + 1e-9:
            continue
        x, y = across.at(value), HEIGHT - BOTTOM
        yield tag("line", x1=x, x2=x, y1=y, y2=y + 4, class_="grid")
        said = f"{value:.{max(across.digits() - 2, 0)}%}"
        yield tag("text", said, x=x, y=y + 18, class_="axis middle")


def _lines(up: Axis, judged: Accuracy) -> Iterator[tuple[str, str, float, bool]]:
    """Kind, label, place, and whether the label is above: of fp32 and the bound."""
    fp32, _result, bound = told(judged)
    rows = (
        ("fp32", f"fp32 {fp32}", judged.fp32, True),
        ("bound", f"{judged.limit} {bound}", judged.bound, False),
    )
    for kind, said, value, better in rows:
        if abs(value) < MOST:
            yield kind, said, up.at(value), better == judged.higher_is_better


def _limits(up: Axis, judged: Accuracy) -> Iterator[Markup]:
    for kind, _said, y, _above in _lines(up, judged):
        yield tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_=f"limit {kind}")


def _labels(
    up: Axis, judged: Accuracy, points: Sequence[tuple[float, float]]
) -> Iterator[Markup]:
    """At the end of a line where no trial is; in the middle where both have one."""
    for _kind, said, line, above in _lines(up, judged):
        y, width = (line - 5 if above else line + 14), 6.6 * len(said)
        middle = (LEFT + WIDTH - RIGHT) / 2
        places = (
            (WIDTH - RIGHT, WIDTH - RIGHT - width, "axis end"),
            (LEFT + 4, LEFT + 4, "axis"),
            (middle, middle - width / 2, "axis middle"),
        )
        free = (
            place
            for place in places
            if not any(
                place[1] - 13 < px < place[1] + width + 13 and abs(py - y + 4) < 19
                for px, py in points
            )
        )
        x, _left, kind = next(free, places[0])
        yield tag("text", said, x=x, y=y, class_=f"{kind} over")


def _point(trial: Trial, x: float, y: float) -> Markup:
    kind = "passes" if trial.holds else "misses"
    ring = tag("circle", cx=x, cy=y, r=11.5, class_="ring") if trial.delivered else None
    return tag(
        "g",
        ring,
        tag("circle", cx=x, cy=y, r=8.5),
        tag("text", trial.number, x=x, y=y + 3.5, class_="middle"),
        class_=f"trial {kind}",
    )
