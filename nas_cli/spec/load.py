"""Reads a spec file as plain data with the place of every value: YAML 1.2's plain types, and no tags.

Differences from PyYAML's own loader: `1e-3` is a number, `no`, `on` and `1:30` are texts, a repeated key is an error,
tags are refused, and values count at every alias, so that a file of ten lines cannot fill the memory.
"""

from __future__ import annotations

import os
import re
import stat
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path as FilePath
from typing import Any

import yaml

from nas_cli.errors import Path, SpecError, UserError
from nas_cli.registry import short
from nas_cli.words import is_utf8

MAX_BYTES = 1_000_000
MAX_VALUES = 30_000
MAX_DEPTH = 100
PIPES = r"/dev/stdin|/(dev|proc/self)/fd/[0-9]+"
TAG = "tag:yaml.org,2002:"
Mark = tuple[int, int]


class _Loader(yaml.SafeLoader):
    """YAML 1.2's core schema: the only plain texts with a meaning are null, true, false and numbers."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._composed = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Counts keys and values, so that a long file is refused before it is read to its end."""
        self._composed += 1
        if self._composed > MAX_VALUES:
            problem = f"it holds more than {MAX_VALUES:,} keys and values"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=self.get_mark())
        return super().compose_node(parent, index)


_Loader.yaml_implicit_resolvers = {}
_PLAIN = {
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "bool": (r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    "int": (r"[-+]?[0-9][0-9_]*", list("-+0123456789")),
    "float": (
        r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|\.[0-9_]+(?:[eE][-+]?[0-9]+)?|[0-9][0-9_]*[eE][-+]?[0-9]+"
        r"|\.(?:inf|Inf|INF))|\.(?:nan|NaN|NAN)",
        list("-+0123456789."),
    ),
    "merge": (r"<<", ["<"]),
}
for _name, (_pattern, _first) in _PLAIN.items():
    _Loader.add_implicit_resolver(TAG + _name, re.compile(f"^(?:{_pattern})$"), _first)


@dataclass
class Document:
    """`data` is the content of the file; `place` finds a value in the file.

    `written` has the original text of each number, boolean or null that Python would print differently: `1_000`.
    """

    name: str
    data: dict[str, Any]
    marks: dict[Path, Mark] = field(default_factory=dict)
    key_marks: dict[Path, Mark] = field(default_factory=dict)
    overrides: dict[Path, str] = field(default_factory=dict)
    written: dict[Path, str] = field(default_factory=dict)

    def as_written(self, path: Path) -> dict[Path, str]:
        """The entries of `written` under `path`, with paths relative to it."""
        return {key[len(path) :]: text for key, text in self.written.items() if key[: len(path)] == path}

    def place(self, path: Path, on_key: bool = False) -> str:
        """`file:line:column` of the value at `path`, or of the value around it; `--set …` for an overridden one."""
        for length in range(len(path), -1, -1):
            prefix = path[:length]
            if prefix in self.overrides:
                return f"--set {short(self.overrides[prefix])}"
            marks = self.key_marks if on_key and length == len(path) and prefix in self.key_marks else self.marks
            if prefix in marks:
                line, column = marks[prefix]
                return f"{self.name}:{line}:{column}"
        return self.name

    def locate(self, error: SpecError) -> SpecError:
        """`error` with its place in front of its message."""
        return SpecError(f"{self.place(error.path, error.on_key)}: {error.message}", error.path)


def load_document(path: FilePath, overrides: Iterable[str] = ()) -> Document:
    """Reads the spec at `path` and applies `--set` overrides (`search.stop.trials=5`).

    Raises UserError where the file cannot be read, SpecError where it is no YAML mapping.
    """
    return overridden(parse_document(read_spec(path), str(path)), overrides)


def overridden(document: Document, overrides: Iterable[str]) -> Document:
    """`document`, changed in place by `--set` overrides. Raises SpecError."""
    for override in overrides:
        _override(document, override)
    return document


def read_spec(path: FilePath) -> str:
    """The text of the spec at `path`. Raises UserError where it cannot be read."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise UserError(f"{path} is a folder; a spec is a YAML file")
        # A named pipe may have no writer, and reading it would wait forever. One of the shell's <(…) has a writer.
        if not stat.S_ISREG(mode) and not (stat.S_ISFIFO(mode) and re.fullmatch(PIPES, str(path))):
            raise UserError(f"{path} is a device or a pipe; a spec is a YAML file")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise UserError(f"{path} has more than {MAX_BYTES:,} bytes, and a spec has no more")
        return content.decode("utf-8-sig")
    except FileNotFoundError:
        raise UserError(f"there is no file {path}{_siblings(path)}") from None
    except ValueError as error:
        if not isinstance(error, UnicodeDecodeError):  # a NUL in the path
            raise UserError(f"there is no file {path}: {error}") from None
        raise UserError(f"{path} is no text: byte {error.start} is not UTF-8; a spec is a YAML file") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None


def _siblings(path: FilePath) -> str:
    if not path.parent.is_dir():
        return f", and no folder {path.parent}"
    with os.scandir(path.parent) as entries:
        names = sorted(entry.name for entry in islice(entries, 1000) if re.search(r"\.ya?ml$", entry.name))
    found = [str(path.parent / name) for name in names[:8]]
    return f"; that folder has {', '.join(found)}" if found else ""


def parse_document(text: str, name: str) -> Document:
    """Parses `text`. Raises SpecError with the place in its message."""
    try:
        loader = _Loader(text)
    except yaml.YAMLError as error:
        raise SpecError(f"{name}: no readable text: {_first_line(error)}") from None
    try:
        root = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        raise SpecError(f"{place}: no valid YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise SpecError(f"{name}: no valid YAML: {_first_line(error)}") from None
    except RecursionError:
        raise SpecError(f"{name}: the values are nested more than {MAX_DEPTH} deep") from None
    finally:
        loader.dispose()
    document = Document(name, {})
    if root is None:
        raise SpecError(f"{name}: the file is empty; a spec needs at least task, data, and model or space")
    if not isinstance(root, yaml.MappingNode):
        kind = "a list" if isinstance(root, yaml.SequenceNode) else "a single value"
        raise SpecError(f"{name}:{_mark(root)[0]}:{_mark(root)[1]}: a spec is a mapping such as 'task: …', not {kind}")
    document.data = _Builder(document).build(root, ())
    return document


def _first_line(error: yaml.YAMLError) -> str:
    return str(error).split("\n", 1)[0]


def _mark(node: yaml.Node) -> Mark:
    return node.start_mark.line + 1, node.start_mark.column + 1


class _Builder:
    """Turns YAML nodes into plain data and records the place of each value. Every alias is built separately."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._count = self._depth = 0

    def build(self, node: yaml.Node, path: Path) -> Any:
        self._depth += 1  # not the length of `path`: merged mappings add depth only
        value = self._build(node, path)
        self._depth -= 1
        return value

    def _build(self, node: yaml.Node, path: Path) -> Any:
        self._count += 1
        self._document.marks[path] = _mark(node)
        if self._count > MAX_VALUES:
            self._fail(node, f"the spec holds more than {MAX_VALUES:,} values once its aliases are written out")
        if self._depth > MAX_DEPTH + 1:
            self._fail(node, f"the values are nested more than {MAX_DEPTH} deep; does an alias contain itself?")
        self._require_plain(node)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(child, (*path, index)) for index, child in enumerate(node.value)]
        value = self._scalar(node)
        if not isinstance(value, str) and str(value) != node.value:
            self._document.written[path] = node.value
        return value

    def _require_plain(self, node: yaml.Node) -> None:
        if not node.tag.startswith(TAG) or node.tag.removeprefix(TAG) not in (*_PLAIN, "str", "seq", "map"):
            self._fail(node, f"the tag {node.tag.replace(TAG, '!!')} is not allowed in a spec")

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == f"{TAG}merge":
                merged.update(self._merge(value_node, path))
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                self._fail(key_node, "a key must be a text")
            self._require_plain(key_node)
            key = self._text(key_node)
            if key in result:
                self._fail(key_node, f"the key '{short(key)}' stands twice")
            self._document.key_marks[(*path, key)] = _mark(key_node)
            result[key] = self.build(value_node, (*path, key))
        return {**merged, **result}

    def _merge(self, node: yaml.Node, path: Path) -> dict[str, Any]:
        parts = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict[str, Any] = {}
        for part in reversed(parts):
            if not isinstance(part, yaml.MappingNode):
                self._fail(part, "<< takes a mapping")
            merged.update(self.build(part, path))
        return merged

    def _scalar(self, node: yaml.Node) -> Any:
        text, kind = self._text(node), node.tag.rsplit(":", 1)[1]
        if kind in _PLAIN and kind != "merge" and not re.fullmatch(_PLAIN[kind][0], text):
            self._fail(node, f"{short(repr(text))} is tagged as {kind} and is none")
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        if kind not in ("int", "float"):
            return text
        try:
            if kind == "int":
                return int(text.replace("_", ""))
            return float(re.sub(r"\.(inf|nan)$", r"\1", text.replace("_", ""), flags=re.IGNORECASE))
        except ValueError:
            self._fail(node, f"'{text[:40]}' is no number that can be read")

    def _text(self, node: yaml.Node) -> str:
        """The text of a scalar. Raises SpecError for half of a surrogate pair, which UTF-8 cannot encode."""
        text = str(node.value)
        if not is_utf8(text):
            self._fail(node, f"{short(ascii(text))} holds half of a pair of surrogates, which is no character")
        return text

    def _fail(self, node: yaml.Node, message: str) -> Any:
        line, column = _mark(node)
        raise SpecError(f"{self._document.name}:{line}:{column}: {message}")


