"""From the `data:` section to arrays: the training and validation parts, or the test part, never both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from nas_cli.axes import Axes
from nas_cli.data.cache import Cache
from nas_cli.data.encoded import read_division, read_part, read_whole
from nas_cli.data.fields import Fields, by_field
from nas_cli.data.kinds.classes import LabelsError
from nas_cli.data.kinds.new_words import NewWords
from nas_cli.data.kinds.row import TableEncoder
from nas_cli.data.part_notes import about_absent, about_few, about_share
from nas_cli.data.repeated import about_training
from nas_cli.data.settings import AUTO_FRACTION, DataSettings
from nas_cli.data.source import SOURCES, TARGETS, Array, Dataset, Encoder, Examples, Part, Targets
from nas_cli.data.split import hold_part_out
from nas_cli.data.wanted import Wanted, fields_of
from nas_cli.errors import DataError

IMAGES = Wanted()


@dataclass(frozen=True)
class TrainingData:
    """What a search sees. `labels` names the classes or tags; `fields` encode examples into inputs.
    `facts` of the fields, the source and the targets are for ops and heads. `notes` are sentences for the user
    on what was found, guessed and passed over.
    """

    train: Part
    validation: Part
    labels: tuple[str, ...]
    fields: Fields
    facts: Mapping[str, Any]
    notes: tuple[str, ...]

    @property
    def inputs(self) -> Mapping[str, Axes]:
        """The axes of a network's inputs, by field."""
        return self.fields.inputs

    @property
    def encoder(self) -> Encoder:
        """The encoder of the only field."""
        return self.fields.encoder


def load_training(
    settings: DataSettings,
    seed: int,
    cache: Cache | None = None,
    wanted: Wanted = IMAGES,
    fields: Fields | None = None,
) -> TrainingData:
    """Reads the training and validation parts; of the test part only as much as shows that it can be evaluated.
    `cache` keeps inputs that do not fit into memory; without it, everything is read into memory. `wanted` has the kinds
    of input and target of the task. `fields` are those of a trained network; without them, they are fitted.
    Raises DataError with one sentence where the data is missing, damaged or unfit for training.
    """
    dataset = _open(settings, wanted)
    about_test = require_test(settings, dataset)
    kind = _targets(settings, dataset, wanted)
    targets = kind.encode(dataset.train)
    stay, held, shares = _division(settings, dataset, kind.strata(targets), seed)
    train, validation, fields = read_division(dataset, cache, kind, targets, stay, held, fields)
    chosen_by = dataset.train
    if validation is None:
        chosen_by = _own_part(settings.validation, dataset, "validation")
        validation = read_whole(chosen_by, kind, cache, fields)
    fields.require(validation, "the validation part")
    facts = {"labels": max(1, len(kind.names)), **kind.facts, **dataset.facts(), **fields.facts}
    notes = [*about_test, *dataset.notes(), *kind.notes, *fields.notes, *shares, *about_few(validation)]
    notes += about_absent(kind.absent(train.targets), "learn from") if dataset.divide else []
    notes += _about_validation(validation, kind, fields, dataset, None if held is not None else chosen_by)

    def raw() -> tuple[Any, Any]:
        return dataset.train.read(stay), chosen_by.read(np.arange(len(validation)) if held is None else held)

    notes += about_training(train, validation, wanted, targets[stay], raw)
    return TrainingData(train, validation, kind.names, fields, facts, tuple(notes))


def _targets(settings: DataSettings, dataset: Dataset, wanted: Wanted) -> Targets:
    """Targets of the kind that is wanted, fitted on the training part."""
    try:
        return TARGETS[wanted.target](dataset, None, settings.origin)
    except LabelsError as error:
        origin = SOURCES.origin(settings.source)
        if origin is None:
            raise
        raise origin.wrong(f"does not suit the task: {error}") from None


def _division(
    settings: DataSettings, dataset: Dataset, strata: Array, seed: int
) -> tuple[Array, Array | None, list[str]]:
    """Indices of the training examples, in the order of training, and of the validation examples held out of the same
    files (None where validation has files of its own); with notes on shares that came out otherwise.
    """
    stay, parts = np.arange(len(strata)), {}
    notes: list[str] = []
    for part, setting in (("test", settings.test), ("validation", settings.validation)):
        fraction = _fraction(setting, dataset, part)
        if fraction is not None:
            stay, parts[part] = hold_part_out(dataset, strata, stay, fraction, seed, part)
            held = len(parts[part])
            notes += about_share(part, held, held + len(stay), fraction, dataset.divide is None)
    if "validation" not in parts:
        stay = np.random.default_rng([seed, 0]).permutation(stay)
    notes += dataset.about_division({"train": stay, **dict(reversed(parts.items()))})
    return stay, parts.get("validation"), notes


