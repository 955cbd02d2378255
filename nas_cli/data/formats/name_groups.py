"""Groups by the names of files: with `{group}_*`, the group is the text before the first _ of a name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import islice

import numpy as np

from nas_cli.data.formats.archives import File, Member
from nas_cli.data.formats.folders import Place
from nas_cli.data.source import Array
from nas_cli.errors import DataError
from nas_cli.registry import short

MARK = "{group}"
SIGNS = re.compile(r"(\{group\}|\*|\?)")
MEANS = {MARK: "(?P<group>[^/]+?)", "*": "[^/]*?", "?": "[^/]"}
NAMED = 3


def is_pattern(group: str) -> bool:
    """Whether `group` is a pattern of file names rather than the name of a column."""
    return MARK in group


def place_of(file: File) -> Place:
    return file.place if isinstance(file, Member) else file.parts


def groups_by_name(pattern: str, places: Sequence[Place]) -> Array:
    """The groups (N,) of files at `places`, by a pattern that matches the ends of their paths: a name, or folders and a
    name.
    `{group}` is the group, `*` any characters and `?` one, within a name; all match as little as possible. Raises
    DataError where the pattern is invalid, or does not match all files.
    """
    found = find_groups(pattern, places)
    wrong = [place for place, group in zip(places, found, strict=True) if group is None]
    if wrong:
        more = ", …" if len(wrong) > NAMED else ""
        shown = ", ".join("/".join(place[-1 - pattern.count("/") :]) for place in islice(wrong, NAMED))
        raise DataError(
            f"group is '{short(pattern)}', which {len(wrong):,} of {len(places):,} files do not fit: {shown}{more}"
        )
    return np.array(found, object)


def known_groups(pattern: str, places: Sequence[Place]) -> Array:
    """Like `groups_by_name`; a file that the pattern does not match is its own group."""
    found = find_groups(pattern, places)
    alone = ["/".join(place) for place in places]
    return np.array([group or path for group, path in zip(found, alone, strict=True)], object)


def find_groups(pattern: str, places: Sequence[Place]) -> list[str | None]:
    """The group of each file; None where the pattern does not match. Raises DataError where the pattern is invalid."""
    if pattern.count(MARK) != 1 or "" in pattern.split("/"):
        raise DataError(
            f"group is '{short(pattern)}', and takes a pattern of the names of files, with {MARK} once: '{MARK}_*' for "
            f"what stands before the first _ of a name, '{MARK}/*' for the folder that a file is in"
        )
    parts = pattern.count("/") + 1
    text = unicodedata.normalize("NFC", pattern)
    signs = re.compile("".join(MEANS.get(piece, re.escape(piece)) for piece in SIGNS.split(text)))
    found: list[str | None] = []
    for place in places:
        match = signs.fullmatch(unicodedata.normalize("NFC", "/".join(place[-parts:])))
        found.append(match["group"] if match else None)
    return found