def _override(document: Document, override: str) -> None:
    """Applies `key=value`. Lists are indexed with numbers: `model.0.conv.channels=8`. The value is YAML."""
    name = f"--set {short(override)}"
    key, equals, text = override.partition("=")
    steps = re.findall(r"[^.\[\]]+", key.strip())
    if not equals or not steps or not is_utf8(key):
        raise SpecError(f"{name}: a key and a value are expected, such as search.stop.trials=5")
    if len(steps) > MAX_DEPTH:
        raise SpecError(f"{name}: the values are nested more than {MAX_DEPTH} deep")
    several = len(text.splitlines()) > 1  # by any line break that YAML knows
    given = parse_document(f"value:\n{textwrap.indent(text, ' ')}" if several else f"value: {text}", name)
    target: Any = document.data
    path: Path = ()
    for step in steps[:-1]:
        target, path = _descend(target, step, path, name)
    last: Any = _index(target, steps[-1], name) if isinstance(target, list) else steps[-1]
    if not isinstance(target, dict | list):
        raise SpecError(f"{name}: {'.'.join(map(str, path))} is a plain value and has nothing inside")
    target[last] = given.data["value"]
    path = (*path, last)
    places: tuple[dict[Path, Any], ...] = (document.marks, document.key_marks, document.overrides, document.written)
    for known in places:  # forget the places inside the value that is replaced
        for inside in [place for place in known if place[: len(path)] == path]:
            del known[inside]
    document.overrides[path] = override
    document.written |= {(*path, *inside): text for inside, text in given.as_written(("value",)).items()}


def _descend(target: Any, step: str, path: Path, name: str) -> tuple[Any, Path]:
    if isinstance(target, list):
        index = _index(target, step, name)
        return target[index], (*path, index)
    if not isinstance(target, dict):
        raise SpecError(f"{name}: {'.'.join(map(str, path))} is a plain value and has nothing inside")
    if not isinstance(target.get(step), dict | list):
        # `strategy: evolution` may be given arguments: it becomes `strategy: {evolution: {}}`.
        target[step] = {} if target.get(step) is None else {str(target[step]): {}}
    return target[step], (*path, step)


def _index(target: list[Any], step: str, name: str) -> int:
    if not target:
        raise SpecError(f"{name}: the list is empty")
    if not re.fullmatch("[0-9]{1,9}", step) or int(step) >= len(target):
        raise SpecError(f"{name}: the list has the places 0 to {len(target) - 1}; got '{step}'")
    return int(step)
