"""Legends of masks, from a spec or a file: which colour or value is which class."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from nas_cli.data.formats.archives import File
from nas_cli.data.formats.encodings import decode
from nas_cli.data.formats.trees import Tree, content
from nas_cli.errors import DataError, did_you_mean
from nas_cli.registry import show

NUMBERS = r"(\d{1,3})[\s,;]+(\d{1,3})[\s,;]+(\d{1,3})"
LINES = (
    re.compile(rf"(?P<name>.+?)[\s,;:|]+{NUMBERS}\s*[,;]?\s*(:.*)?"),
    re.compile(rf"{NUMBERS}[\s,;:|]+(?P<name>.+)"),
    re.compile(r"(?P<name>.+?)[\s,;:=|]+(?P<value>\d{1,5})"),
)
"""Forms of a line: name,r,g,b (CamVid); name:r,g,b:parts:actions (CVAT); r g b name; name,value."""
FILES = ("class_dict.csv", "labelmap.txt", "label_colors.txt", "class_colors.csv")
"""Usual names of legend files, looked for where masks are in colours and the spec names no legend."""
MOST_VALUE = 65535
REST = "rest"


@dataclass(frozen=True)
class Legend:
    """The `names` of the classes, and the `codes` of each: values, or colours as r·65536 + g·256 + b. `codes` is None
    where only names are known.
    """

    names: tuple[str, ...]
    codes: tuple[tuple[int, ...], ...] | None
    colours: bool = False
    rest: int | None = None
    """The class of all values that belong to no other."""


def code(colour: Sequence[int]) -> int:
    red, green, blue = colour
    return int(red) << 16 | int(green) << 8 | int(blue)


def as_colour(found: int) -> list[int]:
    return [found >> 16, found >> 8 & 255, found & 255]


def grey(value: int) -> int:
    """The code of a grey value as a colour."""
    return code((value, value, value))


def legend_of(said: Sequence[str] | Mapping[str, Any], where: str) -> Legend:
    """The legend in a list of names, or in a mapping from name to values or colours. Raises DataError, which names
    `where`."""
    if not isinstance(said, Mapping):
        _require_names(said, where)
        return Legend(tuple(said), None)
    _require_names([str(name) for name in said], where)
    found = {str(name): _codes(name, value, where) for name, value in said.items()}
    colours = any(is_colour for codes in found.values() for _, is_colour in codes)
    by_class = {name: _in_one_form(name, codes, colours, where) for name, codes in found.items()}
    _require_one_class(by_class, colours, where)
    rest = [place for place, codes in enumerate(found.values()) if codes == []]
    if len(rest) > 1:
        raise DataError(f"{where} has the rest twice: one class may have all that no other has")
    return Legend(tuple(found), tuple(by_class.values()), colours, rest[0] if rest else None)


def _in_one_form(name: str, codes: Sequence[tuple[int, bool]], colours: bool, where: str) -> tuple[int, ...]:
    """The codes of a class, as colours where the legend has any colour. Raises DataError."""
    if colours and any(not is_colour and value > 255 for value, is_colour in codes):
        raise DataError(f"{where} has colours, and the value of '{name}' is no grey of 0 to 255")
    return tuple(_code_of(value, is_colour, colours) for value, is_colour in codes)


def _require_one_class(by_class: Mapping[str, Sequence[int]], colours: bool, where: str) -> None:
    """Raises DataError where two classes share a code."""
    every = Counter(chain.from_iterable(by_class.values()))
    twice = next((code for code, count in every.items() if count > 1), None)
    if twice is not None:
        both = [name for name, codes in by_class.items() if twice in codes]
        shown = as_colour(twice) if colours else twice
        raise DataError(f"{where} gives {shown} to {' and '.join(both)}: a pixel is of one class")


def _require_names(names: Sequence[str], where: str) -> None:
    if len(names) < 2:
        raise DataError(f"{where} has {len(names)} names: two classes are needed to tell apart, the background counts")
    if len(names) > 254:
        raise DataError(f"{where} has {len(names)} names, and a mask has 254 classes at most")
    twice = next((name for name in names if list(names).count(name) > 1), None)
    if twice is not None:
        raise DataError(f"{where} names the class '{twice}' twice")


def _code_of(value: int, is_colour: bool, colours: bool) -> int:
    """The code of a value; in a legend with colours, a grey value becomes a colour."""
    return grey(value) if colours and not is_colour else value


def _codes(name: object, value: Any, where: str) -> list[tuple[int, bool]]:
    """(code, whether it is a colour) of each value of a class; empty for the class of the rest."""
    if value == REST:
        return []
    if _is_whole(value, MOST_VALUE):
        return [(value, False)]
    if isinstance(value, list | tuple) and len(value) == 3 and all(_is_whole(each, 255) for each in value):
        return [(code(value), True)]
    if isinstance(value, list | tuple) and value and all(isinstance(each, list | tuple) for each in value):
        return [found for each in value for found in _codes(name, each, where)]
    raise DataError(
        f"{where}.{name} is {show(value)}: it takes an index or a grey value, 0 to {MOST_VALUE}, or a colour "
        f"[red, green, blue] of 0 to 255, or a list of colours, or {REST} for all that no other class has"
    )


def _is_whole(value: object, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most


# Files ---------------------------------------------------------------------------------------------------------------


def legend_file(tree: Tree, name: str) -> tuple[Legend, str]:
    """The legend in the file `name`, below `tree` or at an absolute path, and the file's name for messages.

    Raises DataError where there is no such file, or no legend in it.
    """
    wanted = tree.inside(name)
    there = [place for place in tree.files if place[-len(wanted) :] == wanted]
    absolute = Path(name).expanduser()
    if there:
        file: File = tree.files[min(there, key=len)]
    elif absolute.is_absolute() and absolute.is_file():
        file = absolute
    else:
        texts = ["/".join(place) for place in tree.files if place[-1].lower().endswith((".csv", ".txt", ".tsv"))]
        raise DataError(
            f"classes is '{name}', and {tree.origin} has no such file{did_you_mean(name, texts)}; a legend is a file "
            "with lines such as name,255,0,0, or a mapping {name: [255, 0, 0]}"
        )
    return read_legend(decode(content(file), "utf-8", Path(str(file))), str(file)), str(file)


def known_legend(tree: Tree) -> str | None:
    """The path of a file with a usual name of a legend; None where there is none."""
    found = sorted((len(place), place) for place in tree.files if place[-1].lower() in FILES)
    return "/".join(found[0][1]) if found else None


def read_legend(text: str, origin: str) -> Legend:
    """Reads a legend with a class on each line; the first line may be a header, and # begins a comment. Raises
    DataError."""
    found: dict[str, Any] = {}
    for number, line in enumerate(text.splitlines(), 1):
        plain = line.strip()
        if not plain or plain.startswith("#"):
            continue
        match = next(filter(None, (pattern.fullmatch(plain) for pattern in LINES)), None)
        if match is None:
            if not found:
                continue  # names of columns
            raise DataError(
                f"{origin}:{number}: '{plain[:80]}' is no class: a line is name,red,green,blue or name,value"
            )
        name = match["name"].strip(" \t,;:|\"'")
        if name in found:
            raise DataError(f"{origin}:{number}: the class '{name}' is there twice")
        value = match.groupdict().get("value")
        colour = [int(each) for each in match.groups() if each is not None and each.isdigit()][:3]
        found[name] = int(value) if value is not None else colour
    if not found:
        raise DataError(f"{origin} has no classes: a line is name,red,green,blue or name,value")
    return legend_of(found, origin)
