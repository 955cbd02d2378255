"""How fast a search is, against references measured in the same run: candidates an hour, overhead, compute used."""

from __future__ import annotations

import gzip
import json
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

import nas_cli.space

SHARED = Path(__file__).parents[3] / "shared" / "data" / "fashion-mnist"
CNN = (Path(nas_cli.space.__file__).parent / "builtin" / "cnn.yaml").read_text(encoding="utf-8")
IMAGES, CANDIDATES = 20_000, 12
NAS = [sys.executable, "-c", "from nas_cli.cli.app import main; main()"]
SPEC: dict[str, Any] = {
    "name": "bench",
    "task": "image-classification",
    "space": "cnn",
    "train": {
        "epochs": 1,
        "batch_size": 128,
        "optimizer": {"sgd": {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 5.0e-4}},
        "schedule": "cosine",
        "augment": [{"crop": {"padding": 2}}, "flip"],
    },
    "objective": {"maximize": "accuracy", "constraints": {"macs": {"max": 12_000_000}}},
    "search": {"strategy": "random", "stop": {"trials": CANDIDATES}},
    "final": {"epochs": 1, "top": 1, "seeds": 1},
}


@dataclass(frozen=True)
class Search:
    """One run of `nas search`: seconds from the start of the process to the end of the search, and until a worker
    took up the first trial; and its trials.
    """

    seconds: float
    start: float
    trials: list[dict[str, Any]]
    workers: int
    precision: str

    @property
    def overhead(self) -> float:
        """Wall time over the share of it that workers spent in training steps."""
        return self.seconds / self._shared("training_seconds")

    @property
    def lost(self) -> dict[str, float]:
        """What is no training step, as shares of the wall time."""
        around = self._shared("seconds") - self._shared("training_seconds")
        waiting = self.seconds - self.start - self._shared("seconds")
        parts = {"start": self.start, "building and validation": around, "workers without work": waiting}
        return {name: seconds / self.seconds for name, seconds in parts.items()}

    def _shared(self, measured: str) -> float:
        """Seconds of all trials over the workers."""
        return float(sum(trial["measurement"][measured] for trial in self.trials)) / self.workers

    @property
    def flops(self) -> float:
        """Training FLOPs a second: a backward pass costs twice a forward pass, a multiply-accumulate two FLOPs."""
        measured = [trial["measurement"] for trial in self.trials]
        return sum(6 * m["macs"] * 0.9 * IMAGES * m["epochs"] for m in measured) / self.seconds


def search(folder: Path, spec: dict[str, Any]) -> Search:
    path = folder / "bench.yaml"
    path.write_text(yaml.safe_dump(spec), encoding="utf-8")
    began = time.time()
    subprocess.run([*NAS, "search", str(path), "--out", str(folder / "runs")], check=True, stdout=subprocess.DEVNULL)
    (run,) = (folder / "runs").glob("bench-*")
    events = [json.loads(line) for line in (run / "journal.jsonl").read_text(encoding="utf-8").splitlines()]
    ended = next(event["time"] for event in events if event["event"] == "search_finished")
    stored = yaml.safe_load((run / "spec.yaml").read_text(encoding="utf-8"))["hardware"]
    genotypes = {e["number"]: e["genotype"] for e in events if e["event"] == "trial_started" and e.get("genotype")}
    trials = [{**e, "genotype": genotypes[e["number"]]} for e in events if e["event"] == "trial_finished"]
    started = min(trial["time"] - trial["measurement"]["seconds"] for trial in trials)
    precision = f"{stored['precision']}, {stored['layout']}"
    return Search(ended - began, started - began, trials, stored["workers"], precision)


def pictures() -> tuple[np.ndarray, np.ndarray]:
    """20,000 of the training images, uint8 (N, 28, 28), and their labels."""
    order = np.random.default_rng(0).permutation(60_000)[:IMAGES]
    arrays = []
    for name, header in (("train-images-idx3-ubyte", 16), ("train-labels-idx1-ubyte", 8)):
        with gzip.open(SHARED / f"{name}.gz") as file:
            arrays.append(np.frombuffer(file.read(), np.uint8, offset=header).reshape(60_000, -1)[order])
    return arrays[0].reshape(-1, 28, 28), arrays[1].ravel()


def subset(folder: Path) -> Path:
    """The same as IDX files."""
    folder.mkdir()
    images, labels = pictures()
    for name, array in (("train-images-idx3-ubyte", images), ("train-labels-idx1-ubyte", labels)):
        header = struct.pack(f">{1 + array.ndim}I", 0x800 + array.ndim, *array.shape)
        (folder / name).write_bytes(header + array.tobytes())
    return folder


