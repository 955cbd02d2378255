"""From the `data:` section to arrays: the training and validation parts, or the test part, never both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from nas_cli.axes import Axes
from nas_cli.data.cache import Cache
from nas_cli.data.kinds.classes import LabelsError
from nas_cli.data.kinds.image import fit_images
from nas_cli.data.kinds.new_words import NewWords
from nas_cli.data.kinds.row import TableEncoder
from nas_cli.data.part_notes import about_absent, about_few, about_share
from nas_cli.data.repeated import (
    about_contradicting_texts,
    about_contradictions,
    about_repeated,
    about_repeated_words,
)
from nas_cli.data.settings import AUTO_FRACTION, DataSettings
from nas_cli.data.source import KINDS, SOURCES, TARGETS, Array, Dataset, Encoder, Examples, Part, Targets, Wanted
from nas_cli.data.split import hold_part_out
from nas_cli.errors import DataError

IMAGES = Wanted()


@dataclass(frozen=True)
class TrainingData:
    """What a search sees. `labels` names the classes or tags; `encoder` makes inputs of examples.

    `facts` of the encoder, of the source and of the targets are for ops and heads. `notes` are sentences for the user
    on what was found, guessed and passed over. `field` is what the input is called.
    """

    train: Part
    validation: Part
    labels: tuple[str, ...]
    encoder: Encoder
    facts: Mapping[str, Any]
    notes: tuple[str, ...]
    field: str

    @property
    def inputs(self) -> Mapping[str, Axes]:
        """What comes into a network, by field."""
        return {self.field: self.encoder.axes}


def load_training(
    settings: DataSettings,
    seed: int,
    cache: Cache | None = None,
    wanted: Wanted = IMAGES,
    encoder: Encoder | None = None,
) -> TrainingData:
    """Reads the training and the validation part; of the test part no more than tells whether it can be evaluated.

    `cache` is where inputs go that do not fit into memory; without one, everything is read into memory. `wanted` is
    what the task learns from and what it learns. `encoder` is that of a trained network; else one is fitted.
    Raises DataError with one sentence where the data is missing, damaged or cannot be learned from.
    """
    dataset = _open(settings, wanted)
    about_test = require_test(settings, dataset)
    kind = _targets(settings, dataset, wanted)
    targets = kind.encode(dataset.train)
    stay, held, shares = _division(settings, dataset, kind.strata(targets), seed)
    train, validation, encoder = _read(dataset, cache, kind, targets, stay, held, encoder)
    chosen_by = dataset.train
    if validation is None:
        chosen_by = _own_part(settings.validation, dataset, "validation")
        validation = _whole(chosen_by, kind, cache, encoder)
    encoder.require(validation, "the validation part")
    facts = {"labels": max(1, len(kind.names)), **kind.facts, **dataset.facts(), **encoder.facts}
    notes = [*about_test, *dataset.notes(), *kind.notes, *encoder.notes, *shares, *about_few(validation)]
    notes += about_absent(kind.absent(train.targets), "learn from") if dataset.divide else []
    notes += _about_validation(validation, kind, encoder, dataset, None if held is not None else chosen_by)
    notes += about_repeated(train, validation, dataset.inputs, "to choose by")
    if dataset.inputs == "images" and wanted.target == "class":
        notes += about_contradictions(train)
    if dataset.inputs in ("texts", "sentences"):
        others = chosen_by.read(np.arange(len(validation)) if held is None else held)
        learned = dataset.train.read(stay)
        notes += about_repeated_words(learned, others, dataset.inputs, "to choose by")
        notes += about_contradicting_texts(learned, targets[stay]) if dataset.inputs == "texts" else []
    return TrainingData(train, validation, kind.names, encoder, facts, tuple(notes), field_of(wanted))


def _targets(settings: DataSettings, dataset: Dataset, wanted: Wanted) -> Targets:
    """Of the kind that is wanted, fitted on the training part."""
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
    """Which examples of the training part's files are learned from, in the order of the training, and which are held
    out to choose by, None where these have files of their own; with notes on shares that came out otherwise.
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


