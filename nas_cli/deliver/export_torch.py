"""torch.export's .pt2: runs with torch alone, by `torch.export.load(path).module()`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nas_cli.deliver.export_onnx import quiet
from nas_cli.deliver.load import Model

Array = np.ndarray[Any, Any]


def write_torch(model: Model, path: Path) -> Callable[[Sequence[Array]], list[Array]]:
    """Writes the program with its labels beside it as extra files `labels.json`, `name` and `task`."""
    extra = {
        "labels.json": json.dumps(list(model.labels), ensure_ascii=False),
        "name": model.name,
        "task": model.task_name,
    }
    with quiet():
        program = torch.export.export(model.network, (model.example(),), dynamic_shapes=(model.dynamic,))
        torch.export.save(program, path, extra_files=extra)
        loaded = torch.export.load(path).module()

    def run(batches: Sequence[Array]) -> list[Array]:
        with torch.inference_mode():
            return [loaded(torch.from_numpy(batch)).numpy() for batch in batches]

    return run
