"""What a source is: files in one format, as examples that are read when they are needed. A source is one file.

    @SOURCES.register("idx")
    def idx(path: Path, labels: list[str] | None = None) -> Dataset: ...

The function's arguments are the source's keys in the `data:` section; one that is named `path` says that the source
reads files, and lets `validation:` and `test:` be paths of the same format.
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
"""From examples of a training part, their indices (n,), the share of them to hold out, and a source of chance, to those
that stay and those that are held out: together all, once each, in any order. Raises DataError where that cannot be."""
Raw = Array | Mapping[str, Array]
"""Examples (n, …) as a source reads them; where several fields come in, those of each by its name."""


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
    """How examples of one field become a network's inputs, fitted on the training part; kept with the network's
    weights.

    `kind` is the name by which ENCODERS makes it again. `axes` are those of one input. Where it is `raw`, a network
    takes examples as a source reads them, and normalises them by `levels`. `facts` is what ops may take from the data,
    JSON; `notes` are sentences for the user on what was found. `assets` are arrays that layers begin with, by name:
    `vectors` float32 (n, size) of the last n words, say. A module's `first_weights` gets them as tensors.
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
        """Examples (n,) or (n, columns), as the source reads them, as inputs (n, *axes.shape). Ragged ones are as long
        as the longest; those that are floats come as Column(values, lengths=…)."""
        ...

    def require(self, column: Column[Array], whose: str) -> None:
        """Raises DataError where the examples of `column` are none of these; `whose` says of what they are."""
        ...

    def read(self, arguments: Sequence[str]) -> list[tuple[str, Array]]:
        """What a user wants predicted, files or texts: a name and the raw example (1, …) of each. Raises DataError."""
        ...

    def state(self) -> dict[str, Any]:
        """All of it as JSON data, with its `kind`."""
        ...


class Targets(Protocol):
    """How labels become targets, fitted on the training part. `names` are of classes, of tags, or of several numbers;
    () for one number. `facts` is what heads and ops may take of them, JSON; `notes` are sentences for the user on what
    is guessed of labels, and on what makes scores doubtful. `ragged` targets have a value for each place of a ragged
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
        """For each example a number (N,); those with the same one are divided in proportion."""
        ...

    def others(self, examples: Examples) -> tuple[str, ...]:
        """Labels of `examples` that the training part does not have, where such can be scored; they are numbered after
        `names`."""
        ...

    def absent(self, targets: Array) -> Sequence[str]:
        """Those of `names` that none of `targets` is or has, where a part that lacks one says less; of a plugin's
        targets this may be left out."""
        ...


@dataclass(frozen=True)
class Part:
    """Examples to use. `columns` are the fields that come into a network, by name: images uint8 (N, C, H, W), all else
    as the field's encoder gives it. `targets` (n, …) are as their kind encodes them: int64 (n,), indices of labels;
    float32 (n,), numbers; or int64 (n, L), a label for each word and -100 after the last.

    `others` are labels, numbered after the training part's, that this part alone has. `notes` are sentences for the
    user on what was found and passed over. `along` names the ragged field each place of which has a target; None where
    an example has one. `names` (n,) are what examples of a test part are called, where the source
    says so: their files, say.
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
        """The one field that there is."""
        (column,) = self.columns.values()
        return column

    @property
    def inputs(self) -> Array:
        """The values of the one field that there is."""
        return self.column.values


@dataclass(frozen=True)
class Stream:
    """Another way to read all inputs of a part: in their order, in pieces, for data that does not fit into memory.

    `chunks` gives uint8 (n, C, H, W) pieces. Inputs that take more than `above` bytes are read this way, once, and are
    kept on disk for as long as `files` and `settings()`, which says how they are read, stay the same.
    """

    chunks: Callable[[], Iterator[Array]]
    files: Sequence[Path]
    settings: Callable[[], str]
    above: int


@dataclass(frozen=True)
class Examples:
    """Examples in files. `labels` (N, …) are as the kind of target takes them: integers or texts, as the files have
    them, tuples of texts, a tag a word, and so on. `origin` names them in messages.

    `read` takes indices (n,) and returns these inputs in this order: for images uint8 (n, C, H, W), else what the
    dataset's `fit` takes, and of several fields a mapping with those of each; it raises DataError, and opens no more
    than it must. `names` takes indices (n,) and says what
    these examples are called, their files say; None where their numbers are all there is to say.
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
    """A source's parts. `train` is all there is, where the files come without a division.

    `validation` and `test` are the parts that the files have of their own; calling one opens its files, and not before.
    `elsewhere` reads a part ("validation" or "test") from another path; None where the source reads no files.
    `names` are the names of the classes 0, 1, … where labels are integers and the user says what they stand for.
    `inputs` is the kind of input that the source gives, or of several fields the kind of each by its name. `fit` makes
    the encoder from the inputs of the training part, or of several fields that of each by its name; images need none.
    `facts` are what the source found
    and a network must be given its inputs by, and `notes` are sentences for the user: what was guessed, and how to say
    otherwise, and what was passed over. Both are asked for after the training part was read.
    `check_test` says whether the test part that the data has of its own (None), or the one at a path, can be evaluated,
    as far as the names of its files, their headers and a first example tell: it raises DataError where it cannot.
    `divide` holds a part out of the training part where shuffling would be wrong (`nas_cli.data.split` has ways: by
    group, by time, by position); None shuffles, stratified. The test part is held out first, the validation part of
    what is left. `about_division` takes the indices of the examples of each part that came of it, by its name, "train"
    say, and gives notes.
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
"""From (dataset, labels, origin) to the targets of a kind, fitted on the dataset's training part. Where `labels` are
given, they are those of a trained network, and so is `origin`, and nothing is fitted. Raises DataError."""
SOURCES: Registry[Callable[..., Dataset]] = Registry("source", guard=hold_source)
ENCODERS: Registry[Callable[[Mapping[str, Any]], Encoder]] = Registry("encoder", guard=hold_encoder)
"""From an encoder's `state` to the encoder. Raises KeyError, TypeError or ValueError where it is damaged."""


def source(name: str) -> Callable[[Callable[..., Dataset]], Callable[..., Dataset]]:
    """Decorator: makes a function, whose arguments are keys of the `data:` section, the source of that name."""
    return SOURCES.register(name)


def encoder(kind: str) -> Callable[[Callable[..., Encoder]], Callable[..., Encoder]]:
    """Decorator: makes a function from an encoder's `state()` to the encoder the way back for states of that kind.
    Where no kind of input has that name, there is one from now on, so that sources and tasks may name it.
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
    """Decorator: makes a function of (dataset, labels, origin) the way to targets of that kind, see TARGETS.

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