def models(trials: list[dict[str, Any]]) -> list[Any]:
    from nas_cli.run.compose import compose
    from nas_cli.space.edit import replay
    from nas_cli.space.nodes import to_yaml
    from nas_cli.spec.load import parse_document

    space = compose(parse_document(yaml.safe_dump({**SPEC, "data": {"source": "digits"}}), "bench.yaml")).space
    return [to_yaml(replay(space, t["genotype"]).model) for t in sorted(trials, key=lambda t: t["number"])]


def plain(folder: Path, candidates: list[Any]) -> float:
    """Seconds that the plain loop takes for the same candidates, its process's start included."""
    settings = {"models": candidates, "images": IMAGES, "epochs": 1, "batch_size": 128, "lr": 0.05}
    path = folder / "candidates.json"
    path.write_text(json.dumps(settings), encoding="utf-8")
    script = Path(__file__).with_name("plain_loop.py")
    began = time.time()
    threads = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}  # torch's own default
    command = [sys.executable, str(script), str(path), str(SHARED)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=threads)
    return time.time() - began


def matmul_peak(kind: str, repeats: int = 10, patience: float = 0.5) -> float:
    """FLOPs a second of the best square matrix product on all cores; a machine without such units gets small ones."""
    import torch

    peak = 0.0
    for size in (256, 512, 1024, 2048):
        a, b = (torch.randn(size, size).to(getattr(torch, kind)) for _ in range(2))
        seconds = []
        for _ in range(repeats):
            began = time.perf_counter()
            torch.mm(a, b)
            seconds.append(time.perf_counter() - began)
            if seconds[-1] > patience:
                return max(peak, 2 * size**3 / min(seconds))
        peak = max(peak, 2 * size**3 / min(seconds))
    return peak


def rows(repetitions: int = 5) -> Iterator[tuple[str, str, str]]:
    """What, measured, goal."""
    ours: list[Search] = []
    theirs: list[float] = []
    for _ in range(repetitions):  # in turns, so that a slow minute of the machine meets both
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            spec = {**SPEC, "data": {"source": "idx", "path": str(subset(folder / "data")), "validation": 0.1}}
            ours.append(search(folder, spec))
            theirs.append(plain(folder, models(ours[-1].trials)))
    ratios = [reference / run.seconds for run, reference in zip(ours, theirs, strict=True)]
    nas, loop = (3600 * CANDIDATES / statistics.median(times) for times in ([r.seconds for r in ours], theirs))
    yield (
        f"candidates an hour ({CANDIDATES} of the cnn space, {IMAGES:,} images, 1 epoch; {ours[0].precision})",
        f"{nas:.0f} against {loop:.0f} of a plain loop: {spread(ratios)} times",
        "3.5 times",
    )
    lost = {name: statistics.median(run.lost[name] for run in ours) for name in ours[0].lost}
    shares = ", ".join(f"{name} {100 * share:.0f} %" for name, share in lost.items())
    overhead = f"{spread([run.overhead for run in ours])}; of the wall time: {shares}"
    yield "wall time over time in training steps", overhead, "at most 1.08"
    yield from compute_used()


def compute_used(repetitions: int = 5) -> Iterator[tuple[str, str, str]]:
    """Of a search whose convolutions all have 32 channels, on images of 32×32."""
    found = []
    for _ in range(repetitions):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            images, labels = pictures()
            np.savez(folder / "data.npz", x=np.pad(images, ((0, 0), (2, 2), (2, 2))), y=labels)
            builtin = yaml.safe_load(CNN.replace("{choice: [16, 32, 48, 64]}", "32"))
            spec = {key: value for key, value in SPEC.items() if key != "space"}
            data = {"source": "npz", "path": str(folder / "data.npz"), "validation": 0.1}
            found.append(search(folder, {**spec, **builtin, "data": data}).flops)
    used = statistics.median(found)
    peaks = {kind: matmul_peak(kind) for kind in ("bfloat16", "float32")}
    shares = ", ".join(f"{100 * used / p:.0f} % of the {kind} peak of {p / 1e9:.0f}" for kind, p in peaks.items())
    yield (
        f"compute used by a search of {CANDIDATES} with 32 channels at 32×32 (median of {repetitions})",
        f"{used / 1e9:.0f} GFLOP/s: {shares}",
        "45 % of the faster",
    )


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"