def _about_validation(
    validation: Part, kind: Targets, fields: Fields, dataset: Dataset, own: Examples | None
) -> list[str]:
    """Notes on classes and categories that only the training or only the validation part has; `own` are the examples of
    a validation part with files of its own."""
    notes: list[str] = []
    if not (own and dataset.inputs == "texts"):  # sources of texts note it themselves
        notes += about_absent(kind.absent(validation.targets))
    tables = {field: encoder for field, encoder in fields.encoders.items() if isinstance(encoder, TableEncoder)}
    if own and tables:
        raw = by_field(own.read(np.arange(len(validation))), fields.encoders)
        for field, encoder in tables.items():
            new = NewWords(encoder.state())
            new.look(raw[field])
            notes += new.notes(own.origin)
    return notes


def load_test(
    settings: DataSettings,
    seed: int,
    labels: Sequence[str] | None = None,
    cache: Cache | None = None,
    wanted: Wanted = IMAGES,
    fields: Fields | None = None,
) -> Part:
    """Reads the test part that `load_training` with the same `seed` did not touch, in the order of its files; with
    notes on what was found and passed over in it.

    `labels` and `fields` are those of the trained network: DataError is raised where the data has changed to other
    labels, or to inputs that the network does not take.
    """
    dataset = _open(settings, wanted)
    known = set(dataset.notes())
    kind = _targets(settings, dataset, wanted)
    if labels is not None and tuple(labels) != kind.names:
        raise DataError(
            f"{dataset.train.origin} has other classes than the network was trained on: "
            f"{_difference(kind.names, tuple(labels))}"
        )
    fraction = _fraction(settings.test, dataset, "test")
    if fraction is not None:
        targets = kind.encode(dataset.train)
        _, held = hold_part_out(dataset, kind.strata(targets), np.arange(len(targets)), fraction, seed, "test")
        held = np.sort(held)
        test = read_part(dataset.train, held, targets, kind, cache, fields)
        names = dataset.train.called(held)
    else:
        own = _own_part(settings.test, dataset, "test")
        test = read_whole(own, kind, cache, fields)
        names = own.called(np.arange(len(test)))
    if fields is not None:
        fields.require(test, "the test part")
    return replace(test, notes=tuple(note for note in dataset.notes() if note not in known), names=names)


def _open(settings: DataSettings, wanted: Wanted) -> Dataset:
    dataset = settings.open()
    require_kinds(dataset.inputs, wanted, f"source {settings.source} gives", "the task learns from")
    return dataset


def require_kinds(inputs: str | Mapping[str, str], wanted: Wanted, gives: str, takes: str) -> None:
    """Raises DataError where the fields of a source, or their kinds, are not those of `wanted`."""
    if fields_of(inputs) != wanted.fields:
        raise DataError(f"{gives} {_listed(inputs)}, and {takes} {_listed(wanted.inputs)}")


def _listed(inputs: str | Mapping[str, str]) -> str:
    if isinstance(inputs, str):
        return inputs
    return ", ".join(f"{field} ({kind})" for field, kind in inputs.items())


def require_test(settings: DataSettings, dataset: Dataset) -> tuple[str, ...]:
    """Checks before a search that the test part can be evaluated after it, without reading its examples.
    Returns notes: why the data's own test part is unusable, where a share of the training part is held out instead.
    Raises DataError where the part cannot be evaluated, with such a share as the remedy, and where a share is asked for
    although the data has a usable test part.
    """
    place = settings.test if isinstance(settings.test, Path) else None
    if place is None and dataset.test is None:
        return ()
    fault = _fault(dataset, place)
    if isinstance(settings.test, float):
        if fault is None:
            raise DataError(_two_parts(settings.test, "test"))
        share = f"{settings.test:g} of the training part is held out in its stead"
        return (f"the test part that the data has of its own cannot be evaluated, and {share}: {fault}",)
    if fault is not None:
        raise DataError(
            f"the test part cannot be evaluated: {fault}; name another with test: PATH, or say test: {AUTO_FRACTION} "
            "to hold that share of the training part out",
            {"test": AUTO_FRACTION},
        )
    return ()


def _fault(dataset: Dataset, place: Path | None) -> str | None:
    try:
        if dataset.check_test is not None:
            dataset.check_test(place)
    except DataError as error:
        return str(error)
    return None


def _fraction(setting: str | float | Path, dataset: Dataset, part: str) -> float | None:
    """The share of the training part that becomes `part`; None where `part` has files of its own."""
    if isinstance(setting, Path):
        return None
    own = (dataset.test if part == "test" else dataset.validation) is not None
    if setting == "auto":
        return None if own else AUTO_FRACTION
    if own and part == "validation":
        raise DataError(_two_parts(setting, part))
    return float(setting)


def _two_parts(setting: object, part: str) -> str:
    return f"{part} is {setting}, and the data has a {part} part of its own: leave {part} out, and that part is used"


def _own_part(setting: str | float | Path, dataset: Dataset, part: str) -> Examples:
    if isinstance(setting, Path):
        assert dataset.elsewhere is not None
        return dataset.elsewhere(setting, part)
    own = dataset.test if part == "test" else dataset.validation
    assert own is not None
    return own()


def _difference(found: tuple[str, ...], wanted: tuple[str, ...]) -> str:
    new, gone = [n for n in found if n not in wanted], [n for n in wanted if n not in found]
    if new:
        return f"'{new[0]}' is new"
    return f"'{gone[0]}' is gone" if gone else "their order is different"
