"""The contracts of sources, encoders and targets. A source gives files of one format as examples, read on demand.

    @SOURCES.register("idx")
    def idx(path: Path, labels: list[str] | None = None) -> Dataset: ...

The function's arguments are the source's keys in the `data:` section. An argument `path` says that the source reads
files; `validation:` and `test:` may then be paths of the same format.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np

from nas_cli.axes import Axes, Column
from nas_cli.data.encoder_guard import hold_encoder
from nas_cli.data.guards import hold_source, hold_targets
from nas_cli.data.kind import KINDS, TARGET_KINDS, Kind, TargetKind
from nas_cli.plugins import registered
from nas_cli.registry import Registry

Array = np.ndarray[Any, Any]
Divide = Callable[[Array, float, np.random.Generator], tuple[Array, Array]]
"""(indices (n,) of training examples, fraction to hold out, generator) -> (indices that stay, indices held out): each
index once, in any order. Raises DataError where that is impossible."""
Raw = Array | Mapping[str, Array]
"""Examples (n, …) as a source reads them; with several fields, a mapping from field to its values."""


@dataclass(frozen=True)
class Levels:
    """Mean and standard deviation of each channel of images, in units of their values, 0 to 255."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def from_data(cls, data: Mapping[str, Sequence[float]]) -> Levels:
        return cls(tuple(data["mean"]), tuple(data["std"]))


NO_ASSETS: Mapping[str, Array] = MappingProxyType({})


class Encoder(Protocol):
    """Turns examples of one field into a network's inputs; fitted on the training part and kept with the weights.
    `kind` is its name in ENCODERS, which rebuilds it. `axes` are those of one input. `raw`: a network takes the
    examples as a source reads them, and normalises them by `levels`. `facts` is JSON data for ops; `notes` are
    sentences for the user on what was found. `assets` are arrays that initialise layers, by name: `vectors` float32 (n,
    size) of the last n words, say. A module's `first_weights` gets them as tensors.
    """

    @property
    def kind(self) -> str: ...
    @property
    def raw(self) -> bool: ...
    @property
    def axes(self) -> Axes: ...
    @property
    def levels(self) -> Levels | None: ...
    @property
    def facts(self) -> Mapping[str, Any]: ...
    @property
    def notes(self) -> tuple[str, ...]: ...
    @property
    def assets(self) -> Mapping[str, Array]: ...

    def encode(self, raw: Array) -> Array | Column[Array]:
        """Encodes examples (n,) or (n, columns), as the source reads them, into inputs (n, *axes.shape). Ragged inputs
        are padded to the longest; ragged floats are given as Column(values, lengths=…)."""
        ...

    def require(self, column: Column[Array], whose: str) -> None:
        """Raises DataError where the examples of `column` do not fit this encoder; `whose` names their origin."""
        ...

    def read(self, arguments: Sequence[str]) -> list[tuple[str, Array]]:
        """Reads examples to predict, given as files or texts: (name, raw example (1, …)) of each. Raises DataError."""
        ...

    def state(self) -> dict[str, Any]:
        """The whole encoder as JSON data, with its `kind`."""
        ...


class Targets(Protocol):
    """Turns labels into targets; fitted on the training part. `names` are those of classes, of tags, or of several
    numbers; () for one number. `facts` is JSON data for heads and ops; `notes` are sentences for the user on what was
    guessed of labels, and on what makes scores doubtful. `ragged` targets have a value for each position of a ragged
    input.
    """

    @property
    def names(self) -> tuple[str, ...]: ...
    @property
    def facts(self) -> Mapping[str, Any]: ...
    @property
    def notes(self) -> Sequence[str]: ...
    @property
    def ragged(self) -> bool: ...

    def encode(self, examples: Examples) -> Array:
        """The targets of `examples`, (N, …). Raises DataError."""
        ...

    def strata(self, targets: Array) -> Array:
        """The stratum of each example, integers (N,): every stratum is divided in the same proportion."""
        ...

    def others(self, examples: Examples) -> tuple[str, ...]:
        """Labels of `examples` that the training part lacks, where the task can score them; their indices follow those
        of `names`."""
        ...

    def absent(self, targets: Array) -> Sequence[str]:
        """Those of `names` that do not occur in `targets`, where that weakens the scores of a part. A plugin's targets
        may leave this method out."""
        ...


@dataclass(frozen=True)
class Part:
    """Examples to use. `columns` are the input fields by name: images uint8 (N, C, H, W), others as the field's encoder
    gives them. `targets` (n, …) are as their kind encodes them: int64 (n,), indices of labels; float32 (n,), numbers;
    or int64 (n, L), a label for each word and -100 after the last.
    `others` are labels that only this part has, with indices after those of the training part. `notes` are sentences
    for the user on what was found and passed over. `along` names the ragged field whose every position has a target;
    None where an example has a single target. `names` (n,) identify the examples of a test part, by their files say,
    where the source can.
    """

    columns: Mapping[str, Column[Array]]
    targets: Array
    others: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    along: str | None = None

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def column(self) -> Column[Array]:
        """The only field."""
        (column,) = self.columns.values()
        return column

    @property
    def inputs(self) -> Array:
        """The values of the only field."""
        return self.column.values


