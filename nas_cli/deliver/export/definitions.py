"""Collects the source of classes with everything it needs from their files: imports, helpers, constants, base classes.

Imports from nas are replaced by the source of what they name, so the text does not need nas. Decorators of nas are left
out, and so is `first_weights`, which initialises new networks only: an export has its weights stored.
"""

from __future__ import annotations

import ast
import builtins
import copy
import inspect
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import ModuleType

from nas_cli.errors import ExportError

OURS = "nas_cli"
GIVEN = {
    "math": "import math",
    "torch": "import torch",
    "Tensor": "from torch import Tensor",
    "nn": "from torch import nn",
}
"""The imports that model.py has already."""
LEFT_OUT = "first_weights"
TAKEN = ("Model", "load", "Path", "NAME", "TASK", "LABELS", "INPUT_SHAPE")
"""The names that model.py defines itself."""


def definitions(classes: Sequence[type]) -> str:
    """Statements that define `classes`, each after the definitions that it needs.

    Raises ExportError where a class is not defined at the top level of a file, and where two definitions have the same
    name.
    """
    found = _Definitions()
    for cls in classes:
        if "." in cls.__qualname__:
            raise ExportError(
                f"{cls.__qualname__} is defined inside of another thing: define it at the top of its file"
            )
        found.add(sys.modules[cls.__module__], cls.__name__)
    return "\n\n".join([*(["\n".join(found.imports)] if found.imports else []), *found.texts])


@dataclass
class _Definitions:
    imports: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    _files: dict[str, _File] = field(default_factory=dict)
    _seen: dict[str, tuple[str, object]] = field(default_factory=dict)

    def add(self, module: ModuleType, name: str) -> None:
        """Adds the definition of `name` in `module`, after those it needs. A name that the module does not define is a
        builtin, or comes from a star import."""
        file = self._file(module)
        node = file.nodes.get(name)
        if node is None:
            if not hasattr(builtins, name):
                self._import(file.stars)
            return
        if isinstance(node, ast.Import | ast.ImportFrom):
            self._add_import(node, name)
            return
        if self._is_known(name, (module.__name__, node)):
            return
        if name in TAKEN or name in GIVEN:
            raise ExportError(f"{file.path} defines {name}, as model.py does: give it another name")
        for needed in file.needs(node):
            if needed != name:
                self.add(module, needed)
        text = file.text(node)
        if text not in self.texts:
            self.texts.append(text)

    def _file(self, module: ModuleType) -> _File:
        if module.__name__ not in self._files:
            self._files[module.__name__] = _File(module)
        return self._files[module.__name__]

    def _add_import(self, node: ast.Import | ast.ImportFrom, name: str) -> None:
        alias = next(alias for alias in node.names if (alias.asname or alias.name.split(".")[0]) == name)
        if isinstance(node, ast.ImportFrom) and _is_of_nas(node):
            if alias.asname not in (None, alias.name):
                raise ExportError(f"{alias.name} of nas is imported as {name}: import it under its own name")
            self.add(_home(sys.modules[str(node.module)], alias.name), alias.name)
            return
        if alias.name.split(".")[0] == OURS:
            return
        single = ast.Import([alias]) if isinstance(node, ast.Import) else ast.ImportFrom(node.module, [alias], 0)
        text = ast.unparse(single)
        if text == "import torch.nn as nn":
            return
        if name in GIVEN and text != GIVEN[name] and alias.asname is not None:
            raise ExportError(f"'{text}' gives {name} another meaning than model.py does: import it under another name")
        if not self._is_known(name, ("import", text)):
            self._import([text])

    def _import(self, texts: Sequence[str]) -> None:
        self.imports += [text for text in texts if text not in self.imports and text not in GIVEN.values()]

    def _is_known(self, name: str, what: tuple[str, object]) -> bool:
        """Whether `name` was added before. Raises ExportError where a different definition of that name was."""
        if name in self._seen:
            if self._seen[name] != what:
                raise ExportError(f"two things that this network needs are called {name}: give one another name")
            return True
        self._seen[name] = what
        return False


