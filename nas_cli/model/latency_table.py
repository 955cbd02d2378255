"""Predicts the latency of a network before it is built: the sum of a table of measured layers, corrected.

Cai, Zhu & Han, "ProxylessNAS", ICLR 2019, and Tan et al., "MnasNet", CVPR 2019, predict latency like this. Layers in a
chain find their inputs in the cache and single layers may not, so the sum is multiplied by the median ratio of measured
networks to their sums. In a large space most new networks have a layer that was not measured yet: its latency comes
from a linear model of its op (a fixed time, a time per multiply-accumulate, a time per number read or written).
"""

from __future__ import annotations

import copy
import functools
import itertools
import json
import math
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nas_cli.axes import Axes
from nas_cli.model.latency import wait_for
from nas_cli.model.network import Network, combine
from nas_cli.model.ops.vocabulary import apply
from nas_cli.model.program import Program, Step

INPUT = "input"
LEAST_RUNS, MOST_RUNS, SECONDS = 5, 200, 0.01
"""Bounds on the runs of one layer, and the time that they may take."""
LEAST_KNOWN = 3
"""Measured layers of an op that its linear model needs."""

Work = tuple[float, float]
"""Work of a layer for one sample: multiply-accumulates, and numbers read and written."""


class LatencyTable:
    """Milliseconds by layer, for one device, batch size and number of threads."""

    def __init__(self) -> None:
        self.entries: dict[str, float] = {}
        self._known: defaultdict[str, list[tuple[Work, float]]] = defaultdict(list)
        self._lines: dict[str, NDArray[np.float64]] = {}
        self._ratios: list[float] = []
        self._errors: list[float] = []

    def missing(self, program: Program) -> list[str]:
        """The entries of `program` that were not measured yet."""
        return [key for key in entry_names(program) if key not in self.entries]

    def predict(self, program: Program) -> float | None:
        """Milliseconds; None where neither a layer nor enough other layers of its op were measured."""
        total = 0.0
        for key, kind, step in _parts(program):
            milliseconds = self.entries.get(key)
            if milliseconds is None:
                milliseconds = self._by_line(kind, _work(program, step))
            if milliseconds is None:
                return None
            total += milliseconds
        return total * self._factor()

    def observe(self, program: Program, measured_ms: float, entries: Mapping[str, float]) -> dict[str, Any]:
        """Learns from a measured network and the `entries` measured with it; returns the data that `recall` takes.

        Where the table can already predict the network, the error of that prediction is recorded first.
        """
        seen: dict[str, Any] = {}
        predicted = self.predict(program) if self._ratios else None
        if predicted is not None:
            seen["error"] = abs(predicted / measured_ms - 1)
        parts, known = list(_parts(program)), {**self.entries, **entries}
        seen["work"] = {key: _work(program, step) for key, _, step in parts if key in entries}
        if all(key in known for key, _, _ in parts):
            seen["ratio"] = measured_ms / sum(known[key] for key, _, _ in parts)
        self.recall(entries, seen)
        return seen

    def recall(self, entries: Mapping[str, float], seen: Mapping[str, Any]) -> None:
        """Repeats what `observe` learned from a network: its entries and their work, the ratio of its latency to the
        sum of its entries, and the error of the prediction."""
        self.entries.update(entries)
        for key, work in seen.get("work", {}).items():
            kind = str(json.loads(key)[0])
            self._known[kind].append((tuple(work), entries[key]))
            self._lines.pop(kind, None)
        if "ratio" in seen:
            self._ratios.append(seen["ratio"])
        if "error" in seen:
            self._errors.append(seen["error"])

    def error(self) -> tuple[float, int]:
        """The median relative error of the predictions, each made before its network was measured, and their number."""
        return (statistics.median(self._errors) if self._errors else 0.0), len(self._errors)

    def _factor(self) -> float:
        return statistics.median(self._ratios) if self._ratios else 1.0

    def _by_line(self, kind: str, work: Work) -> float | None:
        known = self._known[kind]
        if len(known) < LEAST_KNOWN:
            return None
        if kind not in self._lines:
            self._lines[kind] = line_through([each for each, _ in known], [ms for _, ms in known])
        return float(self._lines[kind] @ (1.0, *work))


