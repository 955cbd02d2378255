"""What a source thinks of a path: whether such data is its own, and the `data:` section that fits. For `nas init`.

    @sniff("npz", inputs="images", targets=("class",), expects="an .npz file")
    def arrays_at(path: Path) -> Found | None: ...

A sniff looks at names and beginnings, and at no more than it must. It takes `path` where its source reads files, and of
the source's other keys those that it depends on: where an error has one as its remedy, it is asked again with that.
It gives None, or raises DataError, where the path is none of its source's.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nas_cli.data.kind import KINDS
from nas_cli.data.source import SOURCES, TARGETS
from nas_cli.data.wanted import Wanted, kinds_in
from nas_cli.errors import SpecError, did_you_mean
from nas_cli.plugins import Origin
from nas_cli.registry import Registry, show


@dataclass(frozen=True)
class Found:
    """What a source takes a path for.

    `sure` is how much speaks for it, from 0, where only a user can know, to 1. `target` is the kind of target that its
    labels look like, and `why`; where it is "", the first kind that the sniff is registered with. `keys` are written
    into `data:` beside `source` and `path`, with the `comments` of some behind them, and `lines` below, as comments.
    `notes` are sentences for the user on what was guessed. `what` is a sentence on all of it, where counts say less.
    `shape` is that of one input, where it is known without reading one.
    """

    sure: float = 1.0
    target: str = ""
    why: str = ""
    keys: Mapping[str, Any] = field(default_factory=dict)
    comments: Mapping[str, str] = field(default_factory=dict)
    lines: Sequence[str] = ()
    notes: Sequence[str] = ()
    what: str = ""
    shape: tuple[int, ...] = ()


@dataclass(frozen=True)
class Scent:
    """What a sniff can find: a kind of input, or one for each field; kinds of target, the likeliest first; and what
    lies at such a path."""

    inputs: str | Mapping[str, str]
    targets: tuple[str, ...]
    expects: str


Sniff = Callable[..., Found | None]


def hold_sniff(look: Sniff, origin: Origin) -> Sniff:
    """A plugin's sniff that gives what the contract says."""

    @functools.wraps(look)
    def held(**given: Any) -> Found | None:
        found: Any = origin.call("it", look, **given)
        if found is None:
            return None
        if not isinstance(found, Found):
            raise origin.wrong(f"gave {show(found)}, and a Found or None is wanted")
        known = [param.name for param in SOURCES.params(origin.name)]
        strange = [key for key in found.keys if key not in known]
        if strange:
            raise origin.wrong(f"gave the key {show(strange[0])}, which its source does not take")
        targets = SNIFFS.scent(origin.name).targets
        if found.target not in ("", *targets):
            raise origin.wrong(f"gave the target {show(found.target)}, and says that it finds {', '.join(targets)}")
        return found

    return held


class Sniffs(Registry[Sniff]):
    """Sniffs by the names of their sources, and what each can find."""

    def __init__(self) -> None:
        super().__init__("sniff", guard=hold_sniff)
        self._scents: dict[str, Scent] = {}

    def say(self, name: str, scent: Scent) -> None:
        """What the sniff `name`, which is registered next, can find."""
        self._scents[name] = scent

    def scent(self, name: str) -> Scent:
        self[name]  # raises where there is none
        return self._scents[name]

    def fitting(self, wanted: Wanted) -> list[str]:
        """The sources that may find what is wanted."""
        return [name for name in self if self._fits(self._scents[name], wanted)]

    @staticmethod
    def _fits(scent: Scent, wanted: Wanted) -> bool:
        return scent.inputs == wanted.inputs and wanted.target in scent.targets

    def ask(self, name: str, path: Path | None, settings: Mapping[str, Any]) -> Found | None:
        """What the source `name` takes `path` for, where `settings` are keys of it that are known already.

        Raises DataError where it reads files and the path is none that can be read.
        """
        known = {**settings, "path": path}
        return self[name](**{param.name: known[param.name] for param in self.params(name) if param.name in known})

    def _require_usable(self, name: str, origin: Origin) -> None:
        super()._require_usable(name, origin)
        if name not in SOURCES:
            raise SpecError(f"sniff '{name}' is of no source{did_you_mean(name, SOURCES)}")
        scent = self._scents[name]
        if not scent.targets:
            raise SpecError(f"sniff '{name}' finds no kind of target: name one{did_you_mean('', TARGETS)}")
        for kind in kinds_in(scent.inputs):
            if kind not in KINDS:
                raise SpecError(f"sniff '{name}' finds {show(kind)}{did_you_mean(kind, KINDS)}")
        for target in scent.targets:
            if target not in TARGETS:
                raise SpecError(f"sniff '{name}' finds targets {show(target)}{did_you_mean(target, TARGETS)}")


SNIFFS = Sniffs()


def sniff(
    name: str, *, inputs: str | Mapping[str, str], targets: Sequence[str], expects: str
) -> Callable[[Sniff], Sniff]:
    """Decorator: makes a function the sniff of the source `name`, which reads a kind of input, or several by field, and
    `targets`, the likeliest first. `expects` is what lies at such a path, as in "an .npz file".
    """
    add = SNIFFS.register(name)
    kinds = (targets,) if isinstance(targets, str) else tuple(targets)

    def say_and_add(look: Sniff) -> Sniff:
        SNIFFS.say(name, Scent(inputs, kinds, expects))
        return add(look)

    return say_and_add
