"""What the views make of a run's events."""

from __future__ import annotations

import importlib.util
import io
from pathlib import Path

import pytest
from journals import made, tell
from rich.console import Console

from nas_cli.cli.console import Plain, decision_lines, live_view
from nas_cli.cli.tables import final_table, trials_table
from nas_cli.figures import count, deviation, duration, number
from nas_cli.record.directory import RunDirectory, create_run
from nas_cli.record.journal import Journal
from nas_cli.record.watch import Watch
from nas_cli.trial import History

_spec = importlib.util.spec_from_file_location("feed", Path(__file__).parent / "feed.py")
assert _spec is not None
assert _spec.loader is not None
feed = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(feed)


def replayed(run: RunDirectory) -> Watch:
    watch = Watch()
    watch.open(run.path)
    return watch


def drawn(renderable: object, width: int) -> str:
    file = io.StringIO()
    Console(file=file, width=width, force_terminal=True, no_color=True, color_system=None).print(renderable)
    text = file.getvalue()
    assert all(len(line) <= width for line in text.splitlines())
    return text


def test_a_live_run_and_its_journal_read_alike(tmp_path: Path) -> None:
    run = create_run(tmp_path, "made-up", {"spec.yaml": feed.SPEC})
    live = Watch()
    history = History()
    live.follow(history)
    with Journal(run.journal) as journal:
        for kind, fields in feed.happenings(run.path):
            event = journal.append(made(kind, **fields))
            live.event(event, tell(history, event))
    again = replayed(run)
    assert live.summary() == again.summary()
    assert live.summary()["trials"] == {"trained": 3, "failed": 1, "infeasible": 1, "duplicate": 1}
    assert live.best is not None
    assert live.best.number == 4
    assert len(live.course.finals) == live.final_total() == 6


def test_what_counts_as_trained(tmp_path: Path) -> None:
    """Neither a candidate whose latency is too high nor one in its first rung, which need not be rung 0."""
    run = create_run(tmp_path, "made-up", {"spec.yaml": feed.SPEC})
    with Journal(run.journal) as journal:
        journal.append(made("run_started", version="0", run=str(run.path)))
        for number, rung in ((0, 0), (1, 2), (2, 0)):
            journal.append(made("trial_started", number=number, genotype={"x": number}, rung=rung))
        journal.append(
            made("trial_infeasible", number=0, genotype={"x": 0}, reason="latency_ms is 3, above the maximum of 2")
        )
        ended = {"measurement": feed.measured(0.9), "reward": 0.9}
        journal.append(made("trial_finished", number=1, rung=2, **ended))
    watch = replayed(run)
    assert (watch.done, watch.counts["infeasible"]) == (1, 1)
    with Journal(run.journal) as journal:
        journal.append(made("trial_finished", number=2, rung=0, last=False, **ended))
        journal.append(made("trial_started", number=2, rung=1))
    assert replayed(run).done == 2


def test_plain_lines(tmp_path: Path) -> None:
    run = create_run(tmp_path, "made-up", {"spec.yaml": feed.SPEC})
    stream = io.StringIO()
    plain = Plain(Watch(), Console(file=stream, width=60, markup=False, highlight=False))
    history = History()
    plain.follow(history)
    with Journal(run.journal) as journal:
        for kind, fields in feed.happenings(run.path):
            event = journal.append(made(kind, **fields))
            plain.event(event, tell(history, event))
    lines = stream.getvalue().splitlines()
    assert lines[1] == "trial 0: accuracy 0.9100, 12.3k params, 3.1 s, best so far"
    assert "trial 1: infeasible: model[0].pool: 1×1 is too small" in lines
    assert "trial 2: the same network as trial 0" in lines
    assert "trial 3: failed: the loss is not a number" in lines
    assert lines[-1] == "kept: trial 4, seed 1"
    assert len(lines) == 14


@pytest.mark.parametrize("width", [40, 60, 80, 120])
@pytest.mark.parametrize("upto", [0, 1, 2, 3, 7, 9, 11, 12, 17])
def test_the_live_view_fits_any_terminal(tmp_path: Path, width: int, upto: int) -> None:
    watch = replayed(feed.make_run(tmp_path, upto))
    watch.progress("trial 4", 3, 8, {"loss": 0.25, "accuracy": 0.9})
    text = drawn(live_view(watch, width), width)
    assert "epoch 3/8" in text
    assert ("final" in text) == (upto >= 10)


def test_the_final_table_and_the_trials(tmp_path: Path) -> None:
    watch = replayed(feed.make_run(tmp_path))
    table = final_table(watch)
    text = drawn(table, 60)
    assert [line.split()[0:2] for line in text.splitlines()[2:]] == [
        ["trial", "4"],
        ["trial", "0"],
        ["baseline", "plain"],
    ]
    assert drawn(trials_table(watch, 1), 60).splitlines()[2].split()[:2] == ["4", "0.9700"]


def test_a_minimised_metric_is_shown_as_it_is() -> None:
    from nas_cli.spec.schema import check_spec

    raw = {"task": "t", "data": {}, "space": "cnn"}
    watch = Watch(check_spec({**raw, "objective": {"minimize": "loss"}}))
    assert watch.headline({"loss": 0.25, "accuracy": 0.9}, -0.25) == "loss 0.2500, accuracy 0.9000"
    watch = Watch(check_spec({**raw, "objective": {"reward": "accuracy / latency_ms"}}))
    headline = watch.headline({"loss": 0.25, "accuracy": 0.9, "latency_ms": 2.0, "params": 10}, 0.45)
    assert headline == "reward 0.4500, accuracy 0.9000, latency_ms 2 ms, 10 params"


def test_a_search_that_was_over_goes_on(tmp_path: Path) -> None:
    run = feed.make_run(tmp_path)
    with Journal(run.journal) as journal:
        journal.append(made("resumed", version="0", run=str(run.path)))
        journal.append(made("trial_started", number=5, genotype={}, rung=0))
    watch = replayed(run)
    assert watch.state == "searching"
    assert watch.course.finished is None


def test_decisions_fit() -> None:
    genotype = {f"model[{i}].conv.channels": 16 for i in range(10)}
    lines = decision_lines(genotype, 60, rows=2)
    assert len(lines) == 2
    assert lines[-1].endswith(" · 7 more")
    assert decision_lines({}, 60, rows=2) == []


def test_numbers() -> None:
    assert [duration(s) for s in (0.4, 59, 65, 4000)] == ["0 s", "59 s", "1 min 05 s", "1 h 06 min"]
    assert [count(v) for v in (950, 9_999, 12_345, 4_560_000, 7.89e9)] == ["950", "9,999", "12.3k", "4.56M", "7.89G"]
    assert deviation("f1", 8.982e-05, 0.1327) == "0.0001"
    assert deviation("rmse", 3.21, 456.7) == "3.2"
    assert deviation("latency_ms", 0.0312, 1.234) == "0.0312 ms"
    assert [number("accuracy", 0.98), number("params", 12345), number("latency_ms", 1.234)] == [
        "0.9800",
        "12,345",
        "1.23 ms",
    ]
