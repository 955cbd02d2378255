"""The canonical form: two architectures with equal forms are the same network, and only one of them is trained.

A value is a sum of terms; a term is an op applied to a value. From this follow all rules: identities vanish, a sum of
sums is one sum, the order of a sum does not matter, an op on an empty sum is an empty sum (the `zero` rule of
NAS-Bench-201, Dong & Yang 2020), and layers that do not reach the output are not part of the form. A path that is used
twice counts as two equal paths, as in that paper. Shapes are ignored: `channels: same` and `channels: 16` stay
different even where they agree, so different networks never get equal forms.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from nas_cli.registry import Param
from nas_cli.space.nodes import Branches, Cell, Join, Layer, Op, Residual, Resize, Seq, Tap, plain
from nas_cli.space.parse import Vocabulary
from nas_cli.space.space import Resolved

Sum = tuple[tuple[str, int], ...]
"""The digests of a value's terms, sorted, each with its multiplicity; () is zero."""

MAX_TERMS = 1000
"""A digest lists up to this many terms one by one. Sums of sums can double with each layer."""
ZEROS = ""
"""The spelling of an op whose output is always zero."""
_as_json = json.JSONEncoder(sort_keys=True, default=str).encode  # `json.dumps` would make an encoder for every call


class Meanings(Vocabulary, Protocol):
    """A vocabulary that knows which ops are identities and which give zeros."""

    def gives_zeros(self, name: str) -> bool: ...
    def is_identity(self, name: str, args: Mapping[str, Any]) -> bool: ...


INPUT = "input"


class Canonical:
    """Computes forms over one vocabulary; the spelling of an op is cached between calls."""

    def __init__(self, ops: Meanings) -> None:
        self._ops = ops
        self._params: dict[str, tuple[Param, ...]] = {}
        self._spelled: dict[int, tuple[Op, str | None]] = {}

    def key(self, resolved: Resolved) -> str:
        """The form of the architecture together with its training recipe, as 32 hexadecimal digits."""
        return _digest(self.network(resolved.model), _as_json(resolved.train))

    def network(self, model: Seq) -> str:
        """The form of the architecture alone."""
        return _digest("network", *_terms(self._sequence(model, _single(INPUT), {})))

    def _sequence(self, seq: Seq, value: Sum, taps: dict[str, Sum]) -> Sum:
        before = value
        for layer in seq.layers:
            value, before = self._layer(layer, value, before, taps), value
        return value

    def _layer(self, layer: Layer, value: Sum, before: Sum, taps: dict[str, Sum]) -> Sum:
        match layer:
            case Op():
                return self._op(layer, value)
            case Seq():
                return self._sequence(layer, value, taps)
            case Residual(body):
                inner = self._sequence(body, value, taps)
                return _single("residual", *_terms(value), "+", *_terms(inner))
            case Branches(paths, "add"):
                return _sum(self._sequence(path, value, taps) for path in paths)
            case Branches(paths):
                ends = [self._sequence(path, value, taps) for path in paths]
                return ends[0] if len(ends) == 1 else _single("concat", *_flat(ends))
            case Cell():
                return self._cell(layer, value, before, taps)
            case Tap(name):
                taps[name] = value
                return value
            case Join(tap, by):
                # The order counts: `add` projects the tap to the shape of the other value.
                return _single("join", by, *_flat([value, taps.get(tap, ())]))
            case Resize(like, mode):
                other = _single(INPUT) if like is None else taps.get(like, ())
                return _single("resize", mode, *_flat([value, other])) if value else ()
        raise AssertionError(f"{type(layer).__name__} belongs to a space, not to an architecture")

    def _op(self, op: Op, value: Sum) -> Sum:
        if not value:
            return ()
        spelled = self._spell(op)
        if spelled == ZEROS:
            return ()
        return value if spelled is None else _single(spelled, *_terms(value))

    def _spell(self, op: Op) -> str | None:
        """The op with every argument written out; None for an identity, ZEROS for an op that gives zeros."""
        known = self._spelled.get(id(op))
        if known is None or known[0] is not op:
            known = self._spelled[id(op)] = (op, self._written_out(op))
        return known[1]

    def _written_out(self, op: Op) -> str | None:
        if self._ops.gives_zeros(op.name):
            return ZEROS
        if self._ops.is_identity(op.name, op.args):
            return None
        if op.name not in self._params:
            self._params[op.name] = self._ops.params(op.name)
        defaults: dict[str, Any] = {p.name: p.default for p in self._params[op.name] if not p.required}
        args = {**defaults, **op.args}
        return op.name + _as_json(plain(args))

    def _cell(self, cell: Cell, value: Sum, before: Sum, taps: dict[str, Sum]) -> Sum:
        values = [value]
        if cell.inputs == 2:
            values = [_single("cell input", str(cell.channels), *_flat([v, value])) for v in (before, value)]
        elif cell.channels != "same":
            values = [_single("cell input", str(cell.channels), *_terms(value))]
        for node in cell.nodes:
            values.append(_sum(self._sequence(body, values[source], taps) for source, body in node))
        if cell.output == "last" or len(cell.nodes) == 1:
            return values[-1]
        return _single("concat", *_flat(values[cell.inputs :]))


def _sum(values: Iterable[Sum]) -> Sum:
    counts: dict[str, int] = {}
    for value in values:
        for term, times in value:
            counts[term] = counts.get(term, 0) + times
    return tuple(sorted(counts.items()))


def _single(*parts: str) -> Sum:
    """The value with a single term: the digest of `parts`."""
    return ((_digest(*parts), 1),)


def _terms(value: Sum) -> list[str]:
    """The terms of a value as parts of a digest: one by one, or in a long sum each with its multiplicity."""
    if len(value) == 1 and value[0][1] == 1:  # the fast path of nearly every value
        return [value[0][0]]
    if sum(times for _, times in value) <= MAX_TERMS:
        return [term for term, times in value for _ in range(times)]
    return [f"{times:x} times {term}" for term, times in value]  # hexadecimal: Python limits the digits of decimals


def _flat(values: list[Sum]) -> list[str]:
    return [text for value in values for text in ("(", *_terms(value), ")")]


def _digest(*parts: str) -> str:
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()
