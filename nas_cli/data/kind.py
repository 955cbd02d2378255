"""Properties of kinds of input and of kinds of target, looked up by the name of the kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nas_cli.data.source import Array, Part


@dataclass(frozen=True)
class Repeats:
    """How repeated examples of a kind are found and reported. In the note, `called` is their plural ("pictures") and
    `how` says in what they agree (", pixel for pixel"); fewer than `least` are not reported. `digest` hashes the
    examples of a part, integers (n,); None where they are compared as a source reads them. `contradict`: equal examples
    of several classes are reported too.
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

    `raw` inputs, uint8 (N, C, H, W), go into a network as a source reads them: no source fits an encoder for them.
    """

    field: str
    raw: bool = False
    repeats: Repeats | None = None


@dataclass(frozen=True)
class TargetKind:
    """A kind of target. In sentences, the `names` of its classes are `called` so.

    `outside` is for targets (H, W) with a value for each pixel of an image, such as masks, which move with the image:
    the value of pixels that come in from outside. None where a target belongs to the image as a whole. `classes`:
    targets are indices of names, (n,), and may be mixed into probabilities, (n, names).
    """

    called: str = "labels"
    outside: int | None = None
    classes: bool = False


KINDS: dict[str, Kind] = {}
"""Kinds of input, by their names."""
TARGET_KINDS: dict[str, TargetKind] = {}
"""Kinds of target, by their names in TARGETS."""


def target_kind(name: str) -> TargetKind:
    """The properties of a kind of target; the defaults for a kind that registered none."""
    return TARGET_KINDS.get(name, TargetKind())
