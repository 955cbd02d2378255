"""Checks that sources and targets of plugins keep their contracts; a violation is reported with the plugin's name."""

from __future__ import annotations

import functools
import keyword
from collections.abc import Callable, Mapping, Sequence
from dataclasses import is_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nas_cli.data.encoder_guard import HeldEncoder, describe_array
from nas_cli.data.kind import KINDS
from nas_cli.errors import did_you_mean
from nas_cli.plugins import Origin, is_ours
from nas_cli.registry import show

if TYPE_CHECKING:
    from nas_cli.data.source import Array, Dataset, Encoder, Examples, Fit, Targets

LABELS = (int, float, str, tuple)
TARGET = ("names", "facts", "notes", "ragged", "encode", "strata", "others")
NOTES: tuple[type[Any], str] = (Sequence, "a list of sentences")
DATASET, EXAMPLES = ("train", "validation", "test", "inputs", "fit"), ("origin", "labels", "read")


def hold_source(make: Callable[..., Dataset], origin: Origin) -> Callable[..., Dataset]:
    @functools.wraps(make)
    def made(**arguments: Any) -> Dataset:
        dataset: Any = origin.call("it", make, **arguments)
        if not _is_like(dataset, DATASET):
            raise origin.wrong(f"gave {show(dataset)}, and a Dataset is wanted")
        _require_fits(dataset, origin)
        return _Held(origin, dataset).dataset

    return made


def _require_fits(dataset: Dataset, origin: Origin) -> None:
    require_names(dataset.inputs, origin)
    for field, kind in _fields(dataset).items():
        if kind not in KINDS:
            raise origin.wrong(f"gives the kind of input {show(kind)}{did_you_mean(kind, KINDS)}")
        fit = dataset.fit.get(field) if isinstance(dataset.fit, Mapping) else dataset.fit
        if (fit is None) != KINDS[kind].raw:
            has = "no fit" if fit is None else "fit"
            none = " and ".join(name for name, each in KINDS.items() if each.raw)
            raise origin.wrong(f"has {kind} and {has}: {none} need none, and everything else needs one")
    if isinstance(dataset.fit, Mapping) and not set(dataset.fit) <= set(_fields(dataset)):
        strange = sorted(set(dataset.fit) - set(_fields(dataset)))[0]
        raise origin.wrong(f"has a fit for {strange}, and its fields are {', '.join(_fields(dataset))}")


def require_names(inputs: object, origin: Origin) -> None:
    """Raises PluginError where the name of a field is no identifier."""
    for field in inputs if isinstance(inputs, Mapping) else ():
        if not isinstance(field, str) or not field.isidentifier() or keyword.iskeyword(field):
            raise origin.wrong(f"calls a field {show(field)}, and a word of letters, digits and _ is wanted")


def _fields(dataset: Dataset) -> Mapping[str, str]:
    """The kind of every field by name; the name of a single unnamed field is ""."""
    return dataset.inputs if isinstance(dataset.inputs, Mapping) else {"": dataset.inputs}


def hold_targets(make: Callable[..., Targets], origin: Origin) -> Callable[..., Targets]:
    @functools.wraps(make)
    def made(dataset: Dataset, labels: Sequence[str] | None = None, at: float | None = None) -> Targets:
        found: Any = origin.call("it", make, dataset, labels, at)
        missing = [name for name in TARGET if not hasattr(found, name)]
        if missing:
            raise origin.wrong(f"gave {show(found)}, and Targets, which have {missing[0]}, are wanted")
        return HeldTargets(found, origin)

    return made


class HeldTargets:
    """A plugin's targets, checked: an array with one target for each example, and the rest of the contract."""

    def __init__(self, targets: Targets, origin: Origin) -> None:
        self._targets = targets
        self._origin = origin
        self.names, self.facts = tuple(targets.names), dict(targets.facts)
        self.notes, self.ragged = list(targets.notes), bool(targets.ragged)

    def encode(self, examples: Examples) -> Array:
        return self._array("encode", self._targets.encode, examples, len(examples.labels))

    def strata(self, targets: Array) -> Array:
        return self._array("strata", self._targets.strata, targets, len(targets))

    def others(self, examples: Examples) -> tuple[str, ...]:
        return tuple(self._origin.call("others", self._targets.others, examples))

    def absent(self, targets: Array) -> tuple[str, ...]:
        method = getattr(self._targets, "absent", None)
        return () if method is None else tuple(self._origin.call("absent", method, targets))

    def _array(self, name: str, method: Callable[[Any], Any], given: Any, count: int) -> Array:
        found: Any = self._origin.call(name, method, given)
        if not isinstance(found, np.ndarray) or len(found) != count or found.dtype.kind not in "iufb":
            what = f"{found.dtype} {found.shape}" if isinstance(found, np.ndarray) else show(found)
            raise self._origin.wrong(f"gave {what} in {name}, and an array of numbers ({count}, …) is wanted")
        return found


