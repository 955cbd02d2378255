"""Writes predictions as CSV or JSON lines."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, Protocol

from nas_cli.errors import UserError
from nas_cli.files import draft, sweep

Form = Literal["csv", "jsonl"]
ENDINGS: Mapping[str, Form] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}


def form_of(path: Path) -> Form:
    """The format of `path` by its ending. Raises UserError for an unknown ending."""
    found = ENDINGS.get(path.suffix.lower())
    if found is None:
        raise UserError(f"{path} ends neither with .csv nor with .jsonl: say --format csv or --format jsonl")
    return found


def may_be_folder(path: Path) -> bool:
    """Whether `--out` may name a folder for pictures: an existing folder, or a new name without an ending."""
    return path.is_dir() or (not path.suffix and not os.path.lexists(path))


def require_free(path: Path, force: bool) -> None:
    """Raises UserError where predictions cannot be written to `path`, or would replace something."""
    if path.is_dir():
        raise UserError(f"{path} is a folder; name a file")
    if (path.exists() and not path.is_file()) or Path("/dev") in path.absolute().parents:
        raise UserError(f"{path} is no file: without --out the answers are printed, and --format csv or jsonl says how")
    if os.path.lexists(path) and not force:
        raise UserError(f"{path} is there already: name another file, or have it replaced with --force")
    if not path.parent.is_dir():
        raise UserError(f"there is no folder {path.parent} to write {path.name} in")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise UserError(f"the folder {path.parent} cannot be written")


def write_predictions(path: Path, answers: Iterable[Mapping[str, Any]], form: Form, force: bool = False) -> int:
    """Writes a file that appears whole or not at all; returns how many answers it has.

    Raises OSError, and UserError where `path` has come into being meanwhile, unless `force`.
    """
    count = 0

    def counted() -> Iterator[Mapping[str, Any]]:
        nonlocal count
        for answer in answers:
            count += 1
            yield answer

    sweep(path.parent, path.name)
    building = draft(path)
    try:
        with building.open("x", encoding="utf-8", errors="backslashreplace", newline="") as file:
            stream_predictions(file, counted(), form)
        require_free(path, force)  # again: predicting took a while
        building.replace(path)
    finally:
        building.unlink(missing_ok=True)
    return count


class Sink(Protocol):
    """A target of text: a file or a console."""

    def write(self, text: str, /) -> object: ...


def stream_predictions(out: Sink, answers: Iterable[Mapping[str, Any]], form: Form) -> None:
    """Writes answers to `out`. JSON lines have everything except `text`. CSV has the origin (`file`, `row`, `id`, or
    `input`) and the `label` with its `probability`, the `value`, a column for each of several values, or for sentences
    a row for each `word` with its `tag`. Raises UserError where a later answer has a column that the first lacks."""
    if form == "jsonl":
        for answer in answers:
            out.write(as_json(answer) + "\n")
        return
    writer = csv.writer(out, lineterminator="\n")
    header: list[str] | None = None
    for answer in answers:
        for row in _rows(answer):
            if header is None:
                header = list(row)
                writer.writerow(header)
            new = next((name for name in row if name not in header), None)
            if new is not None:
                raise UserError(
                    f"the answers for {answer['input']} have a {new}, and those before have none, so that one CSV file "
                    "cannot hold them: predict from such files in another call, or say --format jsonl"
                )
            writer.writerow([row.get(name, "") for name in header])


def as_json(answer: Mapping[str, Any]) -> str:
    content = {key: value for key, value in answer.items() if key != "text"}
    return json.dumps(content, ensure_ascii=False, allow_nan=False)


def _rows(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    where = {name: answer[name] for name in ("file", "row", "id") if name in answer} or {"input": answer["input"]}
    if "tags" in answer:
        pairs = enumerate(zip(answer["words"], answer["tags"], strict=True), 1)
        return [{**where, "place": place, "word": word, "tag": tag} for place, (word, tag) in pairs]
    rest = {name: value for name, value in answer.items() if name not in ("input", "file", "row", "id", "text", "top")}
    for name, value in rest.pop("values", {}).items():
        rest[f"value of {name}" if name in where else name] = value
    return [where | _flat(rest)]


def _flat(content: Mapping[str, Any]) -> dict[str, Any]:
    """`content` with a cell for each entry of a nested mapping: `share` of classes becomes `share CLASS`."""
    cells: dict[str, Any] = {}
    for name, value in content.items():
        inner = value if isinstance(value, Mapping) else {None: value}
        for key, cell in inner.items():
            cells[name if key is None else f"{name} {key}"] = cell
    return cells