def line_through(works: Sequence[Work], milliseconds: Sequence[float]) -> NDArray[np.float64]:
    """Non-negative least squares of the relative errors (Lawson & Hanson 1974): the fixed time, the time per
    multiply-accumulate and the time per number, (3,).

    Three unknowns are few enough to try every choice of the coefficients that are zero.
    """
    matrix = np.array([(1.0, *work) for work in works]) / np.array(milliseconds)[:, None]
    best, least = np.zeros(3), math.inf
    for free in itertools.chain.from_iterable(itertools.combinations(range(3), count) for count in (1, 2, 3)):
        found = np.zeros(3)
        found[list(free)] = np.linalg.lstsq(matrix[:, free], np.ones(len(works)), rcond=None)[0]
        squares = float(((matrix @ found - 1) ** 2).sum())
        if found.min() >= 0 and squares < least - 1e-12:
            best, least = found, squares
    return best


def entry_names(program: Program) -> list[str]:
    """The distinct entries of the layers of `program`."""
    return list(dict.fromkeys(key for key, _, _ in _parts(program)))


def measure_entries(
    network: Network, samples: Sequence[Tensor], device: torch.device, threads: int, wanted: Iterable[str]
) -> dict[str, float]:
    """Measures each layer of `network` named in `wanted` by itself: milliseconds by entry.

    A layer gets the input that it has when the network runs on `samples` (as in `measure_latency`), in eval mode; the
    result is the median of the runs of about a hundredth of a second. The network and torch's number of threads do not
    change.
    """
    left, program = set(wanted), network.program
    if not left:
        return {}
    twin = copy.deepcopy(network).to(device).eval()
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    found: dict[str, float] = {}
    try:
        with torch.inference_mode():
            raw = dict(zip(program.inputs, [sample.to(device) for sample in samples], strict=False))
            for field, x in raw.items():
                name = _input(program.inputs[field])
                if name in left:
                    found[name] = _time(functools.partial(twin.normalize, {field: x}), device)

            def look(step: Step, given: list[Tensor], mask: Tensor | None) -> None:
                name = _name(program, step)
                if name in left and name not in found:
                    found[name] = _time(_runner(twin, step, given, mask), device)

            twin.watch = look
            twin(*[sample.to(device) for sample in samples])
    finally:
        torch.set_num_threads(before)
    return found


def _runner(network: Network, step: Step, inputs: list[Tensor], mask: Tensor | None) -> Callable[[], Any]:
    if step.kind == "op":
        module = network.layers[step.name]
        return lambda: apply(module, inputs[0], mask)
    return lambda: combine(step, inputs)


def _time(run: Callable[[], Any], device: torch.device) -> float:
    run()
    times: list[float] = []
    until = time.perf_counter() + SECONDS
    while len(times) < LEAST_RUNS or (len(times) < MOST_RUNS and time.perf_counter() < until):
        wait_for(device)
        began = time.perf_counter()
        run()
        wait_for(device)
        times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times)


def _parts(program: Program) -> Iterator[tuple[str, str, Step | None]]:
    """Entry, kind of layer, and step of each layer; the step is None for the normalisation of an input."""
    for axes in program.inputs.values():
        yield _input(axes), INPUT, None
    for step in program.steps:
        yield _name(program, step), step.op if step.kind == "op" else step.kind, step


def _work(program: Program, step: Step | None) -> Work:
    if step is None:
        return 0.0, 2.0 * sum(axes.size for axes in program.inputs.values())
    numbers = math.prod(step.shape) + sum(math.prod(program.shape(value)) for value in step.inputs)
    return float(program.counted(step).macs if step.kind == "op" else 0), float(numbers)


def _input(axes: Axes) -> str:
    return json.dumps([INPUT, list(axes.shape)])


def _name(program: Program, step: Step) -> str:
    shapes = [list(program.shape(value)) for value in step.inputs]
    return json.dumps([step.op if step.kind == "op" else step.kind, step.args, shapes], sort_keys=True, default=str)
