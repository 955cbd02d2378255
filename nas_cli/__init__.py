"""Neural architecture search, from one YAML file to a trained, tested and exported network.

`nas_cli.load(run)` gives a run's network; `nas_cli.plugins` has `op`, `source` and `task`, which register one's own.
Nothing heavy is imported before it is asked for.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_LAZY = {"load": "nas_cli.deliver.load", "op": "nas_cli.model.ops"}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"nas_cli has no {name}")
