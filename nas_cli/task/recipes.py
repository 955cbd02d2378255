"""Recipes of starter specs for search and training, by the kinds of input and target.

    @recipe("audio", "class")
    def spoken_words(inputs: Mapping[str, Axes], examples: int) -> Recipe:
        return Recipe(model="[{conv1d: {units: {choice: [16, 32]}}}, relu]", epochs=20, batch_size=32)

A recipe is given the axes of an example, by field, and the number of training examples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nas_cli.axes import Axes
from nas_cli.data.kind import KINDS
from nas_cli.data.source import TARGETS
from nas_cli.data.wanted import Wanted, kinds_in
from nas_cli.errors import SpecError, did_you_mean
from nas_cli.plugins import Origin, origin_of, registered
from nas_cli.registry import show

MOST_EPOCHS = 100


@dataclass(frozen=True)
class Recipe:
    """Pieces of a spec, in YAML as they stand there: what is behind a key, or the lines below it.

    `space` is the name of a built-in space; without one, `model` is what stands behind `model:`, and `about` what is
    said of it. `train` are lines below `train:` beside epochs, batch size and optimizer. Weak candidates are stopped
    early where `rungs`. `baselines` are the lines below that key, without one where it is "".
    """

    space: str = ""
    model: str = ""
    about: str = "What is searched. 'nas show ops' lists the layers that you can use."
    epochs: int = 10
    batch_size: int = 32
    optimizer: str = "{adamw: {lr: {float: [1.0e-3, 6.0e-3], log: true}, weight_decay: 0.01}}"
    train: tuple[str, ...] = ()
    rungs: bool = True
    trials: int = 24
    final: str = "{top: 2, seeds: 2}"
    baselines: str = ""


Made = Callable[[Mapping[str, Axes], int], Recipe]


@dataclass(frozen=True)
class Starter:
    """A function that makes a recipe, its plugin (None for ours), and the most pixels of the longer `side` of images
    (None keeps their size)."""

    make: Made
    side: int | None
    origin: Origin | None

    def recipe(self, inputs: Mapping[str, Axes], examples: int) -> Recipe:
        """The recipe. Raises PluginError where a plugin's function gives something else."""
        if self.origin is None:
            return self.make(inputs, examples)
        found = self.origin.call("it", self.make, inputs, examples)
        if not isinstance(found, Recipe):
            raise self.origin.wrong(f"gave {show(found)}, and a Recipe is wanted")
        if not found.space and not found.model:
            raise self.origin.wrong("gave a Recipe without a space and without a model, and one of them is wanted")
        return found


RECIPES: dict[Wanted, Starter] = {}


def recipe(inputs: str | Mapping[str, str], target: str, *, side: int | None = None) -> Callable[[Made], Made]:
    """Decorator: makes a function the recipe of tasks that learn `target` from `inputs`, a kind or several by field.
    Images whose longer `side` has more pixels are made smaller."""
    wanted = Wanted(inputs, target)
    kinds = ", ".join(kinds_in(inputs))

    def add(make: Made) -> Made:
        origin = origin_of(make, "recipe", f"{kinds}, {target}")
        if wanted in RECIPES:
            before = RECIPES[wanted].origin
            by = before.file if before else "nas itself"
            raise SpecError(f"there is a recipe for {kinds} and targets of the kind '{target}' already, by {by}")
        RECIPES[wanted] = Starter(make, side, origin)
        if origin is not None:
            registered(lambda: RECIPES.pop(wanted, None), lambda: _require_kinds(wanted))
        return make

    return add


def _require_kinds(wanted: Wanted) -> None:
    for kind in kinds_in(wanted.inputs):
        if kind not in KINDS:
            raise SpecError(f"a recipe is for the kind {show(kind)}{did_you_mean(kind, KINDS)}")
    if wanted.target not in TARGETS:
        raise SpecError(f"a recipe is for the kind {show(wanted.target)}{did_you_mean(wanted.target, TARGETS)}")


def passes(examples: int, least: int, seen: int) -> int:
    """Epochs until so many examples were `seen`: few examples need more passes. `least` at least, 100 at most."""
    return min(MOST_EPOCHS, max(least, seen // max(1, examples)))
