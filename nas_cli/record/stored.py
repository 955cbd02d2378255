"""Reads the files of a run and checks all that their readers rely on: a run may be somebody else's, or damaged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from nas_cli.errors import RunError, SpecError
from nas_cli.files import read_bytes
from nas_cli.record.rules import LARGEST, LARGEST_COUNT
from nas_cli.spec.load import Document, parse_document
from nas_cli.spec.schema import RunSpec, check_spec

MOST_BYTES = 1 << 26
"""Bytes of a JSON file of a run, at most."""
MOST_TABLES = 1 << 28
"""Bytes, at most, of files with a word per line, or with the confusion matrix of a thousand classes (10 MB)."""
MOST_SPEC_BYTES = 1 << 23

Check = Callable[[Any], bool]


def read_json(path: Path, most: int = MOST_BYTES) -> Any:
    """The JSON data of a file. Raises RunError where it is missing, damaged or larger than `most` bytes."""
    content = _content(path, most)
    try:
        return from_json(content, allow_inf_nan=False)
    except ValueError as error:
        raise RunError(f"{path} is damaged: {error}") from None


def read_text(path: Path) -> str:
    """The text of a file. Raises RunError where it is missing, not UTF-8 or larger than a spec may be."""
    content = _content(path, MOST_SPEC_BYTES)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RunError(f"{path} is damaged: byte {error.start} is no UTF-8") from None


def _content(path: Path, most: int) -> bytes:
    try:
        return read_bytes(path, most)
    except FileNotFoundError:
        raise RunError(f"{path} is missing") from None
    except OSError as error:
        raise RunError(f"{path} is damaged: {error.strerror}") from None


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file. Raises RunError where the file is missing, damaged or holds no mapping."""
    return _read_document(path).data


def read_architecture(path: Path) -> dict[str, Any]:
    """The content of architecture.yaml. Raises RunError.

    Labels written as numbers are read as their text: runs of earlier versions have labels such as 08 without quotes.
    """
    document = _read_document(path)
    stored, written = document.data, document.as_written(("labels",))
    if isinstance(stored.get("labels"), list):
        stored["labels"] = [written.get((place,), label) for place, label in enumerate(stored["labels"])]
    return stored


def read_spec(path: Path) -> RunSpec:
    """The spec of a run, checked like a spec that is about to run. Raises RunError."""
    document = _read_document(path)
    try:
        return check_spec(document.data)
    except SpecError as error:
        raise RunError(f"{path} is damaged: {document.locate(error)}") from None


def _read_document(path: Path) -> Document:
    try:
        return parse_document(read_text(path), path.name)
    except SpecError as error:
        raise RunError(f"{path} is damaged: {error}") from None


# Checks of values ----------------------------------------------------------------------------------------------------


def is_text(value: object) -> bool:
    return isinstance(value, str)


def is_task(written: Any) -> bool:
    """`name`, or `{name: {argument: value}}`."""
    if isinstance(written, dict):
        return len(written) == 1 and all(map(is_text, written))
    return is_text(written)


def is_flag(value: object) -> bool:
    return isinstance(value, bool)


def is_number(value: object) -> bool:
    """Is it a finite number within the range of floats? Booleans are none."""
    return type(value) in (int, float) and -LARGEST < value < LARGEST  # type: ignore[operator]


def is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < LARGEST_COUNT


def are_numbers(value: object) -> bool:
    """A mapping to finite numbers."""
    return isinstance(value, dict) and all(map(is_number, value.values()))


def none_or(check: Check) -> Check:
    return lambda value: value is None or check(value)


def list_of(check: Check, least: int = 0) -> Check:
    return lambda value: isinstance(value, list) and len(value) >= least and all(map(check, value))


def mapping_of(check: Check, least: int = 0) -> Check:
    """Checks the values of a mapping; its keys are strings, as always in JSON."""
    return lambda value: isinstance(value, Mapping) and len(value) >= least and all(map(check, value.values()))


def record_of(needed: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """A mapping with these keys, and any others."""
    possible = dict(optional or {})

    def check(value: object) -> bool:
        if not isinstance(value, Mapping) or not all(key in value and test(value[key]) for key, test in needed.items()):
            return False
        return all(test(value[key]) for key, test in possible.items() if key in value)

    return check
