"""The latency of a network before it is built: a table of layers, each measured once, added up and corrected.

Cai, Zhu & Han, "ProxylessNAS", ICLR 2019, and Tan et al., "MnasNet", CVPR 2019, predict latency like this. Layers in a
chain find their inputs in the cache and layers by themselves may not, so the sum is multiplied by the median ratio of
what whole networks took to their sums.
"""

from __future__ import annotations

import copy
import json
import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from nas_cli.model.latency import wait_for
from nas_cli.model.network import Network
from nas_cli.model.ops.vocabulary import apply
from nas_cli.model.program import Program, Step

INPUT = "input"
LEAST_RUNS, MOST_RUNS, SECONDS = 5, 200, 0.01
"""A layer is run for a hundredth of a second."""


class LatencyTable:
    """Milliseconds by layer, for one device, batch size and number of threads."""

    def __init__(self, entries: Mapping[str, float] | None = None) -> None:
        self.entries = dict(entries or {})
        self._ratios: list[float] = []
        self._errors: list[float] = []

    def missing(self, program: Program) -> list[str]:
        """The entries that a prediction for `program` lacks."""
        return [key for key in entry_names(program) if key not in self.entries]

    def predict(self, program: Program) -> float | None:
        """Milliseconds; None where an entry is missing."""
        total = self._sum(program, self.entries)
        return None if total is None else total * self._factor()

    def observe(self, program: Program, measured_ms: float, entries: Mapping[str, float]) -> dict[str, float]:
        """Learns from a whole network and the `entries` that were measured with it; returns what `recall` takes.

        Before that, where the table could predict it already, the prediction is compared with the measurement.
        """
        seen = {}
        predicted = self.predict(program) if self._ratios else None
        if predicted is not None:
            seen["error"] = abs(predicted / measured_ms - 1)
        total = self._sum(program, {**self.entries, **entries})
        if total:
            seen["ratio"] = measured_ms / total
        self.recall(entries, seen)
        return seen

    def recall(self, entries: Mapping[str, float], seen: Mapping[str, float]) -> None:
        """Learns what `observe` learned from a network: its entries, the measurement's ratio to their sum, the error of
        the prediction."""
        self.entries.update(entries)
        if "ratio" in seen:
            self._ratios.append(seen["ratio"])
        if "error" in seen:
            self._errors.append(seen["error"])

    def error(self) -> tuple[float, int]:
        """The median relative error of the predictions, each made before its network was measured, and their number."""
        return (statistics.median(self._errors) if self._errors else 0.0), len(self._errors)

    def _factor(self) -> float:
        return statistics.median(self._ratios) if self._ratios else 1.0

    def _sum(self, program: Program, entries: Mapping[str, float]) -> float | None:
        found = [entries.get(_name(program, step)) for step in program.steps] + [entries.get(_input(program))]
        return None if None in found else sum(value for value in found if value is not None)


def entry_names(program: Program) -> list[str]:
    """The entries that `program` is made of, each once."""
    return list(dict.fromkeys([_input(program), *(_name(program, step) for step in program.steps)]))


def measure_entries(
    network: Network, device: torch.device, batch_size: int, threads: int, wanted: Iterable[str]
) -> dict[str, float]:
    """Measures those layers of `network` that `wanted` names, each by itself: milliseconds by entry.

    Median of about a hundredth of a second of runs, in eval mode. The network and torch's threads stay as they are.
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
            if _input(program) in left:
                raw = torch.zeros((batch_size, *program.input_shape), dtype=torch.uint8, device=device)
                found[_input(program)] = _time(lambda: twin.normalize(raw), device)
            for step in program.steps:
                name = _name(program, step)
                if name in left and name not in found:
                    inputs = [torch.randn((batch_size, *program.shape(v)), device=device) for v in step.inputs]
                    found[name] = _time(_runner(twin, step, inputs), device)
    finally:
        torch.set_num_threads(before)
    return found


def _runner(network: Network, step: Step, inputs: list[Tensor]) -> Callable[[], Any]:
    if step.kind == "op":
        module = network.layers[step.name]
        mask = torch.ones_like(inputs[0][:, 0], dtype=torch.bool) if inputs[0].dim() == 3 else None
        return lambda: apply(module, inputs[0], mask)
    if step.kind == "concat":
        return lambda: torch.cat(inputs, dim=1)
    return lambda: sum(inputs[1:], inputs[0])


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


def _input(program: Program) -> str:
    return json.dumps([INPUT, list(program.input_shape)])


def _name(program: Program, step: Step) -> str:
    shapes = [list(program.shape(value)) for value in step.inputs]
    return json.dumps([step.op if step.kind == "op" else step.kind, step.args, shapes], sort_keys=True, default=str)
