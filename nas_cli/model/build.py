"""Compiles an architecture into a network: residuals, branches, cells and taps become one flat program of steps."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import torch

from nas_cli.arguments import relative_channels
from nas_cli.axes import Axes, Shape
from nas_cli.errors import Infeasible
from nas_cli.model.infer import Inferred, infer, resolve_arguments
from nas_cli.model.network import Network
from nas_cli.model.ops import show_shape
from nas_cli.model.ops.inputs import TAKE
from nas_cli.model.ops.layout import has_layouts
from nas_cli.model.program import Kind, Program, Step, without_dead_steps, without_idle_biases
from nas_cli.model.weights import Modules, without_weights
from nas_cli.space.nodes import Branches, Cell, Join, Layer, Op, Residual, Resize, Seq, Tap

MAX_PARAMS = 2_000_000_000
MAX_VALUES = 2**31
"""Limit on the values in one layer's output, for one sample."""

Head = Callable[[Shape], Seq]
PROBES = tuple(range(64, 96))
OF_FIELDS = "fields"
"""Key of `facts` for the facts of each field, by field name, where a network has several inputs."""
NO_FACTS: Mapping[str, Any] = MappingProxyType({})


def build(
    arch: Seq,
    inputs: Mapping[str, Axes],
    head: Head,
    facts: Mapping[str, Any] = NO_FACTS,
    modules: Modules = without_weights,
) -> Network:
    """The network of `arch` for samples with the fields `inputs`; `modules` makes its modules, with new weights say.

    The first layer reads the first field, and the layers after `take: FIELD` read that field. Images are (C, H, W),
    table rows (F,), sequences (C, L); a network built for a typical length accepts any length. `head(shape)` returns
    the last layers for the output shape of `arch`; `facts` describe the data for ops that need them (the size of a
    vocabulary, say). Raises Infeasible with one sentence that names the layer and its input shape.
    """
    return Network(plan(arch, inputs, head, facts), modules)


def plan(arch: Seq, inputs: Mapping[str, Axes], head: Head, facts: Mapping[str, Any] = NO_FACTS) -> Program:
    """The program of `arch`: shapes and costs, without modules. Raises Infeasible as `build` does."""
    builder = _Builder(inputs, facts)
    features = builder.seq(arch, "model", next(iter(builder.fields.values())))
    output = builder.seq(head(features.shape), "head", features)
    if output.is_zero:
        raise Infeasible("the output does not depend on the input: every path to it is zero")
    if output.index < len(inputs):
        raise Infeasible("the network has no layers")
    program = without_dead_steps(Program(inputs, tuple(builder.steps)), output.index)
    return without_idle_biases(program)


@dataclass(frozen=True)
class _Value:
    """Value `index` of the program. A value that is zero for every input has axes and no step (index -1).

    `probes` are the lengths that a few probe input lengths are reduced to at this value, () where it is not ragged. Two
    values with different probes may agree at the typical length and at no other.
    """

    index: int
    axes: Axes
    probes: tuple[int, ...] = ()

    @property
    def shape(self) -> Shape:
        return self.axes.shape

    @property
    def is_zero(self) -> bool:
        return self.index < 0