class _File:
    """The statements of a module, by the names that they define."""

    def __init__(self, module: ModuleType) -> None:
        try:
            self.source = inspect.getsource(module)
        except (OSError, TypeError):
            raise ExportError(f"the source of {module.__name__} is not there to be written down") from None
        self.path = str(module.__file__)
        self.nodes: dict[str, ast.stmt] = {}
        self.stars: list[str] = []
        for node in ast.parse(self.source).body:
            for name in _defined(node):
                self.nodes[name] = node
            if (
                isinstance(node, ast.ImportFrom)
                and node.names[0].name == "*"
                and (node.module or "")[: len(OURS)] != OURS
            ):
                self.stars.append(ast.unparse(node))

    def needs(self, node: ast.stmt) -> Iterator[str]:
        """The names that the statement reads, except in decorators of nas."""
        decorators = list(getattr(node, "decorator_list", []))
        left_out = {name for each in decorators if self._is_ours(each) for name in (*_names(each), *_root(each))}
        pruned = copy.copy(node)
        if isinstance(pruned, ast.ClassDef):
            pruned.body = [each for each in pruned.body if not _brings_weights(each)]
        yield from (name for name in _names(pruned) if name not in left_out)

    def text(self, node: ast.stmt) -> str:
        text = _shortened(ast.get_source_segment(self.source, node) or "", node)
        kept = [f"@{ast.unparse(each)}\n" for each in getattr(node, "decorator_list", []) if not self._is_ours(each)]
        return "".join(kept) + text

    def _is_ours(self, decorator: ast.expr) -> bool:
        """Whether the decorator comes from nas: an export needs no registration."""
        node = next((self.nodes.get(name) for name in _root(decorator)), None)
        return isinstance(node, ast.Import | ast.ImportFrom) and _is_of_nas(node)


def _brings_weights(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef) and node.name == LEFT_OUT


def _shortened(text: str, node: ast.stmt) -> str:
    """The `text` of a class without the method that brings weights."""
    method = next(filter(_brings_weights, node.body), None) if isinstance(node, ast.ClassDef) else None
    if method is None:
        return text
    assert isinstance(method, ast.FunctionDef)
    lines = text.split("\n")
    starts = [method.lineno, *(decorator.lineno for decorator in method.decorator_list)]
    first = min(starts) - node.lineno
    after = (method.end_lineno or method.lineno) - node.lineno + 1
    before = "\n".join(lines[:first]).rstrip()
    alone = len(node.body) == 1 if isinstance(node, ast.ClassDef) else False
    rest = ["    pass"] if alone else lines[after:]
    return "\n".join([before, *rest]).rstrip()


def _is_of_nas(node: ast.Import | ast.ImportFrom) -> bool:
    module = node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
    return (module or "").split(".")[0] == OURS


def _root(decorator: ast.expr) -> list[str]:
    """The name at the root of a decorator: `nas` for `@nas.op("x")`."""
    while isinstance(decorator, ast.Call | ast.Attribute):
        decorator = decorator.func if isinstance(decorator, ast.Call) else decorator.value
    return [decorator.id] if isinstance(decorator, ast.Name) else []


def _home(module: ModuleType, name: str) -> ModuleType:
    """The module that defines `name`, which `module` may only re-export."""
    thing = getattr(module, name)
    return sys.modules[getattr(thing, "__module__", module.__name__)] if callable(thing) else module


def _defined(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        if getattr(node, "module", None) != "__future__":
            yield from (alias.asname or alias.name.split(".")[0] for alias in node.names)
    elif isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
        yield node.name
    else:
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                yield inner.id
            elif isinstance(inner, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef) and inner is not node:
                yield from _defined(inner)


def _names(node: ast.AST) -> Iterator[str]:
    """The names that `node` reads, except in annotations, which the export does not evaluate."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.Name):
                yield child.id
            elif isinstance(child, ast.AST):
                yield from _names(child)
