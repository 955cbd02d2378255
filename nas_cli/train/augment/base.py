"""What an augmentation is, and which data each is made for.

    @augmentation("noise", targets={"class", "number", "mask"})
    def noise(size: NonNegative = 0.1) -> Augmentation:
        "Adds noise to every pixel."

        def apply(batch: Batch, generator: torch.Generator) -> Batch:
            noise = torch.randn(batch.inputs.shape, generator=generator).to(batch.inputs.device)
            return batch.with_(inputs=batch.inputs + size * noise)

        return apply

Inputs are normalised: what is filled with zero is filled with the mean. Each example is drawn on its own. What is drawn
is small and drawn on the CPU, so that every device sees the same numbers, and no device lacks a distribution.
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
"""Takes a batch and a generator on the CPU; gives a batch of the same shape."""


@dataclass(frozen=True)
class Fit:
    """The kinds of input that an augmentation is made for, and the kinds of target that it `names` as right after it;
    whether it blends the targets of several examples, and whether it moves pixels, and what lies on them too."""

    inputs: frozenset[str]
    names: frozenset[str]
    blends: bool = False
    moves: bool = False

    @property
    def targets(self) -> frozenset[str]:
        """All kinds of target that are right after it."""
        moved = {name for name, kind in TARGET_KINDS.items() if kind.outside is not None}
        return self.names | moved if self.moves else self.names


class Augmentations(Registry[Callable[..., Augmentation]]):
    """The registered augmentations, and what each of them fits."""

    def __init__(self) -> None:
        super().__init__("augmentation", guard=hold_augmentation)
        self._fits: dict[str, Fit] = {}

    def fit(self, name: str) -> Fit:
        self[name]  # raises where there is none
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
        """That the augmentation `name`, which is registered next, fits `fit`."""
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
    """Decorator: makes a function of the spec's arguments to an Augmentation the augmentation of that name.

    `inputs` are the kinds of input that it is made for. `targets` are the kinds of target that are right after it: it
    leaves what is to be learned as it is, or it changes the targets too, as a mirror does masks. A plugin's own kinds
    may be named; `batch.target` says which kind a batch has. One that `blends` the targets of several examples can
    never be said to leave a target unchanged. One that `moves` pixels moves what lies on them too, targets of whatever
    kind says what comes in from outside: masks, and those of plugins.
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
    """A number from `low` to `high` for each of `count` examples, on the CPU."""
    return low + (high - low) * torch.rand(count, generator=generator)
