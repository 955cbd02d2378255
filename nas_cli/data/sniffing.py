"""For `nas init`: recognises which source reads a path, and writes the `data:` section for it.

    @sniff("npz", inputs="images", targets=("class",), expects="an .npz file")
    def arrays_at(path: Path) -> Found | None: ...

A sniff looks at names and first bytes, and at no more than it must. It takes `path` where its source reads files, and
those of the source's other keys that it depends on: where an error names such a key as its remedy, the sniff is asked
again with it.
It gives None, or raises DataError, where its source cannot read the path.
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
    """What a source found at a path.
    `sure` is the confidence, from 0 (only a user can know) to 1. `target` is the kind of target that the labels look
    like, and `why` the reason; "" is the first kind that the sniff is registered with. `keys` are written into `data:`
    beside `source` and `path`, some with `comments` behind them; `lines` are comments below. `notes` are sentences for
    the user on what was guessed. `what` is a sentence on the data, where counts say less. `shape` is that of one input,
    where it is known without reading one.
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
    """What a sniff can find: a kind of input, or one for each field; kinds of target, the likeliest first. `expects`
    describes what it looks for at the path."""

    inputs: str | Mapping[str, str]
    targets: tuple[str, ...]
    expects: str


Sniff = Callable[..., Found | None]


def hold_sniff(look: Sniff, origin: Origin) -> Sniff:
    """A plugin's sniff, checked against the contract."""

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
    """Sniffs by the names of their sources, and the scent of each."""

    def __init__(self) -> None:
        super().__init__("sniff", guard=hold_sniff)
        self._scents: dict[str, Scent] = {}

    def say(self, name: str, scent: Scent) -> None:
        """Stores the scent of the sniff `name`, which is registered next."""
        self._scents[name] = scent

    def scent(self, name: str) -> Scent:
        self[name]  # raises where there is none
        return self._scents[name]

    def fitting(self, wanted: Wanted) -> list[str]:
        """The sources that can find the kinds of `wanted`."""
        return [name for name in self if self._fits(self._scents[name], wanted)]

    @staticmethod
    def _fits(scent: Scent, wanted: Wanted) -> bool:
        return scent.inputs == wanted.inputs and wanted.target in scent.targets

    def ask(self, name: str, path: Path | None, settings: Mapping[str, Any]) -> Found | None:
        """What the source `name` finds at `path`; `settings` are keys of the source that are known already.
        Raises DataError where the source reads files and cannot read the path.
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
    `targets`, the likeliest first. `expects` describes what it looks for at the path: "an .npz file".
    """
    add = SNIFFS.register(name)
    kinds = (targets,) if isinstance(targets, str) else tuple(targets)

    def say_and_add(look: Sniff) -> Sniff:
        SNIFFS.say(name, Scent(inputs, kinds, expects))
        return add(look)

    return say_and_add
