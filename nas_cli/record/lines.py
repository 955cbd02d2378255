"""Events as lines of the journal: JSON objects with `event`, `time`, `sequence` and the fields of the event's class."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from pydantic_core import SchemaValidator, ValidationError, core_schema, from_json

from nas_cli.record.events import KINDS, Event, Standing, Unknown
from nas_cli.record.rules import LARGEST, rules_of, schema_of
from nas_cli.words import printable, utf8

STAMPS = ("time", "sequence")
LONGEST_REASON = 1000
"""Characters."""
_RULES = {kind: rules_of(event) for kind, event in KINDS.items()}
_NOTHING = {
    record: {each.name: each.default for each in fields(record) if not each.default}
    for record in (*KINDS.values(), Standing)
}
"""The fields that may be left out, with their defaults."""
_PLAIN = (str, int, float, bool, dict, type(None))
_encode = json.JSONEncoder(allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode
_READER = SchemaValidator(
    core_schema.tagged_union_schema(
        {kind: schema_of(event, needed=STAMPS) for kind, event in KINDS.items()}, discriminator="event"
    )
)


def parse(line: bytes, sequence: int) -> Event:
    """The event in a line, whose number must be `sequence`. Raises ValueError with a sentence on what is wrong."""
    try:
        event: Event = _READER.validate_json(line)
    except ValidationError as error:
        return _other(line, sequence, error)
    if event.sequence != sequence:
        raise ValueError(_not_numbered(sequence))
    return event


def kind_of(line: bytes) -> str | None:
    """The kind of the event in a line, without checking its other fields; None where it is no event."""
    try:
        content = from_json(line)
    except ValueError:
        return None
    kind = content.get("event") if isinstance(content, dict) else None
    return kind if isinstance(kind, str) else None


def _other(line: bytes, sequence: int, error: ValidationError) -> Unknown:
    """The event of an unknown kind in a line. Raises ValueError where the line is no event, or a damaged known one."""
    try:
        content = from_json(line, allow_inf_nan=False)
    except ValueError:
        raise ValueError(
            "this line is damaged (no JSON); a run whose journal was changed cannot go on. Deleting this line and all "
            "after it brings back the run as it was before"
        ) from None
    if not isinstance(content, dict) or not isinstance(content.get("event"), str):
        raise ValueError(_not_numbered(sequence))
    if type(content.get("sequence")) is not int or content["sequence"] != sequence:
        raise ValueError(_not_numbered(sequence))
    kind, time = content.pop("event"), content.pop("time", None)
    if type(time) not in (int, float) or not abs(time) < LARGEST:
        raise ValueError("this event is damaged: its time is no number")
    if kind in KINDS:
        raise ValueError(f"this event is damaged: {_wrong(kind, error)}")
    del content["sequence"]
    return Unknown(kind, content, time=float(time), sequence=sequence)


def _not_numbered(sequence: int) -> str:
    return f"event number {sequence} is expected here; lines were changed, added or removed"


def _wrong(kind: str, error: ValidationError) -> str:
    """What is wrong with the first invalid field, as a clause."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    _, name, *inside = first["loc"]
    if first["type"] == "missing" and not inside:
        return f"{kind} has no {name}"
    return f"{name} of {kind} must be {_RULES[kind][str(name)].wanted}"


def line_of(event: Event, time: float, sequence: int) -> bytes:
    """The line of an event. Characters that UTF-8 cannot encode are replaced, and a reason becomes one line of at most
    LONGEST_REASON characters. Raises ValueError where a number is not finite, which JSON cannot express.
    """
    kind = event.name if isinstance(event, Unknown) else event.kind
    content = {"event": kind, "time": round(time, 3), "sequence": sequence, **fields_of(event)}
    if isinstance(content.get("reason"), str):
        content["reason"] = printable(content["reason"][:LONGEST_REASON])
    return utf8(_encode(content)) + b"\n"


def fields_of(record: Event | Standing) -> dict[str, Any]:
    """The fields of an event as JSON data, without kind, time and sequence."""
    if isinstance(record, Unknown):
        return dict(record.content)
    content, nothing = {}, _NOTHING[type(record)]
    for name, value in vars(record).items():
        if name in STAMPS or (not value and name in nothing and _equal(value, nothing[name])):
            continue
        content[name] = value if type(value) in _PLAIN else _as_data(value)
    return content


def _equal(value: Any, other: Any) -> bool:
    """Unlike `==` it tells 0 from false and 0.0."""
    return type(value) is type(other) and bool(value == other)


def _as_data(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_as_data(each) for each in value]
    if isinstance(value, Standing):
        return fields_of(value)
    return dict(value) if isinstance(value, Mapping) else value
