"""What `nas` foretells and what it comes to: the time of three different searches, and latency before measuring."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from bench.speed import subset

NAS = [sys.executable, "-c", "from nas_cli.cli.app import main; main()"]
SPECS: dict[str, dict[str, Any]] = {
    "cnn, digits, random": {"space": "cnn", "train": {"epochs": 10}, "search": {"strategy": "random"}, "trials": 16},
    "resnet, digits, asha": {
        "space": "resnet",
        "train": {"epochs": 9},
        "search": {"strategy": "evolution", "schedule": {"asha": {"min_epochs": 1}}},
        "trials": 12,
    },
    "mobile to 20M MACs, Fashion-MNIST": {
        "space": "mobile",
        "train": {"epochs": 1},
        "search": {"strategy": "random"},
        "objective": {"maximize": "accuracy", "constraints": {"macs": {"max": 20_000_000}}},
        "trials": 6,
    },
}


def rows() -> Iterator[tuple[str, str, str]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fashion = {"source": "idx", "path": str(subset(folder / "data")), "validation": 0.1}
        for title, wanted in SPECS.items():
            said, took = predict_and_search(folder, title, wanted, fashion if "Fashion" in title else None)
            ratio = max(said / took, took / said)
            yield f"search time said by `nas plan`: {title}", f"{said:.0f} s, it took {took:.0f} s: {ratio:.2f}", "1.5"
    yield from latency_rows()


def latency_rows(trials: int = 24) -> Iterator[tuple[str, str, str]]:
    """How far the latency that the filter predicts is off what is measured, in searches of built-in spaces."""
    for space in ("cnn", "mobile", "resnet"):
        with tempfile.TemporaryDirectory() as name:
            spec = {
                "name": "latency",
                "task": "image-classification",
                "data": {"source": "digits"},
                "space": space,
                "train": {"epochs": 1},
                "objective": {"reward": "accuracy * (latency_ms / 2) ** -0.07"},
                "search": {"strategy": "random", "stop": {"trials": trials}},
                "final": {"epochs": 1, "top": 1, "seeds": 1},
            }
            path = Path(name) / "latency.yaml"
            path.write_text(yaml.safe_dump(spec), encoding="utf-8")
            subprocess.run([*NAS, "search", str(path), "--out", name], check=True, stdout=subprocess.DEVNULL)
            (run,) = Path(name).glob("latency-*")
            shown = subprocess.run([*NAS, "show", "run", str(run), "--json"], check=True, capture_output=True)
        found = json.loads(shown.stdout)["latency_prediction"]
        text = f"{100 * found['median_error']:.0f} % (median of {found['trials']})" if found else "none was predicted"
        yield f"predicted latency off the measured one, space {space}", text, "report"


def predict_and_search(
    folder: Path, title: str, wanted: dict[str, Any], data: dict[str, Any] | None
) -> tuple[float, float]:
    """Seconds said, and seconds from the start of the run to the end of its search."""
    stem = title.split()[0].rstrip(",")
    spec = {
        "name": stem,
        "task": "image-classification",
        "data": data or {"source": "digits"},
        "space": wanted["space"],
        "train": wanted["train"],
        **({"objective": wanted["objective"]} if "objective" in wanted else {}),
        "search": {**wanted["search"], "stop": {"trials": wanted["trials"]}},
        "final": {"epochs": 1, "top": 1, "seeds": 1},
    }
    path = folder / f"{stem}.yaml"
    path.write_text(yaml.safe_dump(spec), encoding="utf-8")
    planned = subprocess.run([*NAS, "plan", str(path), "--json"], check=True, capture_output=True, text=True)
    said = float(json.loads(planned.stdout)["time"]["search"])
    subprocess.run([*NAS, "search", str(path), "--out", str(folder)], check=True, stdout=subprocess.DEVNULL)
    (journal,) = folder.glob(f"{stem}-*/journal.jsonl")
    events = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
    ended = next(event["time"] for event in events if event["event"] == "search_finished")
    return said, ended - events[0]["time"]
