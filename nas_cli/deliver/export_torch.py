"""torch.export's .pt2: runs with torch alone, by `torch.export.load(path).module()`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nas_cli.deliver.export_onnx import quiet
from nas_cli.deliver.load import Model

Array = np.ndarray[Any, Any]


def write_torch(model: Model, path: Path) -> Callable[[Array], Array]:
    """Writes the program with its labels beside it as extra files `labels.json`, `name` and `task`."""
    extra = {
        "labels.json": json.dumps(list(model.labels), ensure_ascii=False),
        "name": model.name,
        "task": model.task_name,
    }
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp.pt2")
    with quiet():
        program = torch.export.export(
            model.network, (model.example(),), dynamic_shapes=({0: torch.export.Dim("batch")},)
        )
        try:
            torch.export.save(program, temporary, extra_files=extra)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        loaded = torch.export.load(path).module()

    def run(batch: Array) -> Array:
        with torch.inference_mode():
            logits: Array = loaded(torch.from_numpy(batch)).numpy()
        return logits

    return run
