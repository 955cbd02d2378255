"""Recurrences that torch.export takes as one step, for sequences of any length.

torch.export finds the shapes of an LSTM or GRU by running it place by place, which fixes the number of places. So while
a network is traced, `nas::lstm` and `nas::gru` stand in for torch's own; they know their shapes without running.
`with_torch_alone` puts torch's back, for a program that is to run without nas.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

# The signatures of torch's operators, so that one may stand for the other.
SETTINGS = "bool has_biases, int num_layers, float dropout, bool train, bool bidirectional, bool batch_first"
OF_LSTM = f"(Tensor input, Tensor[] hx, Tensor[] params, {SETTINGS}) -> (Tensor, Tensor, Tensor)"
OF_GRU = f"(Tensor input, Tensor hx, Tensor[] params, {SETTINGS}) -> (Tensor, Tensor)"


@torch.library.custom_op("nas::lstm", mutates_args=(), schema=OF_LSTM)
def lstm(*arguments: Any) -> Any:
    return torch.lstm(*arguments)


@torch.library.custom_op("nas::gru", mutates_args=(), schema=OF_GRU)
def gru(*arguments: Any) -> Any:
    return torch.gru(*arguments)


@lstm.register_fake
def _shapes_of_lstm(x: Tensor, states: Sequence[Tensor], *others: Any) -> tuple[Tensor, Tensor, Tensor]:
    hidden, cells = states
    return _outputs(x, hidden, *others), torch.empty_like(hidden), torch.empty_like(cells)


@gru.register_fake
def _shapes_of_gru(x: Tensor, hidden: Tensor, *others: Any) -> tuple[Tensor, Tensor]:
    return _outputs(x, hidden, *others), torch.empty_like(hidden)


def _outputs(
    x: Tensor,
    hidden: Tensor,
    _: object,
    biases: bool,
    layers: int,
    dropout: float,
    train: bool,
    both: bool,
    *__: object,
) -> Tensor:
    """As long as `x`, (N, L, C) or (L, N, C), and as wide as the states of one or both directions."""
    return x.new_empty((*x.shape[:2], hidden.shape[2] * (2 if both else 1)))


LSTM, GRU = torch.ops.nas.lstm.default, torch.ops.nas.gru.default
STANDS_IN: Mapping[Any, Callable[..., Any]] = {torch.lstm: LSTM, torch.gru: GRU}
OF_TORCH: Mapping[Any, Any] = {LSTM: torch.ops.aten.lstm.input, GRU: torch.ops.aten.gru.input}


class Recurrences(TorchFunctionMode):
    """While it is on, `nas::lstm` and `nas::gru` run in place of torch's."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if len(args) == 9 and isinstance(args[3], bool):  # packed sequences have their weights there
            func = STANDS_IN.get(func, func)
        return func(*args, **(kwargs or {}))


def with_torch_alone(program: torch.export.ExportedProgram) -> torch.export.ExportedProgram:
    """`program`, changed in place to torch's own operators."""
    for node in program.graph.nodes:
        node.target = OF_TORCH.get(node.target, node.target)
    program.graph_module.recompile()
    return program
