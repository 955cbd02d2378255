"""How a run stores its networks' inputs: their axes in architecture.yaml, samples in samples.safetensors. A single
field is stored without a name, as in runs of earlier versions, which had one field only.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from nas_cli.axes import Column
from nas_cli.record.stored import is_count, is_text, list_of, record_of

MOST_VALUES = 2**31
"""Values of one example, at most."""
IS_AXES = record_of({"shape": list_of(lambda side: is_count(side) and side > 0, 1)}, {"dtype": is_text})


def are_inputs(stored: Mapping[str, Any]) -> bool:
    """Whether the inputs in architecture.yaml are valid, and an example has at most MOST_VALUES values."""
    inputs = stored.get("inputs", {"": stored.get("input")})
    if not isinstance(inputs, Mapping) or not inputs or not all(map(IS_AXES, inputs.values())):
        return False
    values: int = sum(math.prod(axes["shape"]) for axes in inputs.values())
    return values <= MOST_VALUES


def write_samples(columns: Mapping[str, Column[Any]]) -> dict[str, Any]:
    """The tensors of samples.safetensors."""
    if len(columns) == 1:
        (column,) = columns.values()
        return {"inputs": column.values, **({} if column.lengths is None else {"lengths": column.lengths})}
    tensors = {f"inputs/{field}": column.values for field, column in columns.items()}
    tensors |= {f"lengths/{field}": column.lengths for field, column in columns.items() if column.lengths is not None}
    return tensors


def read_samples(tensors: Mapping[str, Any], fields: Iterable[str]) -> dict[str, Column[Any]]:
    """Columns by field. Raises KeyError where one is missing."""
    wanted = list(fields)
    if len(wanted) == 1:
        return {wanted[0]: Column(tensors["inputs"], None, tensors.get("lengths"))}
    return {field: Column(tensors[f"inputs/{field}"], None, tensors.get(f"lengths/{field}")) for field in wanted}
