"""What there is to choose from: ops, spaces, their decisions and their size. `nas show` prints it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from nas_cli.arguments import UNIONS, Between, Parsed, Relative, type_name
from nas_cli.errors import UserError, did_you_mean
from nas_cli.model.ops import OPS
from nas_cli.record.trust import distrust_spec
from nas_cli.registry import Param
from nas_cli.run.compose import compose
from nas_cli.space.builtins import builtin_names, load_builtin
from nas_cli.space.canonical import Canonical
from nas_cli.space.decisions import Choice, Decision, FloatRange
from nas_cli.space.edit import enumerate_resolved
from nas_cli.space.nodes import plain
from nas_cli.space.parse import parse_space
from nas_cli.space.size import Size, size
from nas_cli.space.space import Space
from nas_cli.spec.load import parse_document, read_spec
from nas_cli.train.settings import TRAIN
from nas_cli.trial import Scalar

MAX_ENUMERATED = 100_000
MAX_WALKS = 5_000
SHOWN_VALUES = 12


def list_ops(name: str | None = None) -> list[dict[str, Any]]:
    """Every op by name, or one: its summary and its arguments with types and defaults.

    Raises SpecError where there is no op `name`.
    """
    wanted = list(OPS) if name is None else [name]
    return [
        {"name": op, "arguments": [argument(p) for p in OPS.params(op)], "summary": OPS.describe(op)} for op in wanted
    ]


def argument(param: Param) -> dict[str, Any]:
    content: dict[str, Any] = {"name": param.name, "type": short_type(param.annotation), "required": param.required}
    return content if param.required else {**content, "default": plain(param.default)}


def short_type(annotation: Any) -> str:
    """The values of an argument, in few words: `whole number ≥ 1 | same, x2`, `max | avg`, `number 0 to 1`."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _short_annotated(args[0], args[1:])
    if origin in UNIONS:
        return " | ".join(short_type(arg) for arg in args if arg is not type(None))
    if origin is Literal:
        return " | ".join(map(str, args))
    if origin is tuple and len(args) == 2 and args[1] is not Ellipsis:
        return "[h, w]"
    names = {int: "whole number", float: "number", bool: "true | false", str: "text"}
    return names.get(annotation) or type_name(annotation)


def _short_annotated(base: Any, marks: tuple[Any, ...]) -> str:
    kinds = set(map(type, marks))
    if Relative in kinds:
        return "same, x2"
    if Parsed in kinds:
        return "number with a unit"
    return " ".join([short_type(base), *(_bounds(mark) for mark in marks if isinstance(mark, Between))])


def _bounds(bounds: Between) -> str:
    if math.isinf(bounds.high):
        return f"≥ {bounds.low:g}"
    return f"≤ {bounds.high:g}" if math.isinf(bounds.low) else f"{bounds.low:g} to {bounds.high:g}"


@dataclass(frozen=True)
class OpenDecision:
    """A decision of a space. `conditional`: it exists only where others turn out a certain way."""

    path: str
    values: str
    conditional: bool


@dataclass(frozen=True)
class SpaceFacts:
    """The facts of a space. `size` counts genotypes, train settings included; `architectures` counts without them."""

    name: str
    text: str
    summary: str
    space: Space
    size: Size

    @cached_property
    def architectures(self) -> Size:
        return size(self._alone)

    @cached_property
    def decisions(self) -> list[OpenDecision]:
        return open_decisions(self.space)

    @cached_property
    def networks(self) -> int | None:
        """The distinct networks, None where there are too many architectures; 15,625 of them take some seconds."""
        if self.architectures.number > MAX_ENUMERATED:
            return None
        canonical = Canonical(OPS)
        return len({canonical.network(resolved.model) for resolved in enumerate_resolved(self._alone)})

    @property
    def _alone(self) -> Space:
        return Space(self.space.model, {})


def describe_space(name: str, plugins: bool = False) -> SpaceFacts:
    """The facts of a built-in space, or of the space of the spec file `name`. Raises UserError where it is neither.

    `plugins` is as in `start_search`.
    """
    if name in builtin_names():
        builtin = load_builtin(name)
        space = parse_space(builtin.model, {}, builtin.let, OPS, TRAIN)
        return SpaceFacts(name, builtin.text, builtin.summary, space, size(space))
    path = Path(name)
    if not path.exists():
        words = builtin_names()
        hint = did_you_mean(name, words)
        raise UserError(f"there is no built-in space '{name}' and no spec file of that name{hint}")
    text = read_spec(path)
    document = parse_document(text, str(path))
    experiment = compose(document, None if plugins else distrust_spec(path, document.data.get("plugins")))
    return SpaceFacts(experiment.spec.name, text, "", experiment.space, experiment.size)


def list_spaces() -> list[SpaceFacts]:
    """The built-in spaces with their size; networks are not counted."""
    found = []
    for name in builtin_names():
        builtin = load_builtin(name)
        space = parse_space(builtin.model, {}, builtin.let, OPS, TRAIN)
        found.append(SpaceFacts(name, builtin.text, builtin.summary, space, size(space)))
    return found


def open_decisions(space: Space) -> list[OpenDecision]:
    """Every decision of `space` in the order of the text.

    Takes each value of each decision in turn, with the other decisions as they were where it was first met."""
    met: dict[str, tuple[Decision, dict[str, Scalar]]] = {}
    visits: dict[str, int] = {}
    order: list[str] = []
    walks = 0

    def walk(wanted: dict[str, Scalar]) -> list[str]:
        trail: list[str] = []
        found: dict[str, Decision] = {}

        def decide(path: str, decision: Decision) -> Scalar:
            trail.append(path)
            found[path] = decision
            known = wanted.get(path)
            return known if path in wanted and decision.allows(known) else _values(decision)[0]

        genotype = space.resolve(decide).genotype
        following = len(order)
        for path in reversed(trail):
            if path not in met:
                met[path] = found[path], dict(genotype)
                order.insert(following, path)  # before the next decision in the text
            following = order.index(path)
            visits[path] = visits.get(path, 0) + 1
        return trail

    queue = walk({})
    walks += 1
    seen = set(queue)
    while queue:
        path = queue.pop(0)
        decision, genotype = met[path]
        for value in _values(decision)[1:]:
            if walks == MAX_WALKS:
                break
            walks += 1
            new = [p for p in walk({**genotype, path: value}) if p not in seen]
            seen.update(new)
            queue.extend(new)
    return [OpenDecision(path, describe_values(met[path][0]), visits[path] < walks) for path in order]


def _values(decision: Decision) -> tuple[Scalar, ...]:
    """The values that may open other decisions; the ends stand for a range."""
    if isinstance(decision, Choice):
        return decision.labels
    return decision.low, decision.high


def describe_values(decision: Decision) -> str:
    """`16, 24, 32`, `1 to 3`, `0.01 to 0.3, logarithmic`."""
    if isinstance(decision, Choice):
        labels = [_text(label) for label in decision.labels]
        more = len(labels) - SHOWN_VALUES
        return ", ".join(labels[:SHOWN_VALUES]) + (f", … {more} more" if more > 0 else "")
    text = f"{decision.low:g} to {decision.high:g}"
    if decision.log:
        text += ", logarithmic"
    step = decision.step
    if step is not None and (isinstance(decision, FloatRange) or step != 1):
        text += f", in steps of {step:g}"
    return text


def _text(label: Scalar) -> str:
    if label is None:
        return "nothing"
    return str(label).lower() if isinstance(label, bool) else str(label)