@dataclass(frozen=True)
class Stream:
    """Sequential chunks of a part's inputs, for data larger than memory.
    `chunks` gives uint8 (n, C, H, W). Inputs of more than `above` bytes are read this way, once, and kept on disk as
    long as `files` and `settings()` (how they are read) stay the same.
    """

    chunks: Callable[[], Iterator[Array]]
    files: Sequence[Path]
    settings: Callable[[], str]
    above: int


@dataclass(frozen=True)
class Examples:
    """Examples in files. `labels` (N, …) are as the kind of target takes them: integers, texts as in the files, tuples
    of one tag for each word, and so on. `origin` names them in messages.

    `read` takes indices (n,) and returns these inputs in this order: for images uint8 (n, C, H, W), else what the
    dataset's `fit` takes; with several fields, a mapping from field to its inputs. It raises DataError, and opens no
    more files than it must. `names` takes indices (n,) and names these examples, by their files say; None where
    examples have no names.
    """

    origin: str
    labels: Array
    read: Callable[[Array], Any]
    stream: Stream | None = None
    names: Callable[[Array], Sequence[str]] | None = None

    def called(self, indices: Array) -> tuple[str, ...]:
        """The names of these examples; () where they have none."""
        return tuple(self.names(indices)) if self.names is not None else ()


def _nothing(parts: Mapping[str, Array]) -> Sequence[str]:
    return ()


@dataclass(frozen=True)
class Dataset:
    """A source's parts. `train` is everything, where the files are not divided.

    `validation` and `test` are the data's own parts; their files are opened by the call, not before. `elsewhere` reads
    a part ("validation" or "test") from another path; None where the source reads no files.
    `names` are the names of the classes 0, 1, … where labels are integers and the user says what they stand for.
    `inputs` is the kind of input that the source gives; with several fields, a mapping from field to kind. `fit` makes
    the encoder from the inputs of the training part; with several fields, a mapping from field to such a function;
    images need none. `facts` are findings of the source that are needed to read inputs for the network again, and
    `notes` are sentences for the user: what was guessed, how to say otherwise, and what was passed over. Both are
    called after the training part was read.
    `check_test` raises DataError where the data's own test part (None), or the one at a path, cannot be evaluated, as
    far as file names, headers and a first example show. `divide` holds a part out of the training part where shuffling
    would be wrong (`nas_cli.data.split` has ways: by group, by time, by position); None shuffles, stratified. The test
    part is held out first, the validation part of what is left. `about_division` takes the indices of the examples of
    each resulting part, by its name ("train"), and gives notes.
    """

    train: Examples
    validation: Callable[[], Examples] | None = None
    test: Callable[[], Examples] | None = None
    elsewhere: Callable[[Path, str], Examples] | None = None
    names: tuple[str, ...] | None = None
    inputs: str | Mapping[str, str] = "images"
    fit: Fit | Mapping[str, Fit] | None = None
    facts: Callable[[], Mapping[str, Any]] = dict
    notes: Callable[[], Sequence[str]] = tuple
    check_test: Callable[[Path | None], None] | None = None
    divide: Divide | None = None
    about_division: Callable[[Mapping[str, Array]], Sequence[str]] = _nothing


Fit = Callable[[Any], Encoder]
TARGETS: Registry[Callable[..., Targets]] = Registry("kind of target", supplied=3, guard=hold_targets)
"""(dataset, labels, origin) -> the targets of a kind, fitted on the dataset's training part. Given `labels` and
`origin` are those of a trained network; then nothing is fitted. Raises DataError."""
SOURCES: Registry[Callable[..., Dataset]] = Registry("source", guard=hold_source)
ENCODERS: Registry[Callable[[Mapping[str, Any]], Encoder]] = Registry("encoder", guard=hold_encoder)
"""Rebuilds an encoder from its `state`. Raises KeyError, TypeError or ValueError where the state is damaged."""


def source(name: str) -> Callable[[Callable[..., Dataset]], Callable[..., Dataset]]:
    """Decorator: makes a function, whose arguments are keys of the `data:` section, the source of that name."""
    return SOURCES.register(name)


def encoder(kind: str) -> Callable[[Callable[..., Encoder]], Callable[..., Encoder]]:
    """Decorator: registers a function that rebuilds encoders of that kind from their `state()`.
    If no kind of input has that name, one is added, so that sources and tasks may name it.
    """

    def register(restore: Callable[..., Encoder]) -> Callable[..., Encoder]:
        ENCODERS.register(kind)(restore)
        if kind not in KINDS:
            KINDS[kind] = Kind(kind)
            registered(lambda: KINDS.pop(kind, None), lambda: None)
        return restore

    return register


def target(
    kind: str, *, called: str = "labels", outside: int | None = None, classes: bool = False
) -> Callable[[Callable[..., Targets]], Callable[..., Targets]]:
    """Decorator: registers a function (dataset, labels, origin) that makes targets of that kind, see TARGETS.

    The other arguments are those of TargetKind.
    """
    add = TARGETS.register(kind)

    def register(make: Callable[..., Targets]) -> Callable[..., Targets]:
        added = add(make)
        TARGET_KINDS[kind] = TargetKind(called, outside, classes)
        if TARGETS.origin(kind) is not None:
            registered(lambda: TARGET_KINDS.pop(kind, None), lambda: None)
        return added

    return register
