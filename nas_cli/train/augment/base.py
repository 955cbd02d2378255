"""Augmentations: their registry, and the kinds of data that each fits.

    @augmentation("noise", targets={"class", "number", "mask"})
    def noise(size: NonNegative = 0.1) -> Augmentation:
        "Adds noise to every pixel."

        def apply(batch: Batch, generator: torch.Generator) -> Batch:
            noise = torch.randn(batch.inputs.shape, generator=generator).to(batch.inputs.device)
            return batch.with_(inputs=batch.inputs + size * noise)

        return apply

Inputs are normalised: a pixel filled with zero has the mean value. Random numbers are drawn for each example, on the
CPU: they are few, every device gets the same ones, and no device lacks a distribution.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import torch
from torch import Tensor

from nas_cli.data.kind import KINDS, TARGET_KINDS
from nas_cli.data.source import TARGETS
from nas_cli.errors import SpecError, did_you_mean
from nas_cli.plugins import Origin
from nas_cli.registry import Registry, short
from nas_cli.train.batch import Batch
from nas_cli.train.guards import hold_augmentation

Augmentation = Callable[[Batch, torch.Generator], Batch]
"""Takes a batch and a generator on the CPU; returns a batch of the same shape."""


@dataclass(frozen=True)
class Fit:
    """The kinds of data that an augmentation fits: `inputs` are the kinds of input, `names` the kinds of target that
    stay correct. `blends`: it mixes the targets of several examples. `moves`: it moves pixels, and targets with them.
    """

    inputs: frozenset[str]
    names: frozenset[str]
    blends: bool = False
    moves: bool = False

    @property
    def targets(self) -> frozenset[str]:
        """All kinds of target that stay correct."""
        moved = {name for name, kind in TARGET_KINDS.items() if kind.outside is not None}
        return self.names | moved if self.moves else self.names


class Augmentations(Registry[Callable[..., Augmentation]]):
    """The registered augmentations, and what each of them fits."""

    def __init__(self) -> None:
        super().__init__("augmentation", guard=hold_augmentation)
        self._fits: dict[str, Fit] = {}

    def fit(self, name: str) -> Fit:
        self[name]  # raises SpecError where the name is unknown
        return self._fits[name]

    def _require_usable(self, name: str, origin: Origin) -> None:
        super()._require_usable(name, origin)
        fit = self.fit(name)
        for what, named, known in (("input", fit.inputs, KINDS), ("target", fit.targets, TARGETS)):
            for kind in sorted(named):
                if kind not in known:
                    raise SpecError(
                        f"augmentation '{name}' is for the kind of {what} '{short(kind)}'{did_you_mean(kind, known)}"
                    )

    def say(self, name: str, fit: Fit) -> None:
        """Notes the `fit` of the augmentation `name`."""
        self._fits[name] = fit


AUGMENTS = Augmentations()


def augmentation(
    name: str,
    *,
    inputs: str | Collection[str] = ("images",),
    targets: str | Collection[str] = ("class",),
    blends: bool = False,
    moves: bool = False,
) -> Callable[[Callable[..., Augmentation]], Callable[..., Augmentation]]:
    """Decorator: registers a function from the spec's arguments to an Augmentation under `name`.

    Args:
        inputs: the kinds of input that it is made for.
        targets: the kinds of target that stay correct: the augmentation does not affect them, or changes them in step
            with the inputs, as `flip` mirrors masks. Kinds of plugins may be named; `batch.target` is a batch's kind.
        blends: it mixes the targets of several examples, so a task's `unchanged_by` must not name it.
        moves: it moves pixels, and in step with them targets of every kind that has a fill value `outside`: masks, and
            such kinds of plugins.
    """
    add = AUGMENTS.register(name)
    fit = Fit(_names(inputs), _names(targets), blends, moves)

    def say_and_add(function: Callable[..., Augmentation]) -> Callable[..., Augmentation]:
        added = add(function)
        AUGMENTS.say(name, fit)
        return added

    return say_and_add


def _names(given: str | Collection[str]) -> frozenset[str]:
    return frozenset({given} if isinstance(given, str) else given)


def evenly(count: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    """Uniform random numbers from `low` to `high`, (count,), on the CPU."""
    return low + (high - low) * torch.rand(count, generator=generator)
