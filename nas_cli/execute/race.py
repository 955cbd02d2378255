"""Training steps of a network from the spec's search space, to be timed in each precision and memory layout."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from nas_cli.errors import Infeasible
from nas_cli.model.network import Network
from nas_cli.model.ops import OPS
from nas_cli.model.ops.layout import arrange, has_layouts, lay_out
from nas_cli.model.program import Program
from nas_cli.model.weights import Assets, Fresh
from nas_cli.space.parse import parse_architecture
from nas_cli.task.problem import Problem
from nas_cli.train.feed import Parts, open_feed
from nas_cli.train.losses import LOSSES
from nas_cli.train.precision import Precision, use_tf32

STAND_IN: list[Any] = [{"conv": 32}, "batch_norm", "relu", {"max_pool": 2}, {"conv": 64}, "batch_norm", "relu"]
"""Timed for images where every candidate has layers of a plugin, since plugin layers run in workers only."""
MOST_MACS = 1e8
"""Multiply-accumulates of a timed step's forward pass: timing must neither take long nor run out of memory."""
MOST_VALUES = 1e8
"""Activations that a timed step keeps for its backward pass."""
LEAST = 2
"""Fewest examples of a step: batch norm needs more than one."""


def middle(programs: Sequence[Program]) -> Program | None:
    """The program of median MACs among those without a plugin's layers; None where all have such layers."""
    ours = [program for program in programs if all(OPS.origin(step.op) is None for step in program.op_steps)]
    ranked = sorted(ours, key=lambda program: program.macs)
    return ranked[len(ranked) // 2] if ranked else None


def stand_in(problem: Problem) -> Program | None:
    """A small convolutional network for images; None for other inputs, or where the task does not fit its output."""
    if not any(map(has_layouts, problem.inputs.values())):
        return None
    try:
        return problem.plan(parse_architecture(STAND_IN, OPS))
    except Infeasible:
        return None


@dataclass(frozen=True)
class Steps:
    """Makes training steps of the network of `program` on the first examples of `data`, without an optimizer."""

    program: Program
    problem: Problem
    data: Parts
    device: torch.device
    assets: Assets = field(default_factory=dict)

    def __call__(self, option: Precision, most: int) -> Callable[[], float]:
        """A function that makes a step of at most `most` examples in the precision `option` and returns its seconds.

        It raises whatever the layers raise, for example where they do not support a number format.
        """
        network = Network(self.program, Fresh(torch.Generator().manual_seed(0), self.assets)).train()
        lay_out(network.to(self.device), option.layout)
        part = self.data.train.shortened(self._examples(most))
        feed = open_feed(part, self.device)
        fed = next(iter(feed.batches(torch.arange(len(part)), len(part))))
        fields = {name: arrange(x, option.layout) for name, x in network.normalize(fed.fields).items()}
        loss_of, scale = LOSSES[self.problem.task.losses[0]](), self.data.scale
        if isinstance(scale, torch.Tensor):
            scale = scale.to(self.device)

        def step() -> float:
            use_tf32(option.format == "tf32")
            start = time.perf_counter()
            with torch.random.fork_rng(devices=[]), option.exempt_depthwise(network, self.device):
                with option.autocast(self.device):
                    outputs = network.body(fields, fed.lengths).values
                loss = self.problem.task.loss(outputs.float(), fed.targets, loss_of, scale)
                torch.autograd.backward(loss)
            if self.device.type != "cpu":
                torch.accelerator.synchronize(self.device)
            return time.perf_counter() - start

        return step

    def _examples(self, most: int) -> int:
        """The batch size of a step: at most `most`, fewer where the network is costly or needs much memory."""
        by_macs = int(MOST_MACS / max(1, self.program.macs))
        by_values = int(MOST_VALUES / max(1, self.program.activations))
        return max(min(most, by_macs, by_values), LEAST)
