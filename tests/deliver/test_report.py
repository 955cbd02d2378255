"""The report page, and the numbers behind it."""

from __future__ import annotations

import json
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from nas_cli.deliver.evaluate import evaluate
from nas_cli.deliver.report import write_report
from nas_cli.deliver.report.charts import ticks
from nas_cli.deliver.report.importance import importance, omega_squared
from nas_cli.errors import RunError

VOID = {"meta", "circle", "rect", "line", "polyline"}


class Balanced(HTMLParser):
    """Collects tags that are not closed, and everything that would be loaded or run."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        self.loads += [name for name, _ in attributes if name in ("src", "href") or name.startswith("on")]
        if tag == "script":
            self.loads.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


def test_the_page_is_whole_and_loads_nothing(run: Path) -> None:
    evaluate(run)
    text = (run / "report.html").read_text()
    page = Balanced()
    page.feed(text)
    assert page.open == []
    assert page.loads == []
    for words in ("is the best by validation", "Final training", "baseline plain", "Confusion", "Environment", "Test"):
        assert words in text
    assert "give the logged validation score again" in text


def test_what_a_user_wrote_is_escaped(run: Path) -> None:
    spec = (run / "spec.yaml").read_text()
    (run / "spec.yaml").write_text(spec.replace("source: digits", "source: '<script>alert(1)</script>'"))
    text = write_report(run).read_text()
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_an_unfinished_run_has_a_report_too(run: Path) -> None:
    lines = (run / "journal.jsonl").read_text().splitlines(keepends=True)
    (run / "journal.jsonl").write_text("".join(lines[:4]))
    shutil.rmtree(run / "best")
    assert "not finished" in write_report(run).read_text()


def test_a_test_of_another_network_is_not_shown(run: Path) -> None:
    evaluate(run)
    metrics = json.loads((run / "best" / "metrics.json").read_text())
    metrics["validation"]["loss"] += 0.1
    (run / "best" / "metrics.json").write_text(json.dumps(metrics))
    assert "Confusion" not in write_report(run).read_text()


@pytest.mark.parametrize("content", ["[]", "{", '{"samples": 3, "metrics": {}}'])
def test_a_damaged_evaluation_is_named(run: Path, content: str) -> None:
    (run / "evaluation.json").write_text(content)
    with pytest.raises(RunError, match=r"evaluation\.json"):
        write_report(run)


def test_importance_finds_what_matters() -> None:
    rng = np.random.default_rng(0)
    genotypes = [
        {"kernel": int(rng.integers(3)), "noise": int(rng.integers(3)), "lr": float(rng.random())} for _ in range(200)
    ]
    rewards = [g["kernel"] + 0.3 * float(rng.normal()) for g in genotypes]
    found = dict(importance(genotypes, rewards))
    assert found["kernel"] > 0.8
    assert found.get("noise", 0.0) < 0.05
    assert found.get("lr", 0.0) < 0.05
    assert importance(genotypes[:5], rewards[:5]) == []


def test_omega_squared_by_hand() -> None:
    # groups (1, 3) and (5, 7): SS between 16, within 4, total 20; MS within 2; (16 - 2) / (20 + 2)
    assert omega_squared(np.array([1.0, 3.0, 5.0, 7.0]), [0, 0, 1, 1]) == pytest.approx(14 / 22)


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0.981, 0.9823), (-3, 12), (0, 7), (5, 5), (1e-9, 2e-9), (0, 1e9)])
def test_ticks_are_round_and_inside(low: float, high: float) -> None:
    found = ticks(low, high)
    assert 1 <= len(found) <= 8
    assert all(low - 1e-9 * abs(high) <= tick <= high + 1e-9 * abs(high) for tick in found)
