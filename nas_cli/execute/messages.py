"""The messages of a worker to its parent. A candidate can write to the same pipe, so every message is checked."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from nas_cli.execute.executor import JobResult
from nas_cli.words import printable

Message = dict[str, Any]
FIELDS: dict[str, dict[str, tuple[type, ...]]] = {
    "born": {"process": (int,)},
    "ready": {},
    "broken": {"reason": (str,)},
    "started": {},
    "beat": {},
    "progress": {"label": (str,), "epoch": (int,), "epochs": (int,), "metrics": (dict,)},
    "measure": {},
    "measured": {},
    "result": {"result": (dict,), "worn": (bool,)},
    "disk": {"errno": (int,), "reason": (str,), "file": (str, type(None))},
}
RESULT: dict[str, tuple[type, ...]] = {
    "number": (int,),
    "rung": (int,),
    "status": (str,),
    "measurement": (dict,),
    "reason": (str,),
    "seconds": (int, float),
    "training_seconds": (int, float),
    "table": (dict,),
    "note": (str,),
}
SHOWN = 60
"""Characters of an invalid message that an error quotes."""


def write_message(kind: str, **fields: Any) -> bytes:
    """A message as a line of JSON."""
    return json.dumps({"kind": kind, **fields}).encode() + b"\n"


def read_message(line: bytes) -> Message:
    """The message in `line`. Raises ValueError, whose text quotes the line, where the message is not valid."""
    try:
        message = json.loads(line)
        _check(message)
    except (ValueError, RecursionError, OverflowError):
        shown = printable(line[:SHOWN].decode(errors="backslashreplace"))
        raise ValueError(f"'{shown}{'…' if len(line) > SHOWN else ''}'") from None
    return dict(message)


def read_result(fields: Mapping[str, Any]) -> JobResult:
    """The result that a message carries."""
    return JobResult(**fields)


def _check(message: Any) -> None:
    """Raises ValueError where `message` is not one of FIELDS, or a field has the wrong type."""
    if not isinstance(message, dict) or str(message.get("kind")) not in FIELDS:
        raise ValueError
    _require(message, {"kind": (str,), **FIELDS[str(message["kind"])]})
    if message["kind"] == "progress":
        _require_numbers(message["metrics"])
    if message["kind"] == "result":
        result = message["result"]
        _require(result, RESULT)
        if result["status"] not in ("finished", "failed", "infeasible"):
            raise ValueError
        _require_numbers(result["measurement"])
        _require_numbers(result["table"])
        _require_numbers({"seconds": result["seconds"], "training_seconds": result["training_seconds"]})


def _require(found: Mapping[str, Any], fields: Mapping[str, tuple[type, ...]]) -> None:
    if found.keys() != fields.keys():
        raise ValueError
    for name, types in fields.items():
        if not isinstance(found[name], types) or (isinstance(found[name], bool) and bool not in types):
            raise ValueError


def _require_numbers(found: Mapping[str, Any]) -> None:
    for value in found.values():
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError
