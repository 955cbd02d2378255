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

from nas_cli.axes import Axes
from nas_cli.data.guards import hold_encoder, hold_source, hold_targets
from nas_cli.data.kind import KINDS as KINDS
from nas_cli.data.kind import TARGET_KINDS as TARGET_KINDS
from nas_cli.data.kind import Kind as Kind
from nas_cli.data.kind import TargetKind as TargetKind
from nas_cli.plugins import registered
from nas_cli.registry import Registry

Array = np.ndarray[Any, Any]
Divide = Callable[[Array, float, np.random.Generator], tuple[Array, Array]]
"""From examples of a training part, their indices (n,), the share of them to hold out, and a source of chance, to those
that stay and those that are held out: together all, once each, in any order. Raises DataError where that cannot be."""


@dataclass(frozen=True)
class Wanted:
    """What a task learns from, a kind of input (KINDS), and what it learns, a kind of target (TARGETS)."""

    inputs: str = "images"
    target: str = "class"


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
    """How examples become a network's inputs, fitted on the training part; kept with the weights of a network.

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

    def encode(self, raw: Array) -> Array:
        """Examples (n,) or (n, columns), as the source reads them, as inputs (n, *axes.shape). Ragged ones are as long
        as the longest."""
        ...

    def require(self, part: Part, whose: str) -> None:
        """Raises DataError where the inputs of `part` are none of these; `whose` says of what they are."""
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
    """Examples to use. `inputs`: for images uint8 (N, C, H, W), else as the encoder gives them. `targets` (n, …) are as
    their kind encodes them: int64 (n,), indices of labels; float32 (n,), numbers; or int64 (n, L), a label for each
    word and -100 after the last.

    Example i is `inputs[i]`, or `inputs[rows[i]]` where the inputs are a file of more, mapped and not in memory.
    `others` are labels, numbered after the training part's, that this part alone has. `notes` are sentences for the
    user on what was found and passed over. `names` (n,) are what examples of a test part are called, where the source
    says so: their files, say.
    """

    inputs: Array
    targets: Array
    rows: Array | None = None
    others: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, start: int, stop: int) -> Array:
        """The inputs of the examples from `start` to `stop`."""
        return self.inputs[start:stop] if self.rows is None else self.inputs[self.rows[start:stop]]


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
    dataset's `fit` takes; it raises DataError, and opens no more than it must. `names` takes indices (n,) and says what
    these examples are called, their files say; None where their numbers are all there is to say.
    """

    origin: str
    labels: Array
    read: Callable[[Array], Array]
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
    `fit` makes the encoder from the inputs of the training part; images need none. `facts` are what the source found
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
    inputs: str = "images"
    fit: Callable[[Array], Encoder] | None = None
    facts: Callable[[], Mapping[str, Any]] = dict
    notes: Callable[[], Sequence[str]] = tuple
    check_test: Callable[[Path | None], None] | None = None
    divide: Divide | None = None
    about_division: Callable[[Mapping[str, Array]], Sequence[str]] = _nothing


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
