"""Run directories to be damaged: small finished runs of several kinds, and one that was killed in its search."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import yaml
from fuzz import harness

from nas_cli.cli.tables import final_table, front_table, trials_table
from nas_cli.deliver import evaluate as evaluate_module
from nas_cli.deliver.evaluate import evaluate
from nas_cli.deliver.export.exporting import export
from nas_cli.deliver.load import load
from nas_cli.deliver.predict import predict
from nas_cli.deliver.report import write_report
from nas_cli.model.latency import measure_latency
from nas_cli.record.directory import open_run
from nas_cli.record.record import Record
from nas_cli.run.search import resume_search, start_search

PIXELS = [{"conv": {"channels": {"choice": [2, 3, 4]}, "stride": 2}}, "relu", {"global_pool": "avg"}]
ROWS = ["features", {"linear": {"units": {"choice": [2, 3, 4]}}}, "relu"]
TEXTS = [{"embedding": {"units": {"choice": [4, 8]}}}, {"global_pool": "avg"}]
WORDS = "good fine bad poor film book plot cast"


def specs(folder: Path) -> dict[str, dict[str, Any]]:
    """By name, with the data that they need in `folder`."""
    rng = np.random.default_rng(0)
    rows = [f"{rng.normal(k % 2):.3f},{'ab'[k % 3 == 0]},{'yn'[k % 2]}" for k in range(80)]
    (folder / "table.csv").write_text("size,kind,answer\n" + "\n".join(rows) + "\n")
    lines = [f"{'good' if k % 2 else 'bad'}\t{' '.join(rng.choice(WORDS.split(), 5))}" for k in range(80)]
    (folder / "texts.tsv").write_text("label\ttext\n" + "\n".join(lines) + "\n")
    table = {"source": "csv", "path": str(folder / "table.csv"), "target": "answer"}
    texts = {"source": "text", "path": str(folder / "texts.tsv")}
    asha = {"strategy": "evolution", "schedule": {"asha": {"min_epochs": 1}}, "stop": {"trials": 3}}
    reinforce, optuna = ({"strategy": name, "stop": {"trials": 3}} for name in ("reinforce", "optuna"))
    several = {"strategy": "nsga2", "stop": {"trials": 3}}
    front = [{"maximize": "accuracy"}, {"minimize": "latency_ms"}]
    digits = {"source": "digits"}
    return {
        "pixels": {"task": "image-classification", "data": digits, "model": PIXELS, "search": asha},
        "front": {
            "task": "image-classification",
            "data": digits,
            "model": PIXELS,
            "search": several,
            "objective": front,
            "final": {"front": "all", "seeds": 1},
        },
        "table": {"task": "table-classification", "data": table, "model": ROWS, "search": reinforce},
        "texts": {"task": "text-classification", "data": texts, "model": TEXTS, "search": optuna},
    }


def make_runs(folder: Path, names: Sequence[str] = ()) -> list[Path]:
    """Finished and evaluated runs, and of each one whose search was killed; all of the specs, or those of `names`."""
    made = []
    for name, spec in specs(folder).items():
        if names and name not in names:
            continue
        rest = {
            "name": name,
            "train": {"epochs": 2, "batch_size": 512},
            "final": {"top": 1, "seeds": 1},
            "baselines": {"plain": ["features" if name == "table" else "flatten"]} if name != "texts" else {},
            "hardware": {"workers": 0, "device": "cpu", "precision": "float32", "layout": "channels-first"},
        }
        (folder / f"{name}.yaml").write_text(yaml.safe_dump({**rest, **spec}))
        run = start_search(folder / f"{name}.yaml", folder / "runs").run.path
        with quick():
            evaluate(run)
        made.append(run)
        killed = Path(shutil.copytree(run, folder / "killed" / run.name))
        lines = (killed / "journal.jsonl").read_text().splitlines(keepends=True)
        last = next(k for k, line in enumerate(lines) if '"search_finished"' in line)
        (killed / "journal.jsonl").write_text("".join(lines[: max(3, last - 2)]))
        shutil.rmtree(killed / "best")
        made.append(killed)
    return made


@contextmanager
def quick() -> Iterator[None]:
    """Latencies are measured for a hundredth of a second."""

    def measure(*arguments: Any) -> Any:
        return measure_latency(*arguments, seconds=0.01)

    with mock.patch.object(evaluate_module, "measure_latency", measure):
        yield


# Commands -------------------------------------------------------------------------------------------------------------


def show(run: Path) -> None:
    record = Record()
    record.open(open_run(run).path)
    record.summary()
    for table in (front_table(record) if record.several else trials_table(record, 10), final_table(record)):
        assert table is None or table.columns
    if record.best is not None:
        record.headline(record.best.measurement, record.best.reward)


def predicted(run: Path) -> None:
    model = load(run)
    example = run / "example.npy"
    np.save(example, np.zeros((8, 8), np.uint8))
    kind = model.problem.written
    table = run / "example.csv"
    table.write_text("size,kind,answer\n1.0,a,y\n")
    inputs = {"table-classification": str(table), "text-classification": "a good film"}
    predict(run, [inputs.get(kind, str(example))])


COMMANDS: dict[str, Callable[[Path], object]] = {
    "show": show,
    "report": write_report,
    "predict": predicted,
    "evaluate": evaluate,
    "export": lambda run: export(run, "source", run / "export" / "again"),
    "resume": resume_search,
    "more": lambda run: resume_search(run, ["search.stop.trials=4"]),
}
FINISHED = ["show", "report", "predict", "predict", "evaluate", "evaluate", "export", "resume", "more"]
KILLED = ["show", "report", "resume", "more"]
OF_RUN = ("spec.yaml", "journal.jsonl", "journal.jsonl")
OF_NETWORK = ("best/metrics.json", "best/architecture.yaml", "best/architecture.yaml", "best/preprocessing.json")
OF_REPORT = ("environment.json", "evaluation.json", "front.json")
READ = {
    "show": OF_RUN,
    "resume": OF_RUN,
    "more": OF_RUN,
    "report": (*OF_RUN, *OF_REPORT, "best/metrics.json", "best/architecture.yaml"),
    "predict": (*OF_NETWORK, "spec.yaml", "best/weights.safetensors"),
    "evaluate": (*OF_NETWORK, *OF_RUN, *OF_REPORT, "best/weights.safetensors"),
    "export": OF_NETWORK,
}


# Damage ---------------------------------------------------------------------------------------------------------------

ODD: list[Any] = [
    None, True, 0, 1, -1, 2, 3.5, -0.0, 1e300, 1e308, 10**18, 10**25, 10**400, "", "x", "trial-0", "trial-99",
    "../../x", "/etc/passwd", "a\x1b[31m", "<script>", [], {}, [[]], [None], {"x": {}}, ["a", 1], [1, 2, 3],
]  # fmt: skip


def deep(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def change_value(content: Any, rng: random.Random) -> Any:
    """Some value somewhere in it becomes another one, is removed, doubled or renamed."""
    if isinstance(content, dict) and content and rng.random() < 0.85:
        key = rng.choice(list(content))
        action = rng.random()
        if action < 0.1:
            del content[key]
        elif action < 0.15:
            content[f"{key}x"] = content.pop(key)
        else:
            content[key] = change_value(content[key], rng)
        return content
    if isinstance(content, list) and content and rng.random() < 0.85:
        place = rng.randrange(len(content))
        action = rng.random()
        if action < 0.1:
            del content[place]
        elif action < 0.2:
            content.insert(place, content[place])
        else:
            content[place] = change_value(content[place], rng)
        return content
    if isinstance(content, int | float) and not isinstance(content, bool) and rng.random() < 0.4:
        return rng.choice(
            [-content, content + 1, content * 10**6, content * 10**30 if isinstance(content, int) else 1e200]
        )
    return deep(rng.choice([50, 150, 3000])) if rng.random() < 0.02 else rng.choice(ODD)


def dumped(content: Any, path: Path) -> str:
    if path.suffix == ".yaml":
        return yaml.safe_dump(content) if not too_deep(content) else "a: " + "[" * 2000
    return json.dumps(content) if not too_deep(content) else "[" * 100_000


def too_deep(content: Any, depth: int = 0) -> bool:
    if depth > 200:
        return True
    inner = content.values() if isinstance(content, dict) else content if isinstance(content, list) else ()
    return any(too_deep(each, depth + 1) for each in inner)


def damage_content(path: Path, rng: random.Random) -> None:
    if path.suffix == ".jsonl":
        lines = path.read_text().splitlines()
        place = rng.randrange(len(lines))
        action = rng.random()
        if action < 0.1:
            del lines[place]
        elif action < 0.2:
            lines.insert(place, lines[rng.randrange(len(lines))])
        else:
            event = change_value(json.loads(lines[place]), rng)
            lines[place] = dumped(event, path)
        if rng.random() < 0.5:  # so that what follows from it is seen, not the number of a line
            lines = [re.sub(r'"sequence": ?\d+', f'"sequence":{k}', line) for k, line in enumerate(lines)]
        path.write_text("\n".join(lines) + "\n")
        return
    content = yaml.safe_load(path.read_text()) if path.suffix == ".yaml" else json.loads(path.read_text())
    for _ in range(rng.choice([1, 1, 2])):
        content = change_value(content, rng)
    path.write_text(dumped(content, path))


def damage_bytes(path: Path, rng: random.Random) -> None:
    content = bytearray(path.read_bytes())
    action = rng.random()
    if action < 0.3 or not content:
        del content[rng.randrange(len(content) + 1) :]
    elif action < 0.8:
        for _ in range(rng.choice([1, 1, 4, 40])):
            content[rng.randrange(min(len(content), rng.choice([200, 10**9])))] = rng.randrange(256)
    elif action < 0.9:
        place = rng.randrange(len(content))
        content[place:place] = rng.choice([b"\x00" * 100, b"\xff\xfe", b"\r\n", b"{" * 5000, b"- *a\n", b"!!python/x "])
    else:
        content = content.replace(b"\n", b"\r\n")
    path.write_bytes(bytes(content))


def damage_tree(path: Path, rng: random.Random) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    action = rng.choice(["nothing", "link", "itself", "folder", "pipe", "zero", "text"])
    if action == "link":
        path.symlink_to(rng.choice(["/etc/passwd", "/dev/zero", "nowhere", "/tmp", "spec.yaml"]))
    elif action == "itself":
        path.symlink_to(path.name)
    elif action == "folder":
        path.mkdir()
    elif action == "pipe":
        os.mkfifo(path)
    elif action == "zero":
        path.symlink_to("/dev/zero")
    elif action == "text":
        path.write_text("text")


def attack(runs: list[Path], place: Path, rng: random.Random) -> Callable[[], object]:
    """A damaged copy of one of the runs at `place`, and what is to be done with it."""
    shutil.rmtree(place, ignore_errors=True)
    run = Path(shutil.copytree(rng.choice(runs), place / "runs" / "damaged"))
    command = rng.choice(FINISHED if (run / "best").is_dir() else KILLED)
    read = [run / name for name in READ[command] if (run / name).is_file()]
    action = rng.random()
    if action < 0.7:
        damage_content(rng.choice([path for path in read if path.suffix != ".safetensors"]), rng)
    elif action < 0.9:
        damage_bytes(rng.choice(read), rng)
    else:
        damage_tree(rng.choice(sorted(run.rglob("*"))), rng)
    return lambda: COMMANDS[command](run)


def action(runs: list[Path], place: Path) -> harness.Action:
    """What the harness fuzzes: the damage and the answer to it."""

    def act(rng: random.Random) -> None:
        with quick():
            attack(runs, place, rng)()

    return act
