"""Finds which CSV file of a folder is which part of the data."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from nas_cli.data.formats.csv_file import ENDINGS
from nas_cli.data.formats.files import require_folder
from nas_cli.data.formats.parts import WORDS, is_only_a_part, part_of
from nas_cli.errors import DataError


def find_tables(path: Path, only: str = "train") -> dict[str, Path]:
    """The file of each part at `path`; a path to a single file is the part `only`. Raises DataError."""
    if path.is_file():
        return {only: path}
    tables = tables_in(path)
    parts: dict[str, Path] = {}
    for part in WORDS:
        named = [file for file in tables if part_of(_stem(file)) == part]
        exact = [file for file in named if is_only_a_part(_stem(file))]
        named = exact if len(exact) == 1 else named
        if len(named) > 1:
            raise DataError(f"{path} has several files for {part}: {_names(named)}; name one")
        if named:
            parts[part] = named[0]
    if not parts and len(tables) == 1:
        return {only: tables[0]}
    if only == "train" and "train" not in parts:
        there = _names(tables) or "no CSV file"
        raise DataError(
            f"{path} has no file with the word 'train' in its name: there is {there}; name a file with path"
        )
    return parts


def _names(files: Sequence[Path]) -> str:
    return ", ".join(file.name for file in files)


def about_parts(path: Path, files: Mapping[str, Path]) -> list[str]:
    """Notes on which file of the folder `path` is which part, and which files are not read."""
    what = {"train": "to learn from", "validation": "to choose by", "test": "to test on"}
    notes = [f"parts by their names: {', '.join(f'{file.name} {what[part]}' for part, file in files.items())}"]
    others = [file.name for file in tables_in(path) if file not in files.values()]
    if others:
        notes.append(
            f"not read, since no word of their names is train, validation or test: {', '.join(others)}; "
            "data.validation and data.test take paths"
        )
    return notes


def tables_in(path: Path) -> list[Path]:
    """The CSV files in a folder. Raises DataError where there is none."""
    if not path.exists():
        raise DataError(f"there is no file or folder {path}")
    require_folder(path)
    return [file for file in sorted(path.iterdir()) if file.name.lower().endswith(ENDINGS) and file.name[0] != "."]


def _stem(file: Path) -> str:
    """The file's name without its ending, which may be double: .csv.gz."""
    return re.sub(r"\.(csv|tsv)(\.gz)?$", "", file.name, flags=re.IGNORECASE)
