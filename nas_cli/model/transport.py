"""A program as plain data: another process need not infer again what one has found, which takes it seconds to begin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from nas_cli.model.program import Program, Step


def program_to_data(program: Program) -> dict[str, Any]:
    """JSON data; `program_from_data` reads it back."""
    return {"input_shape": list(program.input_shape), "steps": [asdict(step) for step in program.steps]}


def program_from_data(data: Mapping[str, Any]) -> Program:
    steps = (Step(**{**step, "inputs": tuple(step["inputs"]), "shape": tuple(step["shape"])}) for step in data["steps"])
    return Program(tuple(data["input_shape"]), tuple(steps))
