"""Parses YAML data into nodes. Every error carries the path of the wrong value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Literal, Protocol

from nas_cli.arguments import Between, Channels, NonNegativeInt
from nas_cli.errors import Infeasible, Path, SpecError, did_you_mean
from nas_cli.registry import Param, name_arguments, show, split_component
from nas_cli.space.decisions import Choice
from nas_cli.space.nodes import (
    Branches,
    Cell,
    CellSpace,
    Join,
    Layer,
    Maybe,
    Op,
    OpenBranches,
    OpenJoin,
    Repeat,
    Residual,
    Resize,
    Seq,
    Tap,
    Value,
    unique_labels,
)
from nas_cli.space.space import Space
from nas_cli.space.values import MAX_DEPTH, RANGES, ValueParser
from nas_cli.space.walk import MAX_LAYERS, MAX_NODES

JOINS = Literal["add", "concat"]
MODES = Literal["bilinear", "nearest"]
Times = Annotated[int, Between(0, MAX_LAYERS)]
Nodes = Annotated[int, Between(1, MAX_NODES)]


class Vocabulary(Protocol):
    """The ops that a space may name: the registry of ops, or a stand-in."""

    def __contains__(self, name: object) -> bool: ...
    def __iter__(self) -> Iterator[str]: ...
    def params(self, name: str) -> tuple[Param, ...]: ...


def parse_space(
    model: object,
    train: Mapping[str, object],
    let: Mapping[str, object],
    ops: Vocabulary,
    train_params: tuple[Param, ...],
) -> Space:
    """The space that a spec's `model:`, `train:` and `let:` describe.

    Raises SpecError whose path starts with `model`, `train` or `let`.
    """
    parser = _Parser(ops, let)
    tree = parser.body(model, ("model",))
    settings = name_arguments(dict(train), train_params, "train", ("train",))
    values = {
        p.name: parser.value(settings.get(p.name, p.default), p.annotation, ("train", p.name)) for p in train_params
    }
    parser.check_taps()
    return Space(tree, values, tuple(name for name in let if name not in parser.used))


def parse_architecture(
    model: object, ops: Vocabulary, let: Mapping[str, object] | None = None, at: Path = ("model",)
) -> Seq:
    """A network without decisions, such as a baseline or a stored winner. Raises SpecError where it has a decision."""
    parser = _Parser(ops, let or {})
    tree = parser.body(model, at)
    parser.check_taps()

    def refuse(path: str, _: object) -> Any:
        raise SpecError(f"a network with no choices is expected here, and {path} is left open", at)

    try:
        return Space(tree, {}).resolve(refuse).model
    except Infeasible as error:
        raise SpecError(str(error), at) from None


class _Parser(ValueParser):
    def __init__(self, ops: Vocabulary, let: Mapping[str, object]) -> None:
        super().__init__(let)
        self._ops = ops
        self._taps: set[str] = set()
        self._wanted: list[tuple[str, Path]] = []
        self._structures: dict[str, Callable[[Any, Path], Layer]] = {
            "choice": self._layer_choice,
            "repeat": self._repeat,
            "optional": lambda raw, path: Maybe(self.body(raw, path)),
            "residual": lambda raw, path: Residual(self.body(raw, path)),
            "branches": self._branches,
            "cell": self._cell,
            "tap": self._tap,
            "join": self._join,
            "resize": self._resize,
        }

    # Layers -------------------------------------------------------------------------------------------------------

    def body(self, raw: object, path: Path) -> Seq:
        """A list of layers, or one layer."""
        if self._depth + len(path) > MAX_DEPTH:
            raise SpecError(f"the layers are nested more than {MAX_DEPTH} deep", path)
        if isinstance(raw, list):
            return Seq(tuple(self.layer(item, (*path, index)) for index, item in enumerate(raw)))
        return Seq((self.layer(raw, path),))

    def layer(self, raw: object, path: Path) -> Layer:
        if isinstance(raw, list):
            return self.body(raw, path)
        if isinstance(raw, str) and raw.startswith("$"):
            return self.ref(raw, "layers", self.body, path)
        if raw is None:
            raise SpecError("a layer is expected here and nothing is given", path)
        if isinstance(raw, dict) and set(raw) & set(RANGES):
            raise SpecError("a layer is expected here, not a number from a range", path)
        try:
            name, given = split_component(raw, "layer")
        except SpecError as error:
            raise error.under(path) from None
        if name in self._structures:
            if given is None:
                raise SpecError(f"'{name}' needs a value: {name}: …", path)
            return self._structures[name](given, (*path, name))
        return self._op(name, given, path)

    def _op(self, name: str, given: object, path: Path) -> Op:
        try:
            if name not in self._ops:
                self._ops.params(name)  # raises with a better reason for an `nn.` name
            params = self._ops.params(name)
        except SpecError as error:
            if "did you mean" in error.message or name.startswith("nn."):
                raise error.under(path) from None
            words = [*self._structures, *self._ops]
            raise SpecError(f"unknown op '{name}'{did_you_mean(name, words)}", path, on_key=True) from None
        arguments = self.arguments(given, params, f"op '{name}'", (*path, name))
        return Op(name, arguments)

    def _layer_choice(self, raw: Any, path: Path) -> Choice:
        if not isinstance(raw, list) or not raw:
            raise SpecError(f"choice takes a list of layers; got {show(raw)}", path)
        options = tuple(self.body(item, (*path, index)) for index, item in enumerate(raw))
        return Choice(options, unique_labels(options))

    def _repeat(self, raw: Any, path: Path) -> Repeat:
        fields = self.fields(raw, {"times": True, "body": True, "tied": False}, "repeat", path)
        times = self.value(fields["times"], Times, (*path, "times"), "times")
        tied = self.value(fields.get("tied", False), bool, (*path, "tied"), "tied")
        if not isinstance(tied, bool):
            raise SpecError("tied takes true or false, not a choice", (*path, "tied"))
        return Repeat(times, self.body(fields["body"], (*path, "body")), tied)

    def _branches(self, raw: Any, path: Path) -> Layer:
        if isinstance(raw, list):
            raw, paths_at = {"paths": raw}, path
        else:
            paths_at = (*path, "paths")
        fields = self.fields(raw, {"paths": True, "join": False}, "branches", path)
        if not isinstance(fields["paths"], list) or not fields["paths"]:
            raise SpecError(f"paths takes a list of bodies; got {show(fields['paths'])}", paths_at)
        paths = tuple(self.body(item, (*paths_at, index)) for index, item in enumerate(fields["paths"]))
        join = self.value(fields.get("join", "add"), JOINS, (*path, "join"), "join")
        return Branches(paths, join) if join in ("add", "concat") else OpenBranches(paths, join)

    def _tap(self, raw: Any, path: Path) -> Tap:
        if not isinstance(raw, str) or not raw:
            raise SpecError(f"tap takes a name; got {show(raw)}", path)
        self._taps.add(raw)
        return Tap(raw)

    def _join(self, raw: Any, path: Path) -> Layer:
        if isinstance(raw, str):
            raw = {"with": raw}
        fields = self.fields(raw, {"with": True, "by": False}, "join", path)
        if not isinstance(fields["with"], str):
            raise SpecError(f"with takes the name of a tap; got {show(fields['with'])}", (*path, "with"))
        self._wanted.append((fields["with"], (*path, "with")))
        by = self.value(fields.get("by", "add"), JOINS, (*path, "by"), "by")
        return Join(fields["with"], by) if by in ("add", "concat") else OpenJoin(fields["with"], by)

    def _resize(self, raw: Any, path: Path) -> Resize:
        if isinstance(raw, str):
            raw = {"like": raw}
        fields = self.fields(raw, {"like": False, "mode": False}, "resize", path)
        mode = self.literal(fields.get("mode", "bilinear"), MODES, (*path, "mode"), "mode")
        if "like" not in fields:
            return Resize(None, mode)
        if not isinstance(fields["like"], str):
            raise SpecError(f"like takes the name of a tap; got {show(fields['like'])}", (*path, "like"))
        self._wanted.append((fields["like"], (*path, "like")))
        return Resize(fields["like"], mode)

    def check_taps(self) -> None:
        for name, path in self._wanted:
            if name not in self._taps:
                raise SpecError(f"no tap is named '{name}'{did_you_mean(name, sorted(self._taps))}", path)

    def _cell(self, raw: Any, path: Path) -> Layer:
        allowed = {"nodes": True, "ops": False, "inputs": False, "from": False, "channels": False, "output": False}
        fields = self.fields(raw, allowed, "cell", path)
        inputs = self.literal(fields.get("from", 1), Literal[1, 2], (*path, "from"), "from")
        channels = self.value(fields.get("channels", "same"), Channels, (*path, "channels"), "channels")
        if isinstance(fields["nodes"], list):
            return self._closed_cell(fields, inputs, channels, path)
        if "ops" not in fields:
            raise SpecError("cell needs ops: the layers that an edge may carry", path)
        if "output" in fields:
            raise SpecError("output goes with a list of nodes only", (*path, "output"), on_key=True)
        nodes = self.value(fields["nodes"], Nodes, (*path, "nodes"), "nodes")
        picks = self.literal(fields.get("inputs", "all"), Literal["all", 2], (*path, "inputs"), "inputs")
        ops = self._layer_choice(fields["ops"], (*path, "ops"))
        if picks == "all" and isinstance(nodes, int) and nodes <= inputs:
            raise SpecError(
                f"nodes counts the cell's input too, so it takes a whole number above {inputs}", (*path, "nodes")
            )
        return CellSpace(nodes, ops, None if picks == "all" else 2, inputs, channels)

    def _closed_cell(self, fields: dict[str, Any], inputs: Literal[1, 2], channels: Value, path: Path) -> Cell:
        output = self.literal(fields.get("output", "last"), Literal["last", "concat"], (*path, "output"), "output")
        for key in ("ops", "inputs"):
            if key in fields:
                raise SpecError(
                    f"{key} goes with a number of nodes, not with a list of them", (*path, key), on_key=True
                )
        nodes = []
        for index, node in enumerate(fields["nodes"]):
            at: Path = (*path, "nodes", index)
            if not isinstance(node, list) or not node:
                raise SpecError(f"a node takes a list of edges {{from: …, body: …}}; got {show(node)}", at)
            nodes.append(tuple(self._edge(edge, inputs + index, (*at, k)) for k, edge in enumerate(node)))
        if not nodes:
            raise SpecError("a cell needs at least one node", (*path, "nodes"))
        return Cell(tuple(nodes), output, inputs, channels)

    def _edge(self, raw: Any, number: int, path: Path) -> tuple[int, Seq]:
        fields = self.fields(raw, {"from": True, "body": True}, "edge", path)
        source = self.literal(fields["from"], NonNegativeInt, (*path, "from"), "from")
        if source >= number:
            raise SpecError(
                f"node {number} can take values 0 to {number - 1} only; got from: {source}", (*path, "from")
            )
        return source, self.body(fields["body"], (*path, "body"))
