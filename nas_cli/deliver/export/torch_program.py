"""torch.export's .pt2: runs with torch alone, by `torch.export.load(path).module()`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch

from nas_cli.deliver.export.check import Array, Given, Run
from nas_cli.deliver.export.traced import quiet, trace
from nas_cli.deliver.load import Model
from nas_cli.task import name_of
from nas_cli.torch_tuning.recurrences import with_torch_alone


def write_torch(model: Model, path: Path) -> Run:
    """Writes the program with its labels beside it as extra files `labels.json`, `name` and `task`.

    LSTM and GRU stay single operators, which take any length. `run_decompositions`, which ahead-of-time compilers call,
    would unroll them for one length.
    """
    extra = {
        "labels.json": json.dumps(list(model.labels), ensure_ascii=False),
        "name": model.name,
        "task": name_of(model.problem.written),
    }
    with quiet():
        program = with_torch_alone(trace(model))
        with path.open("w+b") as file:  # torch itself opens UTF-8 paths only
            torch.export.save(program, file, extra_files=extra)
            file.seek(0)
            loaded = torch.export.load(file).module()

    def run(batches: Sequence[Given]) -> list[Array]:
        with torch.inference_mode():
            return [loaded(*map(torch.from_numpy, batch)).numpy() for batch in batches]

    return run
