"""What all inputs of a kind have in common, and all targets of one: what is asked of a kind by its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nas_cli.data.source import Array, Part


@dataclass(frozen=True)
class Repeats:
    """How examples of a kind that come again are told: what they are `called`, "pictures" say, `how` they are the same,
    ", pixel for pixel", how many are worth a word at `least`, and the `digest` of each of a part's, integers (n,); None
    where they are compared as a source reads them. `contradict`: whether the same in several classes is said too.
    """

    called: str
    how: str
    least: int
    digest: Callable[[Part], Array] | None = None
    contradict: bool = False


@dataclass(frozen=True)
class Kind:
    """A kind of input. Its name in KINDS is what examples are called in sentences, "images" say, and `field` is what
    one of them is called where a network takes it, "image".

    `raw` ones, uint8 (N, C, H, W), go into a network as a source reads them, so that no source fits an encoder.
    """

    field: str
    raw: bool = False
    repeats: Repeats | None = None


@dataclass(frozen=True)
class TargetKind:
    """What all targets of a kind have in common: what the `names` of classes and the like are `called` in sentences.

    `outside` is what a target (H, W) that lies on the pixels of an image, as a mask does, has where something comes in
    from outside: it moves as the image does. None where targets are of images as a whole. `classes` are indices (n,) of
    names, one for each example, and may become shares of them, (n, names).
    """

    called: str = "labels"
    outside: int | None = None
    classes: bool = False


KINDS: dict[str, Kind] = {}
"""Kinds of input, by their names."""
TARGET_KINDS: dict[str, TargetKind] = {}
"""By the names of TARGETS."""


def target_kind(name: str) -> TargetKind:
    """What is known of targets of a kind; of one that says nothing the usual."""
    return TARGET_KINDS.get(name, TargetKind())
