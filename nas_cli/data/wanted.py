"""A task's signature: kinds of input by field, and a kind of target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nas_cli.data.kind import KINDS


@dataclass(frozen=True)
class Wanted:
    """The kind of input (KINDS) that a task learns from, and the kind of target (TARGETS) that it learns.
    With several fields, `inputs` maps the name of each to its kind: {"user": "numbers", "item": "numbers"}."""

    inputs: str | Mapping[str, str] = "images"
    target: str = "class"

    def __hash__(self) -> int:
        inputs = self.inputs if isinstance(self.inputs, str) else tuple(self.inputs.items())
        return hash((inputs, self.target))

    @property
    def fields(self) -> Mapping[str, str]:
        """The kind of every input field, by its name."""
        return fields_of(self.inputs)

    @property
    def called(self) -> str:
        """What examples are called in a sentence."""
        return called(self.inputs)


def fields_of(inputs: str | Mapping[str, str]) -> Mapping[str, str]:
    """The kind of every field, by its name; a single kind names its own field (`Kind.field`)."""
    return {KINDS[inputs].field: inputs} if isinstance(inputs, str) else inputs


def called(inputs: str | Mapping[str, str]) -> str:
    """What examples of these kinds are called in a sentence."""
    return inputs if isinstance(inputs, str) else "examples"


def kinds_in(inputs: str | Mapping[str, str]) -> list[str]:
    """The kind of each field, or the single one."""
    return [inputs] if isinstance(inputs, str) else list(inputs.values())
