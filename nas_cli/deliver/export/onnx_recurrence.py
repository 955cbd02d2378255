"""Translates LSTM and GRU to ONNX, layer by layer: torch's layout of weights and order of gates to ONNX's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import onnxscript

from nas_cli.torch_tuning.recurrences import GRU, LSTM

op: Any = onnxscript.opset18  # its type hints do not allow lists of numbers for constants, which it takes
Value = Any
"""A value of the ONNX graph that is being written."""

LSTM_GATES = (0, 3, 1, 2)
"""ONNX's input, output, forget and cell gate, among torch's input, forget, cell and output gate."""
GRU_GATES = (1, 0, 2)
"""ONNX's update, reset and hidden gate, among torch's reset, update and new gate."""


def onnx_lstm(
    x: Value,
    states: Sequence[Value],
    weights: Sequence[Value],
    biases: bool,
    layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
) -> tuple[Value, Value, Value]:
    """`nas::lstm`, for a network in eval mode."""
    if states[0].shape[2] != states[1].shape[2]:
        raise ValueError("ONNX's LSTM has no projection (proj_size)")
    outputs, hidden, cells = _layers(
        op.LSTM, LSTM_GATES, x, states, weights, biases, layers, bidirectional, batch_first
    )
    return outputs, hidden, cells


def onnx_gru(
    x: Value,
    state: Value,
    weights: Sequence[Value],
    biases: bool,
    layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
) -> tuple[Value, Value]:
    """`nas::gru`, for a network in eval mode."""
    sizes = biases, layers, bidirectional, batch_first
    # torch applies the reset gate after the state's linear map and bias, ONNX by default to the state itself.
    outputs, hidden = _layers(op.GRU, GRU_GATES, x, [state], weights, *sizes, linear_before_reset=1)
    return outputs, hidden


def _layers(
    operator: Callable[..., Any],
    gates: Sequence[int],
    x: Value,
    states: Sequence[Value],
    weights: Sequence[Value],
    biases: bool,
    layers: int,
    bidirectional: bool,
    batch_first: bool,
    **attributes: int,
) -> list[Value]:
    """Outputs, and the last states (layers · directions, N, H) of each kind of state."""
    directions, direction = (2, "bidirectional") if bidirectional else (1, "forward")
    each = 4 if biases else 2
    size = weights[1].shape[1]
    y = op.Transpose(x, perm=[1, 0, 2]) if batch_first else x
    last: list[list[Value]] = [[] for _ in states]
    for layer in range(layers):
        first = layer * directions
        begin = states
        if layers > 1:
            begin = [op.Slice(state, [first], [first + directions], [0]) for state in states]
        own = weights[each * first : each * (first + directions)]
        inwards, across, added = _matrices([_reordered(part, gates, size) for part in own], each)
        y, *ends = operator(
            y,
            inwards,
            across,
            added,
            None,  # every sequence is as long as the batch
            *begin,
            direction=direction,
            hidden_size=size,
            **attributes,
        )
        # (L, directions, N, H) to (L, N, directions · H)
        y = op.Reshape(op.Transpose(y, perm=[0, 2, 1, 3]), [0, 0, -1])
        for kind, end in zip(last, ends, strict=True):
            kind.append(end)
    return [op.Transpose(y, perm=[1, 0, 2]) if batch_first else y, *map(_joined, last)]


def _matrices(parts: Sequence[Value], each: int) -> tuple[Value, Value, Value | None]:
    """Input weights, state weights, and biases if any, stacked over directions; `parts` has `each` for a direction."""
    directions = [parts[start : start + each] for start in range(0, len(parts), each)]
    inwards = _stacked([part[0] for part in directions])
    across = _stacked([part[1] for part in directions])
    return inwards, across, _stacked([_joined(part[2:]) for part in directions]) if each > 2 else None


def _reordered(part: Value, gates: Sequence[int], size: int) -> Value:
    """Weights or biases with `size` rows per gate, the gates in the order `gates`."""
    return _joined([op.Slice(part, [gate * size], [(gate + 1) * size], [0]) for gate in gates])


def _stacked(parts: Sequence[Value]) -> Value:
    """The parts of the directions, stacked along a new first axis."""
    return _joined([op.Unsqueeze(part, [0]) for part in parts])


def _joined(parts: Sequence[Value]) -> Value:
    return op.Concat(*parts, axis=0) if len(parts) > 1 else parts[0]


TRANSLATIONS: Mapping[Callable[..., Any], Callable[..., Any]] = {LSTM: onnx_lstm, GRU: onnx_gru}
