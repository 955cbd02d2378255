"""Writes ONNX: the graph takes raw inputs, and its metadata has the task and the labels of its outputs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import onnx
import onnxruntime
import torch

import nas_cli
from nas_cli.deliver.export.check import Array, Given, Run
from nas_cli.deliver.export.onnx_recurrence import TRANSLATIONS
from nas_cli.deliver.export.sizes import dynamic, input_names
from nas_cli.deliver.export.traced import quiet, trace
from nas_cli.deliver.load import Model
from nas_cli.task import name_of


def write_onnx(model: Model, path: Path) -> Run:
    """Writes the graph, checked by ONNX; returns a function that runs it in ONNX Runtime."""
    names = input_names(model)
    with quiet():
        program = torch.onnx.export(
            trace(model),
            dynamo=True,
            dynamic_shapes=(dynamic(model),),
            custom_translation_table=dict(TRANSLATIONS),
            input_names=names,
            output_names=["logits"],
            verbose=False,
        )
        assert program is not None
        graph = program.model_proto
    metadata = {
        "labels": json.dumps(list(model.labels), ensure_ascii=False),
        "name": model.name,
        "task": name_of(model.problem.written),
        "producer": f"nas {nas_cli.__version__}",
    }
    onnx.helper.set_model_props(graph, metadata)
    onnx.checker.check_model(graph, full_check=True)
    content = graph.SerializeToString()
    path.write_bytes(content)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])

    def run(batches: Sequence[Given]) -> list[Array]:
        return [session.run(["logits"], dict(zip(names, batch, strict=True)))[0] for batch in batches]

    return run
