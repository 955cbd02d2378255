"""Yardsticks without a network, found by the kinds of input and target that they fit.

    @reference("table rows", "class")
    def boosted_classes(train, test, facts): ...

A reference is fitted on the inputs and targets `train` and gives its name and its outputs (N, …) for the inputs `test`,
in the form of a network's; None where it cannot. `facts` are of the data. Inputs that do not fit into memory are
no array, and are read in slices: inputs[0:100].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nas_cli.data.wanted import Wanted

Reference = Callable[[tuple[Any, Any], Any, Mapping[str, Any]], tuple[str, Any] | None]
REFERENCES: dict[Wanted, Reference] = {}


def reference(inputs: str, target: str) -> Callable[[Reference], Reference]:
    """Decorator: makes a function the yardstick of tasks that learn `target` from `inputs`."""

    def add(method: Reference) -> Reference:
        REFERENCES[Wanted(inputs, target)] = method
        return method

    return add
