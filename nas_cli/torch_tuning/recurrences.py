"""LSTM and GRU as single operators for torch.export, for sequences of any length.

torch.export finds the shapes of an LSTM or GRU by unrolling it over the time steps, which fixes their number. So while
a network is traced, `nas::lstm` and `nas::gru` replace torch's operators: they declare their output shapes.
`with_torch_alone` restores torch's operators, for a program that is to run without nas.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

# The same signatures as torch's operators, so that one can replace the other.
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
    """The shape of the outputs: the batch and length of `x`, (N, L, C) or (L, N, C), and the states of all
    directions."""
    return x.new_empty((*x.shape[:2], hidden.shape[2] * (2 if both else 1)))


LSTM, GRU = torch.ops.nas.lstm.default, torch.ops.nas.gru.default
STANDS_IN: Mapping[Any, Callable[..., Any]] = {torch.lstm: LSTM, torch.gru: GRU}
OF_TORCH: Mapping[Any, Any] = {LSTM: torch.ops.aten.lstm.input, GRU: torch.ops.aten.gru.input}


class Recurrences(TorchFunctionMode):
    """While this mode is active, `nas::lstm` and `nas::gru` run instead of torch's operators."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if len(args) == 9 and isinstance(args[3], bool):  # packed sequences have their weights there
            func = STANDS_IN.get(func, func)
        return func(*args, **(kwargs or {}))


def with_torch_alone(program: torch.export.ExportedProgram) -> torch.export.ExportedProgram:
    """Replaces `nas::lstm` and `nas::gru` in `program` by torch's operators, in place; returns `program`."""
    for node in program.graph.nodes:
        node.target = OF_TORCH.get(node.target, node.target)
    program.graph_module.recompile()
    return program
