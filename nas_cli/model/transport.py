"""A program as plain data. A worker that receives it need not infer shapes again, which would delay it by seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from nas_cli.axes import Axes
from nas_cli.model.program import Program, Step


def program_to_data(program: Program) -> dict[str, Any]:
    """JSON data; `program_from_data` reads it back."""
    inputs = {field: axes.to_data() for field, axes in program.inputs.items()}
    steps = [{**asdict(step), "axes": step.axes.to_data()} for step in program.steps]
    return {"inputs": inputs, "steps": steps}


def program_from_data(data: Mapping[str, Any]) -> Program:
    inputs = {field: Axes.from_data(axes) for field, axes in data["inputs"].items()}
    steps = [
        Step(**{**step, "inputs": tuple(step["inputs"]), "axes": Axes.from_data(step["axes"])})
        for step in data["steps"]
    ]
    return Program(inputs, tuple(steps))
