"""Each event is read as it was written, and a line that is not what it should be is refused with what is wanted."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import pytest

from nas_cli.errors import RunError
from nas_cli.record.candidates import baseline_candidate, is_candidate
from nas_cli.record.events import (
    KINDS,
    Duplicate,
    Event,
    FinalFailed,
    FinalFinished,
    FinalSelected,
    FinalStarted,
    LayersMeasured,
    Resumed,
    RunFinished,
    RunStarted,
    SearchFinished,
    Standing,
    TrialFailed,
    TrialFinished,
    TrialInfeasible,
    TrialStarted,
    Unknown,
)
from nas_cli.record.journal import Journal, read_journal
from nas_cli.record.lines import fields_of
from nas_cli.record.rules import rules_of

GENOTYPE = {"model[0].größe": 3, "a": 1.0, "b": True, "c": None, "d": "x", "huge": 10**25}
STANDING = Standing("trial-0", (0.5, 0.7), 0.6, 0.14, True)
ALL: list[Event] = [
    RunStarted("runs/x", "abc", "0.1.0"),
    TrialStarted(0, 1, GENOTYPE, "n0"),
    TrialFinished(0, 1, {"accuracy": 0.5}, 0.5, last=False),
    TrialStarted(0, 2, GENOTYPE),
    TrialFinished(0, 2, {"accuracy": 0.5}, 0.5, (0.5, -3.0), cut=True, feasible=False, violation=0.25),
    TrialInfeasible(1, {}, "it cannot be drawn"),
    TrialInfeasible(2, GENOTYPE, "too slow", "n2", {"latency_ms": 3.0}),
    Duplicate(3, GENOTYPE, 0),
    TrialStarted(4, 0, {}, ""),
    TrialFailed(4, "NaN", 0),
    LayersMeasured({'["conv", 3]': 0.5}, {"work": {'["conv", 3]': [1.0, 2.0]}, "ratio": 1.5, "error": 0.1}),
    LayersMeasured({}),
    SearchFinished("enough", 2, {"trials": 2, "time": None}),
    Resumed("runs/x", None, "0.1.0", ("search.stop.trials=9",), True),
    Resumed("runs/x", more=False),
    FinalStarted("baseline-größe", 1),
    FinalFinished("trial-0", 1, {"accuracy": 0.5}, 0.5, True, (), 3),
    FinalFailed("baseline-größe", 2, "killed", 3),
    FinalSelected("trial-0", 1, (STANDING,), ("trial-1",), "trial 0 is kept", (), ("it is slow",)),
    FinalSelected("trial-0", 1, (Standing("trial-0", (0.5,), 0.5, None, True, (0.5, -3.0)),), (), "", ("trial-0",)),
    RunFinished({"top": 1, "seeds": 2, "front": "knee", "epochs": None}),
    RunFinished(),
    Unknown("supernet_trained", {"reward": [], "number": "none"}),
]


def journal_of(folder: Path, *events: Event) -> Path:
    with Journal(folder / "journal.jsonl") as journal:
        for event in events:
            assert journal.append(event) == event
    return folder / "journal.jsonl"


def test_every_event_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = journal_of(tmp_path, *ALL)
    assert read_journal(path) == ALL
    assert [event.sequence for event in read_journal(path)] == list(range(len(ALL)))
    assert {type(event) for event in ALL} == {*KINDS.values(), Unknown}
    assert [type(v) for v in read_journal(path)[1].genotype.values()] == [type(v) for v in GENOTYPE.values()]  # type: ignore[attr-defined]


def test_a_line_has_what_its_event_says_and_no_more(tmp_path: Path) -> None:
    path = journal_of(tmp_path, TrialStarted(0, 0, {}), TrialFinished(0, 0, {"a": 1.0}, 1.0), Resumed("x", more=False))
    started, finished, resumed = (json.loads(line) for line in path.read_text().splitlines())
    assert list(started) == ["event", "time", "sequence", "number", "rung", "genotype"]
    assert set(finished) == {*started, "measurement", "reward", "last", "feasible"} - {"genotype"}
    assert (finished["last"], finished["feasible"]) == (True, True)
    assert set(resumed) == {"event", "time", "sequence", "run", "more"}


def line_of(path: Path, number: int) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text().splitlines()[number])
    return content


def replaced(path: Path, number: int, content: dict[str, Any]) -> None:
    lines = path.read_text().splitlines()
    lines[number] = json.dumps(content)
    path.write_text("\n".join(lines) + "\n")


FIELDS = [(n, each.name) for n, event in enumerate(ALL[:-1]) for each in fields(event)]


@pytest.mark.parametrize(("number", "name"), FIELDS)
def test_a_field_that_is_gone_or_of_a_wrong_type_is_named(tmp_path: Path, number: int, name: str) -> None:
    path, event = journal_of(tmp_path, *ALL), ALL[number]
    content = line_of(path, number)
    content.pop(name, None)
    needed = next(each for each in fields(event) if each.name == name).default is MISSING
    if needed or (number == 1 and name == "genotype"):
        replaced(path, number, content)
        with pytest.raises(RunError, match=rf"journal\.jsonl:{number + 1}: .*damaged: {event.kind} has no {name}"):
            read_journal(path)
    for wrong in ({"x": {"y": 1}}, [[]]):
        if name == "seen" and isinstance(wrong, dict):
            continue  # it may say more than is known
        replaced(path, number, {**content, name: wrong})
        with pytest.raises(RunError, match=rf"journal\.jsonl:{number + 1}: ") as caught:
            read_journal(path)
        if name not in ("time", "sequence"):
            assert f"{name} of {event.kind} must be {rules_of(type(event))[name].wanted}" in str(caught.value)


@pytest.mark.parametrize(
    ("number", "name", "value"),
    [
        *((2, "reward", value) for value in (True, None, "0.5", 10**400, 1e300, -1e301)),
        *((2, "rewards", value) for value in ([], [True], ["1"], 0.5)),
        *((2, "measurement", value) for value in ({"a": True}, {"a": None}, {"a": 10**400}, [])),
        *((2, "rung", value) for value in (1.0, -1, True, 2**53)),
        *((2, "last", value) for value in (0, 1, "true", None)),
        *((1, "genotype", value) for value in ({"a": []}, {"a": 10**400}, {"a": {}}, None)),
        (1, "network", None),
        (12, "stop", {"trials": "many"}),
        (13, "set", "search.stop.trials=9"),
        (13, "more", None),
        *((15, "candidate", value) for value in ("../../x", "trial-", "trial-1\n", "trial--1", "baseline-a b", 3)),
        *((18, "ranking", value) for value in ([], [{}], [{**fields_of(STANDING), "spread": "x"}])),
        (19, "front", ["../x"]),
        *((20, "final", value) for value in ({}, {"top": 1, "seeds": 2, "front": ["knee"]})),
        *((10, "seen", value) for value in ({"work": {"x": [1]}}, {"ratio": "x"}, {"error": None})),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_wanted(tmp_path: Path, number: int, name: str, value: Any) -> None:
    path, event = journal_of(tmp_path, *ALL), ALL[number]
    replaced(path, number, {**line_of(path, number), name: value})
    wanted = rules_of(type(event))[name].wanted
    with pytest.raises(
        RunError, match=rf"journal\.jsonl:{number + 1}: this event is damaged: {name} of {event.kind} must"
    ):
        read_journal(path)
    with pytest.raises(RunError, match=f"must be {wanted}"):
        Journal(path)


@pytest.mark.parametrize(
    ("number", "change", "said"),
    [
        (0, {"time": "now"}, "its time is no number"),
        (0, {"time": 1e301}, "its time is no number"),
        (22, {"time": None}, "its time is no number"),
        (4, {"sequence": 3}, "event number 4 is expected here"),
        (4, {"sequence": True}, "event number 4 is expected here"),
        (22, {"sequence": 21}, "event number 22 is expected here"),
        (4, {"event": 3}, "event number 4 is expected here"),
        (4, {"event": None}, "event number 4 is expected here"),
        (1, {"number": 1}, "trial 1 cannot be the next after 0 trials"),
        (7, {"equals": 3}, "trial 3 cannot equal trial 3"),
        (9, {"number": 5}, "trial 5 was not started"),
        (10, {"entries": {'["conv", 3]': 0}}, "its work is of a layer that has no entry"),
        (18, {"candidate": "trial-5"}, "trial-5 is not in its ranking"),
        (18, {"ranking": [{**fields_of(STANDING), "spread": None}]}, "a candidate with several rewards has no spread"),
    ],
)
def test_an_event_that_makes_no_sense_is_refused(
    tmp_path: Path, number: int, change: dict[str, Any], said: str
) -> None:
    path = journal_of(tmp_path, *ALL)
    replaced(path, number, {**line_of(path, number), **change})
    with pytest.raises(RunError, match=f"{path.name}:{number + 1}: .*{said}"):
        read_journal(path)


def test_objectives_and_rungs_are_those_of_the_spec(tmp_path: Path) -> None:
    path = journal_of(tmp_path, *ALL)
    with pytest.raises(RunError, match=r":3: .*it has 1 rewards, and the spec 2 objectives"):
        read_journal(path, objectives=2)
    with Journal(path) as journal, pytest.raises(RunError, match=r":4: .*rung 2 does not exist"):
        list(journal.replay(rungs=2))


@pytest.mark.parametrize("name", ["x²", "größe", "Ⅷ", "数-1", "a_b"])
def test_what_a_spec_takes_for_the_name_of_a_baseline_is_written_and_read(tmp_path: Path, name: str) -> None:
    event = FinalStarted(baseline_candidate(name), 1)
    assert is_candidate(event.candidate)
    assert read_journal(journal_of(tmp_path, event)) == [event]


def test_what_has_more_than_is_known_is_read(tmp_path: Path) -> None:
    path = journal_of(tmp_path, *ALL)
    for number in range(len(ALL)):
        replaced(path, number, {**line_of(path, number), "of_another_version": [{"x": None}]})
    assert read_journal(path)[:-1] == ALL[:-1]


def test_what_nobody_could_read_is_not_written(tmp_path: Path) -> None:
    path = journal_of(tmp_path, ALL[0])
    before = path.read_bytes()
    with Journal(path) as journal:
        for event in (FinalStarted("../x", 1), TrialStarted(-1, 0, {}), TrialFinished(0, 0, {"a": 1e301}, 0.5)):
            with pytest.raises(ValueError, match="must be"):
                journal.append(event)
    assert path.read_bytes() == before