class _Builder:
    def __init__(self, inputs: Mapping[str, Axes], facts: Mapping[str, Any]) -> None:
        self.facts = facts
        self.fields: dict[str, _Value] = {}
        for index, (field, axes) in enumerate(inputs.items()):
            self.fields[field] = _Value(index, axes.entered, PROBES if axes.ragged else ())
        self.steps: list[Step] = []
        self._taps: dict[str, _Value] = {}
        self._names: set[str] = set()
        self._places: set[str] = set()
        self._params = 0

    def seq(self, seq: Seq, path: str, value: _Value) -> _Value:
        before = value
        for index, layer in enumerate(seq.layers):
            value, before = self._layer(layer, f"{path}[{index}]", value, before), value
        return value

    def _layer(self, layer: Layer, path: str, value: _Value, before: _Value) -> _Value:
        """The output of `layer` on `value`; `before` is the input of the layer that made `value` (cells read both)."""
        match layer:
            case Op(name, args) if name == TAKE:
                return self._take(str(args["field"]), f"{path}.{TAKE}")
            case Op(name, args):
                return self._op(f"{path}.{name}", _below(layer.at, name), name, args, value)
            case Seq():
                return self.seq(layer, path, value)
            case Residual(body):
                inner = self.seq(body, f"{path}.residual", value)
                at = _below(layer.at, "residual.shortcut")
                shortcut = self._project(value, inner.shape, f"{path}.residual.shortcut", at)
                return self._add([shortcut, inner], f"{path}.residual")
            case Branches(paths, join):
                ends = [self.seq(body, f"{path}.branches[{n}]", value) for n, body in enumerate(paths)]
                return self._joined(join, ends, f"{path}.branches")
            case Cell():
                return self._cell(layer, f"{path}.cell", value, before)
            case Tap(name):
                self._taps[name] = value
                return value
            case Join(tap, by):
                return self._join(tap, by, f"{path}.join", _below(layer.at, "join"), value)
            case Resize(like, mode):
                return self._resize(like, mode, f"{path}.resize", value)
        raise AssertionError(f"{type(layer).__name__} belongs to a space, not to an architecture")

    def _take(self, field: str, path: str) -> _Value:
        if field not in self.fields:
            raise Infeasible(f"{path} wants the field '{field}', and the data has {', '.join(self.fields)}")
        return self.fields[field]

    def _op(self, path: str, at: str, name: str, args: Mapping[str, Any], value: _Value) -> _Value:
        try:
            resolved = resolve_arguments(name, args, value.shape, self._facts_for(value))
            return self._run(path, at, name, resolved, value)
        except Infeasible as error:
            raise Infeasible(f"{path} cannot take {show_shape(value.shape)}: {error}") from error.__cause__

    def _facts_for(self, value: _Value) -> Mapping[str, Any]:
        """The facts of the data; a layer that reads one of several fields directly gets the facts of that field too."""
        of_fields = self.facts.get(OF_FIELDS)
        if of_fields is None or not 0 <= value.index < len(self.fields):
            return self.facts
        return {**self.facts, **of_fields[list(self.fields)[value.index]]}

    def _run(self, path: str, at: str, name: str, args: Mapping[str, Any], value: _Value) -> _Value:
        """Adds a step, unless the op is an identity, gives zeros or reads zeros. Raises Infeasible with the reason."""
        found = infer(name, args, value.axes)
        if found.is_zero or value.is_zero:
            return _Value(-1, found.axes, _probes(found, value))
        if found.is_identity:
            return value
        self._params += found.params
        if self._params > MAX_PARAMS:
            raise Infeasible(f"the network would have more than {MAX_PARAMS:,} parameters")
        _need_memory(found.axes)
        return self._emit(path, "op", (value.index,), _Value(-1, found.axes, _probes(found, value)), name, args, at)

    def _emit(
        self,
        path: str,
        kind: Kind,
        inputs: tuple[int, ...],
        value: _Value,
        op: str,
        args: Mapping[str, Any],
        at: str = "",
    ) -> _Value:
        """Adds a step with the output `value`, under a unique name; `at` is its place in the space, if known."""
        name = _unused(re.sub(r"\W+", "_", path).strip("_"), "_", self._names)
        place = _unused(at, "#", self._places) if at else path
        self.steps.append(Step(name, kind, inputs, value.axes, op, args, path, place))
        return replace(value, index=len(self.fields) + len(self.steps) - 1)

    # Joining ----------------------------------------------------------------------------------------------------------

    def _joined(self, by: str, values: list[_Value], path: str) -> _Value:
        return self._add(values, path) if by == "add" else self._concat(values, path)

    def _add(self, values: list[_Value], path: str) -> _Value:
        """The sum of `values`. Zero values are left out, whatever their shape."""
        terms = [value for value in values if not value.is_zero]
        if not terms:
            return values[0]
        shapes = dict.fromkeys(value.shape for value in terms)
        if len(shapes) > 1:
            raise Infeasible(f"{path} cannot add {' and '.join(map(show_shape, shapes))}: their shapes differ")
        _need_same_lengths(terms, path)
        if len(terms) == 1:
            return terms[0]
        return self._emit(f"{path}.add", "add", tuple(value.index for value in terms), terms[0], "add", {})

    def _concat(self, values: list[_Value], path: str) -> _Value:
        shapes = [value.shape for value in values]
        if len({shape[1:] for shape in shapes}) > 1:
            different = " and ".join(map(show_shape, dict.fromkeys(shapes)))
            raise Infeasible(f"{path} cannot concatenate {different}: their sizes differ")
        _need_same_lengths(values, path)
        shape = (sum(shape[0] for shape in shapes), *shapes[0][1:])
        if len(values) == 1:
            return values[0]
        joined = replace(values[0], index=-1, axes=replace(values[0].axes, shape=shape))
        if all(value.is_zero for value in values):
            return joined
        live = next(value for value in values if not value.is_zero)
        parts = [self._written_out(value, live, path) for value in values]
        return self._emit(f"{path}.concat", "concat", tuple(part.index for part in parts), joined, "concat", {})

    def _written_out(self, value: _Value, live: _Value, path: str) -> _Value:
        """`value`, computed by a step: a zero value becomes zeros with the batch and the sizes of `live`."""
        if not value.is_zero:
            return value
        return self._emit(f"{path}.zeros", "op", (live.index,), value, "zeros", {"channels": value.shape[0]})

    def _project(self, value: _Value, shape: Shape, path: str, at: str) -> _Value:
        """`value`, projected to `shape` unless it has that shape already."""
        if value.shape == shape:
            return value
        try:
            return self._run(f"{path}.projection", _below(at, "projection"), "projection", {"to": shape}, value)
        except Infeasible as error:
            raise Infeasible(f"{path} cannot take {show_shape(value.shape)}: {error}") from None

    def _join(self, tap: str, by: str, path: str, at: str, value: _Value) -> _Value:
        kept = self._tapped(tap, path)
        if by == "add":
            kept = self._project(kept, value.shape, path, at)
        return self._joined(by, [value, kept], path)

    def _resize(self, like: str | None, mode: str, path: str, value: _Value) -> _Value:
        target = next(iter(self.fields.values())) if like is None else self._tapped(like, path)
        for image in (value, target):
            if not has_layouts(image.axes):
                raise Infeasible(f"{path} resizes images, and cannot take {show_shape(image.shape)}")
        if target.is_zero:
            raise Infeasible(f"{path} reads its size off the tap '{like}', which is zero and so left out")
        resized = replace(value, axes=replace(value.axes, shape=(value.shape[0], *target.shape[1:])))
        if value.is_zero:
            return resized
        try:
            _need_memory(resized.axes)
        except Infeasible as error:
            raise Infeasible(f"{path} cannot take {show_shape(value.shape)}: {error}") from None
        return self._emit(path, "resize", (value.index, target.index), resized, "resize", {"mode": mode})

    def _tapped(self, tap: str, path: str) -> _Value:
        if tap not in self._taps:
            raise Infeasible(f"{path} wants the tap '{tap}', and none before it has that name in this architecture")
        return self._taps[tap]

    # Cells ------------------------------------------------------------------------------------------------------------

    def _cell(self, cell: Cell, path: str, value: _Value, before: _Value) -> _Value:
        values = self._cell_inputs(cell, path, value, before)
        for node, edges in enumerate(cell.nodes, cell.inputs):
            ends = [self.seq(body, f"{path}.edge[{source},{node}]", values[source]) for source, body in edges]
            values.append(self._add(ends, f"{path}.node[{node}]"))
        return values[-1] if cell.output == "last" else self._concat(values[cell.inputs :], path)

    def _cell_inputs(self, cell: Cell, path: str, value: _Value, before: _Value) -> list[_Value]:
        if cell.inputs == 1 and cell.channels == "same":
            return [value]
        shape = (relative_channels(cell.channels, value.shape[0]), *value.shape[1:])
        inputs: list[_Value] = []
        for index, given in enumerate([before, value] if cell.inputs == 2 else [value]):
            here, at = f"{path}.input[{index}]", _below(cell.at, f"cell.input[{index}]")
            try:
                inputs.append(self._run(here, at, "cell_input", {"to": shape}, given))
            except Infeasible as error:
                raise Infeasible(f"{here} cannot take {show_shape(given.shape)}: {error}") from None
        return inputs


def _below(at: str, what: str) -> str:
    """The place of the part `what` of the layer at `at`; "" where `at` is unknown."""
    return f"{at}.{what}" if at else ""


def _unused(stem: str, divider: str, taken: set[str]) -> str:
    """`stem`, with `divider` and a number where `taken` has it already. Adds the result to `taken`."""
    found, suffix = stem, 2
    while found in taken:
        found, suffix = f"{stem}{divider}{suffix}", suffix + 1
    taken.add(found)
    return found


def _probes(found: Inferred, value: _Value) -> tuple[int, ...]:
    """The probes of the output of a layer, inferred as `found`, on `value`."""
    if not found.axes.ragged or found.lengths is None:
        return value.probes if found.axes.ragged else ()
    return tuple(found.lengths(torch.tensor(value.probes)).tolist())


def _need_memory(axes: Axes) -> None:
    if axes.size > MAX_VALUES:
        raise Infeasible(f"its output, {show_shape(axes.shape)}, would have more than {MAX_VALUES:,} values")


def _need_same_lengths(values: list[_Value], path: str) -> None:
    if len({value.probes for value in values}) > 1:
        raise Infeasible(f"{path} joins sequences that were shortened differently: they fit at some lengths only")
