"""The built-in spaces of `nas`: YAML files in the language of specs, to be printed, copied and changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from nas_cli.errors import SpecError, did_you_mean
from nas_cli.registry import split_component

FOLDER = Path(__file__).parent / "builtin"


@dataclass(frozen=True)
class Builtin:
    """`text` is the content of the file, `let` and `model` its sections, `summary` its first comment.

    `given` maps a key of `data:`, such as `vectors`, to the model that is used when the key is set.
    """

    name: str
    text: str
    let: dict[str, Any]
    model: Any
    given: dict[str, Any]

    def model_for(self, data: Mapping[str, Any]) -> Any:
        """The model for a spec with these arguments under `data:`."""
        return next((model for key, model in self.given.items() if data.get(key) is not None), self.model)

    @property
    def summary(self) -> str:
        return self.text.split("\n", 1)[0].lstrip("# ")


def builtin_names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load_builtin(raw: object) -> Builtin:
    """`NAME`, or `{NAME: {…}}` with values of its `let:` replaced. Raises SpecError whose path starts at `raw`."""
    name, replaced = split_component(raw, "space")
    if name not in builtin_names():
        raise SpecError(f"unknown space '{name}'{did_you_mean(name, builtin_names())}", on_key=True)
    text = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    content = yaml.safe_load(text)
    let = content.get("let", {})
    if replaced is not None and not isinstance(replaced, dict):
        raise SpecError(f"space '{name}' takes a mapping of its let: values: {', '.join(let)}", (name,))
    for key in replaced or {}:
        if key not in let:
            raise SpecError(
                f"space '{name}' has no '{key}' to replace{did_you_mean(key, let)}", (name, key), on_key=True
            )
    return Builtin(name, text, {**let, **(replaced or {})}, content["model"], content.get("given", {}))
