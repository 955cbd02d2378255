"""Nothing of a file becomes an element of the report page."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import UndefinedError

from nas_cli.deliver.evaluate import evaluate
from nas_cli.deliver.report import charts, write_report
from nas_cli.deliver.report import tested as test_part
from nas_cli.deliver.report.front import Front, marks
from nas_cli.deliver.report.html import FOLDER, fill
from nas_cli.deliver.report.page import Architecture, Final
from nas_cli.task import Table
from nas_cli.words import printable

TAGS = {"html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "h3", "p", "strong", "dl", "dt", "dd"}
TAGS |= {"pre", "ul", "li", "div", "table", "tr", "th", "td"}
TAGS |= {"figure", "svg", "text", "title", "line", "circle", "rect", "polyline"}
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""What a browser may load and run for the page: its own style sheet, and nothing else."""
NOTHING: dict[str, Any] = {
    "name": "small",
    "verdict": "",
    "summary": [],
    "notes": [],
    "front": None,
    "final": None,
    "test": None,
    "progress": None,
    "decisions": None,
    "architecture": None,
    "environment": None,
}
"""A page without sections."""
ATTRIBUTES = {
    "class",
    "x",
    "y",
    "x1",
    "x2",
    "y1",
    "y2",
    "cx",
    "cy",
    "r",
    "rx",
    "width",
    "height",
    "points",
    "transform",
}
ATTRIBUTES |= {"viewbox", "style", "role", "aria-label", "fill-opacity", "text-anchor", "transform"}
ATTRIBUTES |= {"lang", "charset", "http-equiv", "content", "name"}
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onload='alert(1)",
    "</style><script>",
    "</title></head>",
    "<!--",
    "]]>",
    "&lt;b&gt;",
    "\x1b[2J\x00",
    "\u202egnp",
    "\ud800",
    "x" * 300,
    "{0}%s{name}",
]
TEXTS = st.text(max_size=20) | st.sampled_from(HOSTILE)


class Page(HTMLParser):
    """The elements, the attributes and the text of a page; every element is closed where it should be."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self._open: list[str] = []
        self.feed(markup)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attributes}
        if tag != "meta":
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)


def ours(markup: str) -> Page:
    page = Page(markup)
    assert page.tags <= TAGS
    assert page.attributes <= ATTRIBUTES
    assert printable(markup, lines=True) == markup
    markup.encode()
    return page


@given(TEXTS, TEXTS)
def test_texts_stay_texts_in_every_section(text: str, other: str) -> None:
    chart = charts.bars([(text, 0.5), (other, 0.25)])
    blocks = [Table(text, (text, other), ((other, text),)), test_part.Figure(other, chart)]
    page = ours(
        fill(
            "page.html",
            name=text,
            verdict=other,
            summary=[(text, other)],
            notes=[text, other],
            front=Front([text, other], chart, [text], [[other]]),
            final=Final([text, other], [[other, text]], [text]),
            test=test_part.Tested(False, text, [other], blocks),
            progress=chart,
            decisions=chart,
            architecture=Architecture(other, [(text, other)]),
            environment=[(text, other)],
        )
    )
    assert printable(text, lines=True) in page.text
    assert printable(other, lines=True) in page.text


def drawn(chart: charts.Chart) -> str:
    return fill("page.html", **{**NOTHING, "progress": chart})


@settings(max_examples=30)
@given(st.lists(TEXTS, min_size=1, max_size=4), st.lists(st.integers(0, 50), min_size=16, max_size=16))
def test_names_in_charts(names: list[str], numbers: list[int]) -> None:
    count = len(names)
    matrix = [numbers[row * count : (row + 1) * count] for row in range(count)]
    ours(drawn(charts.confusion(matrix, names)))
    ours(drawn(charts.bars([(name, 0.5) for name in names])))
    ours(drawn(charts.progress([(0, 0.1, True), (1, 0.2, False)], names[0])))
    ours(drawn(charts.curves({name: [(0.0, 1.0), (1.0, 2.0)] for name in names}, names[0], names[-1], names[0])))
    ours(drawn(charts.scatter([(0, 1.0, 2.0), (1, 2.0, 1.0)], names[0], names[-1], {0: names[0]})))


@pytest.mark.parametrize("left_out", NOTHING)
def test_what_a_template_is_not_given_is_an_error(left_out: str) -> None:
    given_names = {name: value for name, value in NOTHING.items() if name != left_out}
    with pytest.raises(UndefinedError, match=left_out):
        fill("page.html", **given_names)


@pytest.mark.parametrize("template", sorted(FOLDER.glob("*.html")), ids=lambda path: path.name)
def test_no_template_takes_a_text_for_markup(template: Path) -> None:
    """Neither `safe`, nor escaping turned off, nor an attribute without quotation marks, nor a tag's name."""
    text = template.read_text()
    assert not re.search(r"\|\s*safe|autoescape|Markup", text)
    assert not re.search(r"=\s*\{\{", text)
    assert not re.search(r"</?\s*\{\{", text)


