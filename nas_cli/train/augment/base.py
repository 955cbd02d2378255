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

from nas_cli.registry import Registry
from nas_cli.train.batch import Batch
from nas_cli.train.guards import hold_augmentation

Augmentation = Callable[[Batch, torch.Generator], Batch]
"""Takes a batch and a generator on the CPU; gives a batch of the same shape."""


@dataclass(frozen=True)
class Fit:
    """The kinds of input that an augmentation is made for, and the kinds of target that its result is right for."""

    inputs: frozenset[str] = frozenset({"images"})
    targets: frozenset[str] = frozenset({"class"})


class Augmentations(Registry[Callable[..., Augmentation]]):
    """The registered augmentations, and what each of them fits."""

    def __init__(self) -> None:
        super().__init__("augmentation", guard=hold_augmentation)
        self._fits: dict[str, Fit] = {}

    def fit(self, name: str) -> Fit:
        self[name]  # raises where there is none
        return self._fits[name]

    def say(self, name: str, fit: Fit) -> None:
        """That the augmentation `name`, which is registered next, fits `fit`."""
        self._fits[name] = fit


AUGMENTS = Augmentations()


def augmentation(
    name: str, *, inputs: Collection[str] = ("images",), targets: Collection[str] = ("class",)
) -> Callable[[Callable[..., Augmentation]], Callable[..., Augmentation]]:
    """Decorator: makes a function of the spec's arguments to an Augmentation the augmentation of that name.

    `inputs` are the kinds of input that it is made for. `targets` are the kinds of target that are right after it: it
    does not change what is to be learned ("number"), or it moves the targets along ("mask"). A plugin's own kinds may
    be named too; `batch.target` says which kind a batch has.
    """
    add = AUGMENTS.register(name)
    fit = Fit(frozenset(inputs), frozenset(targets))

    def say_and_add(function: Callable[..., Augmentation]) -> Callable[..., Augmentation]:
        added = add(function)
        AUGMENTS.say(name, fit)
        return added

    return say_and_add
