"""Damaged files of a run: each is answered by a RunError that names it, whoever reads it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from fuzz.runs import quick
from journals import recorded

from nas_cli.data import ENCODERS
from nas_cli.deliver.evaluate import evaluate
from nas_cli.deliver.export.exporting import export
from nas_cli.deliver.load import load
from nas_cli.deliver.report.page import render
from nas_cli.errors import DataError, RunError
from nas_cli.record.directory import RunDirectory
from nas_cli.record.journal import Journal
from nas_cli.record.record import Record
from nas_cli.record.stored import MOST_BYTES, read_json
from nas_cli.run.search import resume_search

KEYS = [
    "number",
    "genotype",
    "rung",
    "measurement",
    "reward",
    "time",
    "candidate",
    "seed",
    "reason",
    "ranking",
    "verdict",
    "feasible",
    "mean",
    "rewards",
]
READERS: dict[str, Callable[[Path], object]] = {
    "show": lambda run: Record().open(run),
    "report": lambda run: render(RunDirectory(run)),
    "resume": lambda run: Journal(run / "journal.jsonl"),
}


@pytest.mark.parametrize("key", KEYS)
def test_an_event_without_a_key_is_named(run: Path, key: str) -> None:
    journal = run / "journal.jsonl"
    journal.write_text(journal.read_text().replace(f'"{key}":', f'"{key}x":'))
    for read in READERS.values():
        with pytest.raises(RunError, match=rf"journal\.jsonl:\d+: this event is damaged: .*({key}|time|ranking)"):
            read(run)


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        ("trial_finished", "reward", 10**400),
        ("trial_finished", "reward", True),
        ("trial_finished", "measurement", {"accuracy": "0.9"}),
        ("trial_finished", "number", 7),
        ("trial_started", "number", -1),
        ("trial_started", "rung", 1.0),
        ("trial_started", "genotype", {"model[0].conv.channels": [2]}),
        ("final_finished", "candidate", "../../../etc/passwd"),
        ("final_finished", "candidate", "trial-"),
        ("final_selected", "candidate", "trial-5"),
        ("final_selected", "ranking", []),
        ("search_finished", "stop", {"trials": "many"}),
        ("run_finished", "time", "now"),
    ],
)
def test_an_event_with_a_wrong_value_is_named(run: Path, kind: str, key: str, value: Any) -> None:
    events = recorded(run / "journal.jsonl")
    next(event for event in events if event["event"] == kind)[key] = value
    (run / "journal.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    for read in READERS.values():
        with pytest.raises(RunError, match=r"journal\.jsonl:\d+: this (event|line) is damaged"):
            read(run)


@pytest.mark.parametrize(
    "line", [b"[" * 100_000, b'{"event":"x","sequence":1.0,"time":1}', b"\x00" * 50, b"x" * 17_000_000]
)
def test_a_line_that_is_no_event_is_named(run: Path, line: bytes) -> None:
    lines = (run / "journal.jsonl").read_bytes().splitlines()
    (run / "journal.jsonl").write_bytes(b"\n".join([lines[0], line, *lines[2:]]) + b"\n")
    for read in READERS.values():
        with pytest.raises(RunError, match=r"journal\.jsonl:2: "):
            read(run)


def test_what_a_journal_may_have(run: Path) -> None:
    """Lines that end as on Windows, events of a kind that is not known yet, and nothing at all."""
    journal = run / "journal.jsonl"
    before = recorded(journal)
    unknown = {"event": "supernet_trained", "time": 1.0, "sequence": len(before), "number": "none", "reward": []}
    journal.write_bytes(journal.read_bytes().replace(b"\n", b"\r\n") + json.dumps(unknown).encode() + b"\n")
    assert recorded(journal) == [*before, unknown]
    for read in READERS.values():
        read(run)
    journal.write_bytes(b"")
    for read in READERS.values():
        read(run)


def changed(run: Path, name: str, change: Callable[[Any], Any]) -> None:
    path = run / name
    read, write = (yaml.safe_load, yaml.safe_dump) if path.suffix == ".yaml" else (json.loads, json.dumps)
    content = read(path.read_text()) if path.exists() else {}
    new = change(content)
    path.write_text(write(content if new is None else new))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("front.json", lambda d: {}),
        ("front.json", lambda d: {"objectives": ["accuracy"], "knee": None, "members": []}),
        ("front.json", lambda d: {"objectives": ["maximize accuracy"], "knee": None, "members": []}),
        ("environment.json", lambda d: []),
        ("best/metrics.json", lambda d: d.update(candidate="trial-abc")),
        ("best/metrics.json", lambda d: d.update(params=10**400)),
        ("best/metrics.json", lambda d: d.update(validation={"accuracy": None})),
        ("spec.yaml", lambda d: d["hardware"].update(device="tpu")),
        ("spec.yaml", lambda d: d["hardware"].update(latency={"batch_size": 10**9})),
        ("spec.yaml", lambda d: d["hardware"].update(latency={"threads": 10**6})),
        ("spec.yaml", lambda d: d.update(hardware=[])),
        ("spec.yaml", lambda d: d.update(seed=float("inf"))),
        ("spec.yaml", lambda d: d.update(plugins={"x": 1})),
        ("best/architecture.yaml", lambda d: d["input"].update(shape=[])),
        ("best/architecture.yaml", lambda d: d["input"].update(shape=[1] * 70)),
        ("best/architecture.yaml", lambda d: d["input"].update(shape=[2**40, 2**40])),
        ("best/architecture.yaml", lambda d: d["input"].update(dtype="float128")),
        ("best/architecture.yaml", lambda d: d.update(model=[{"linear": {"units": 100_000_000}}])),
        ("best/architecture.yaml", lambda d: d.update(facts=[1])),
    ],
)
def test_a_damaged_file_is_named(run: Path, name: str, change: Callable[[Any], Any]) -> None:
    changed(run, name, change)
    with quick(), pytest.raises(RunError, match=Path(name).name):
        evaluate(run)


@pytest.mark.parametrize("key", ["candidate", "latency", "classes", "averages", "confusion", "validation"])
def test_an_evaluation_of_another_version_is_written_again(run: Path, key: str) -> None:
    with quick():
        evaluate(run)
        changed(run, "evaluation.json", lambda d: d.update({key: [3]}))
        with pytest.raises(RunError, match=r"evaluation\.json is damaged, or of another version.*nas evaluate"):
            render(RunDirectory(run))
        evaluate(run)


def test_a_file_without_an_end_is_not_read_to_its_end(run: Path) -> None:
    with (run / "best" / "metrics.json").open("wb") as file:
        file.truncate(3 * 10**9)
    with pytest.raises(RunError, match=f"more than {MOST_BYTES:,} bytes"):
        load(run)
    with pytest.raises(RunError, match="is damaged"):
        read_json(Path("/dev/zero"))


def test_aliases_are_counted(run: Path) -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for k in range(1, 10):
        bomb += f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 10)}]\n"
    for name, readers in (("best/architecture.yaml", [load]), ("spec.yaml", [load, *READERS.values()][:3])):
        (run / name).write_text(bomb)
        for read in readers:
            with pytest.raises(RunError, match=f"{Path(name).name}.* aliases"):
                read(run)


def test_a_trial_that_its_space_does_not_have_is_no_error_of_the_spec(run: Path) -> None:
    journal = run / "journal.jsonl"
    lines = [line for line in journal.read_text().splitlines() if '"search_finished"' not in line]
    killed = [line.replace('channels":', 'channel":') for line in lines[:2]]
    journal.write_text("\n".join(killed) + "\n")
    with pytest.raises(RunError, match=r"journal\.jsonl does not fit spec\.yaml: the decision .* is missing"):
        resume_search(run)


@pytest.mark.parametrize("content", ["{}", "[", '{"model": {"type": "BPE"}}', ""])
def test_damaged_byte_pairs_are_an_error_of_their_content(content: str) -> None:
    pytest.importorskip("tokenizers")
    state = {"kind": "texts", "tokenizer": "bpe", "longest": 5, "lower": True, "bpe": content}
    with pytest.raises(ValueError, match="byte pairs cannot be read"):
        ENCODERS["texts"]({**state, "words": [], "letters": [], "characters": 0, "typical": 3})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("separator", ",,"),
        ("separator", ""),
        ("encoding", "rot13"),
        ("decimal", "x"),
        ("header", []),
        ("knots", [1, 0]),
    ],
)
def test_damaged_tables_are_an_error_of_their_content(key: str, value: Any) -> None:
    number = {"name": "a", "knots": [0.0, 1.0], "values": [0.0, 1.0], "median": 0.0, "gaps": False}
    state = {"kind": "table", "header": ["a", "b"], "categories": [], "missing": [], "separator": ",", "target": "b"}
    state |= {"has_header": True, "encoding": "utf-8", "numbers": [number]}
    assert ENCODERS["table"](state).axes.shape == (1,)
    (number if key == "knots" else state)[key] = value
    with pytest.raises((ValueError, DataError)):
        ENCODERS["table"](state)


@pytest.mark.parametrize("name", ["weights", "samples"])
def test_tensors_of_no_use_take_no_memory(run: Path, name: str) -> None:
    """A file that is whole and takes no room on the disk: ten gigabytes of zeros in one tensor."""
    header = json.dumps({"inputs": {"dtype": "U8", "shape": [10**10], "data_offsets": [0, 10**10]}}).encode()
    with (run / "best" / f"{name}.safetensors").open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(8 + len(header) + 10**10)
    with quick(), pytest.raises(RunError, match=rf"{name}\.safetensors is damaged: it has 10,000,000,\d+ bytes"):
        export(run, "source")