class _Held:
    """A plugin's dataset; every part that it gives is checked against the contract."""

    def __init__(self, origin: Origin, dataset: Dataset) -> None:
        self._origin = origin
        self._dataset = dataset
        self.dataset = replace(
            dataset,
            train=self._examples(dataset.train, "train"),
            validation=self._part(dataset.validation, "validation"),
            test=self._part(dataset.test, "test"),
            elsewhere=self._elsewhere if dataset.elsewhere else None,
            fit=self._fits(),
            facts=lambda: self._given(dataset.facts, "facts", Mapping, "a mapping"),
            notes=lambda: self._given(dataset.notes, "notes", *NOTES),
            check_test=self._check_test if dataset.check_test else None,
            divide=self._divide if dataset.divide else None,
            about_division=lambda parts: self._given(lambda: dataset.about_division(parts), "about_division", *NOTES),
        )

    def _given(self, function: Callable[[], Any], name: str, kind: type[Any], wanted: str) -> Any:
        found = self._origin.call(name, function)
        if not isinstance(found, kind) or isinstance(found, str):
            raise self._origin.wrong(f"gave {show(found)} for {name}, and {wanted} is wanted")
        return found

    def _part(self, read: Callable[[], Examples] | None, name: str) -> Callable[[], Examples] | None:
        if read is None:
            return None
        return lambda: self._examples(self._origin.call(f"the {name} part", read), name)

    def _elsewhere(self, place: Path, part: str) -> Examples:
        assert self._dataset.elsewhere is not None
        return self._examples(
            self._origin.call(f"the {part} part at {place}", self._dataset.elsewhere, place, part), part
        )

    def _divide(self, among: Array, fraction: float, rng: np.random.Generator) -> tuple[Array, Array]:
        assert self._dataset.divide is not None
        found: Any = self._origin.call("divide", self._dataset.divide, among, fraction, rng)
        parts = [np.asarray(part) for part in found] if isinstance(found, tuple) and len(found) == 2 else []
        if [part.dtype.kind for part in parts if part.ndim == 1] != ["i", "i"]:
            raise self._origin.wrong(
                f"gave {show(found)} for divide, and two arrays of indices are wanted: what stays, what is held out"
            )
        if not np.array_equal(np.sort(np.concatenate(parts)), np.sort(among)):
            raise self._origin.wrong(
                f"divides {len(among):,} examples into {len(parts[0]):,} and {len(parts[1]):,}, and each is wanted once"
            )
        return parts[0], parts[1]

    def _check_test(self, place: Path | None) -> None:
        assert self._dataset.check_test is not None
        self._origin.call("check_test", self._dataset.check_test, place)

    def _fits(self) -> Fit | Mapping[str, Fit] | None:
        fit = self._dataset.fit
        if isinstance(fit, Mapping):
            return {field: functools.partial(self._fit, one) for field, one in fit.items()}
        return None if fit is None else functools.partial(self._fit, fit)

    def _fit(self, fit: Fit, raw: Array) -> Encoder:
        encoder: Any = self._origin.call("fit", fit, raw)
        if is_ours(encoder):
            return encoder  # type: ignore[no-any-return]
        missing = [name for name in ("axes", "facts", "encode", "state") if not hasattr(encoder, name)]
        if missing:
            raise self._origin.wrong(f"gave {show(encoder)} for fit, and an Encoder, which has {missing[0]}, is wanted")
        return HeldEncoder(encoder, self._origin)

    def _examples(self, examples: Any, part: str) -> Examples:
        if not _is_like(examples, EXAMPLES):
            raise self._origin.wrong(f"gave {show(examples)} as its {part} part, and Examples are wanted")
        labels: Any = examples.labels
        if not isinstance(labels, np.ndarray) or not labels.shape:
            what = f"an array of {labels.shape}" if isinstance(labels, np.ndarray) else show(labels)
            raise self._origin.wrong(
                f"gave {what} as labels of the {part} part, and an array (N, …), one each, is wanted"
            )
        one_each = labels.tolist() if labels.ndim == 1 else []
        strange = [label for label in one_each if not isinstance(label, LABELS)]
        if strange:
            raise self._origin.wrong(
                f"gave the label {show(strange[0])} in the {part} part, and numbers, texts, or tuples of texts "
                "(a tag a word) are wanted"
            )
        held: Examples = replace(
            examples,
            read=lambda rows: self._read(examples, rows, part),
            names=(lambda rows: self._names(examples, rows, part)) if examples.names is not None else None,
        )
        return held

    def _names(self, examples: Examples, rows: Array, part: str) -> Sequence[str]:
        assert examples.names is not None
        found = list(self._origin.call(f"names of the {part} part", examples.names, rows))
        if len(found) != len(rows) or not all(isinstance(name, str) for name in found):
            raise self._origin.wrong(
                f"names {len(rows)} examples of the {part} part {show(found)}, and a text for each is wanted"
            )
        return found

    def _read(self, examples: Examples, rows: Array, part: str) -> Any:
        found: Any = self._origin.call(f"read of the {part} part", examples.read, rows)
        if isinstance(self._dataset.inputs, str):
            return self._one_field(found, self._dataset.inputs, rows, part)
        fields = ", ".join(self._dataset.inputs)
        if not isinstance(found, Mapping) or set(found) != set(self._dataset.inputs):
            has = ", ".join(map(str, found)) if isinstance(found, Mapping) else describe_array(found)
            raise self._origin.wrong(f"read {has} of the {part} part, and a mapping of {fields} is wanted")
        return {field: self._one_field(found[field], kind, rows, part) for field, kind in self._dataset.inputs.items()}

    def _one_field(self, found: Array, kind: str, rows: Array, part: str) -> Array:
        if not isinstance(found, np.ndarray) or len(found) != len(rows):
            what = describe_array(found)
            raise self._origin.wrong(f"read {what} for {len(rows)} examples of the {part} part, and one each is wanted")
        if KINDS[kind].raw and (found.dtype != np.uint8 or found.ndim != 4):
            raise self._origin.wrong(
                f"read {describe_array(found)} for {len(rows)} images of the {part} part, and uint8 "
                "(n, channels, height, width) is wanted"
            )
        return found


def _is_like(found: object, fields: Sequence[str]) -> bool:
    return is_dataclass(found) and all(hasattr(found, name) for name in fields)