def _read(
    dataset: Dataset,
    cache: Cache | None,
    kind: Targets,
    targets: Array,
    stay: Array,
    held: Array | None,
    encoder: Encoder | None,
) -> tuple[Part, Part | None, Encoder]:
    """The training part, what is held out of it, and the encoder, fitted on the training part where there is none."""
    mapped = cache.inputs(dataset.train) if cache else None
    validation = None
    if mapped is not None:
        train = Part(mapped, targets[stay], stay)
        validation = Part(mapped, targets[held], held) if held is not None else None
    elif dataset.fit:
        in_order = np.sort(stay)  # what lies in memory as in the file is read several times as fast in that order
        raw = dataset.train.read(in_order)
        encoder = encoder or dataset.fit(raw)
        train = _taken(encoder.encode(raw)[np.searchsorted(in_order, stay)], targets[stay], kind)
        validation = _part(dataset.train, held, targets, kind, None, encoder) if held is not None else None
    else:
        inputs = dataset.train.read(stay if held is None else np.concatenate([stay, held]))  # at once: it may unpack
        train = Part(inputs[: len(stay)], targets[stay])
        validation = Part(inputs[len(stay) :], targets[held]) if held is not None else None
    return train, validation, encoder or fit_images(train)


def _about_validation(
    validation: Part, kind: Targets, encoder: Encoder, dataset: Dataset, own: Examples | None
) -> list[str]:
    """Notes on classes and categories that the part lacks, or alone has; `own` are its files, where it has some."""
    notes: list[str] = []
    if not (own and dataset.inputs == "texts"):  # which says so itself
        notes += about_absent(kind.absent(validation.targets))
    if own and isinstance(encoder, TableEncoder):
        new = NewWords(encoder.state())
        new.look(own.read(np.arange(len(validation))))
        notes += new.notes(own.origin)
    return notes


def field_of(wanted: Wanted) -> str:
    """What the field is called that comes into a network."""
    return KINDS[wanted.inputs].field


def load_test(
    settings: DataSettings,
    seed: int,
    labels: Sequence[str] | None = None,
    cache: Cache | None = None,
    wanted: Wanted = IMAGES,
    encoder: Encoder | None = None,
) -> Part:
    """Reads the test part that `load_training` with the same `seed` left alone, in the order of its files; with notes
    on what was found and passed over in it.

    `labels` are those of the trained network, and `encoder` its own: DataError is raised where the data has others by
    now, or inputs that the network does not take.
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
        test = _part(dataset.train, held, targets, kind, cache, encoder)
        names = dataset.train.called(held)
    else:
        own = _own_part(settings.test, dataset, "test")
        test = _whole(own, kind, cache, encoder)
        names = own.called(np.arange(len(test)))
    if encoder is not None:
        encoder.require(test, "the test part")
    return replace(test, notes=tuple(note for note in dataset.notes() if note not in known), names=names)


def _open(settings: DataSettings, wanted: Wanted) -> Dataset:
    dataset = settings.open()
    if dataset.inputs != wanted.inputs:
        raise DataError(f"source {settings.source} gives {dataset.inputs}, and the task learns from {wanted.inputs}")
    return dataset


def _taken(inputs: Array, targets: Array, kind: Targets) -> Part:
    """Ragged targets are as wide as the inputs: the longest of a part may be shorter than that of its file."""
    return Part(inputs, targets[:, : inputs.shape[-1]] if kind.ragged else targets)


def _encoded(raw: Array, encoder: Encoder | None) -> Array:
    return raw if encoder is None else encoder.encode(raw)


def require_test(settings: DataSettings, dataset: Dataset) -> tuple[str, ...]:
    """Makes sure before a search that the test part can be evaluated after it, without reading its examples.

    Returns notes: why a test part of the data's own is not used, where a share of the training part is held out in its
    stead. Raises DataError where the part cannot be evaluated, with that share as the remedy, and where a share is
    asked for although the data has a test part that can.
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
    """The share of the training part that makes `part`; None where it has files of its own."""
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


def _part(
    examples: Examples, indices: Array, targets: Array, kind: Targets, cache: Cache | None, encoder: Encoder | None
) -> Part:
    mapped = cache.inputs(examples) if cache else None
    if mapped is not None:
        return Part(mapped, targets[indices], indices)
    return _taken(_encoded(examples.read(indices), encoder), targets[indices], kind)


def _whole(examples: Examples, kind: Targets, cache: Cache | None, encoder: Encoder | None) -> Part:
    targets = kind.encode(examples)
    part = _part(examples, np.arange(len(targets)), targets, kind, cache, encoder)
    return replace(part, others=kind.others(examples))


def _difference(found: tuple[str, ...], wanted: tuple[str, ...]) -> str:
    new, gone = [n for n in found if n not in wanted], [n for n in wanted if n not in found]
    if new:
        return f"'{new[0]}' is new"
    return f"'{gone[0]}' is gone" if gone else "their order is different"
