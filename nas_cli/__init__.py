"""Neural architecture search, from one YAML file to a trained, tested and exported network.

`nas_cli.load(run)` gives a run's network; `op`, `source` and `task` register one's own in a plugin.
Nothing heavy is imported before it is asked for.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_LAZY = {
    "load": "nas_cli.deliver.load",
    "op": "nas_cli.model.ops",
    "source": "nas_cli.data.source",
    "task": "nas_cli.task.base",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"nas_cli has no {name}")