def test_the_page_forbids_what_it_does_not_need(run: Path) -> None:
    text = write_report(run).read_text()
    assert text.index(POLICY) < text.index("<style>")
    ours(text)


@pytest.mark.parametrize("hostile", HOSTILE[:6], ids=range(6))
def test_files_of_a_run(run: Path, hostile: str) -> None:
    evaluate(run)
    evaluation = json.loads((run / "evaluation.json").read_text())
    evaluation["classes"][0]["label"] = hostile
    evaluation["latency"]["device"] = hostile
    evaluation["metrics"][hostile] = 0.5
    (run / "evaluation.json").write_text(json.dumps(evaluation))
    environment = json.loads((run / "environment.json").read_text())
    environment[hostile] = {hostile: [hostile]}
    environment["notes"] = [hostile, "columns left out: id"]
    (run / "environment.json").write_text(json.dumps(environment))
    lines = (run / "journal.jsonl").read_text().splitlines()
    for place, line in enumerate(lines):
        event: dict[str, Any] = json.loads(line)
        for key in ("reason", "verdict"):
            if key in event:
                event[key] = hostile
        if "genotype" in event:
            event["genotype"] = {hostile: hostile}
        lines[place] = json.dumps(event)
    (run / "journal.jsonl").write_text("\n".join(lines) + "\n")
    page = ours(write_report(run).read_text())
    assert "Columns left out: id." in page.text
    assert "The data" in page.text


def test_a_front(run: Path) -> None:
    member = {"trial": 3, "measurement": {"accuracy": 0.5, "<script>": 2.0, "params": 10}}
    front = {"objectives": ["maximize accuracy", "minimize <script>"], "knee": 3, "final": None}
    (run / "front.json").write_text(json.dumps({**front, "members": [member, {**member, "trial": 4}]}))
    page = ours(write_report(run).read_text())
    assert "trial 3, the knee of the search" in page.text


def test_the_knee_and_what_is_kept_have_their_names() -> None:
    assert marks({"knee": 3, "final": {"candidate": "trial-5"}}) == {3: "the knee of the search", 5: "kept"}
    assert marks({"knee": 3, "final": {"candidate": "trial-3"}}) == {3: "the knee of the search, kept"}
    assert marks({"knee": None, "final": {"candidate": "baseline-2"}}) == {}
    assert marks({"knee": 1, "final": None}) == {1: "the knee of the search"}


def test_a_minimised_metric_is_drawn_as_it_is(run: Path) -> None:
    spec = (run / "spec.yaml").read_text()
    (run / "spec.yaml").write_text(re.sub(r"objective: .*", "objective: {minimize: loss}", spec))
    journal = (run / "journal.jsonl").read_text()
    (run / "journal.jsonl").write_text(re.sub(r'"reward":\s*([0-9.]+)', r'"reward":-\1', journal))
    text = write_report(run).read_text()
    assert "loss (lower is better)" in text
    assert not re.search(r"<title>trial \d+: -", text)


def test_the_lowest_is_the_best_where_it_is_minimised() -> None:
    def lowest_and_last(minimised: bool) -> list[float]:
        chart = charts.progress([(0, 3.0, True), (1, 1.0, True), (2, 2.0, True), (3, 0.5, False)], "rmse", minimised)
        found = re.search(r'polyline class="best" points="([^"]*)"', drawn(chart))
        assert found is not None
        return [float(point.split(",")[1]) for point in found[1].split()]

    down = lowest_and_last(True)
    assert down == sorted(down)  # y grows downwards
    assert len(set(down)) == 2
    assert len(set(lowest_and_last(False))) == 1


def test_only_what_ended_counts_as_trained(run: Path) -> None:
    journal = (run / "journal.jsonl").read_text().splitlines(keepends=True)
    started = next(place for place, line in enumerate(journal) if '"trial_finished"' in line)
    (run / "journal.jsonl").write_text("".join(journal[: started + 1]))
    shutil.rmtree(run / "best")
    page = ours(write_report(run).read_text())
    assert re.search(r"Search\s*1 trained", page.text)


def test_a_test_that_does_not_agree_says_so() -> None:
    content = {"validation": {"equal": False, "largest_difference": 0.25}, "task": "<b>"}
    page = ours(fill("page.html", **{**NOTHING, "test": test_part.tested(content)}))
    assert "do not give the logged validation score:\nthey differ by up to 0.25." in page.text
