"""Writes the modules of a network as Python source, for `nas export --format source`."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from nas_cli.errors import ExportError
from nas_cli.model.network import Network
from nas_cli.model.ops import torch_modules
from nas_cli.model.program import Step


def constructor(network: Network, step: Step) -> str:
    """Source of the constructor call for an 'op' step; `nn` is `torch.nn`, other names are `custom_classes`."""
    if torch_modules.is_torch_name(step.op):
        # The repr would not do: torch leaves arguments out there, such as count_include_pad of AvgPool2d.
        arguments = {**torch_modules.fixed_arguments(step.op), **step.args}
        return f"{step.op}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"
    module = network.layers[step.name]
    theirs = [cls for cls in _classes(module) if not _is_ours(cls)]
    if not theirs:
        return _written(module, {})
    with torch.device("meta"), torch.random.fork_rng(devices=[]), _recording(theirs) as made:
        again = network.program.construct(step)
    return _written(again, made)


def custom_classes(network: Network) -> list[type[nn.Module]]:
    """The classes of all modules of the network, inner modules included, that are not torch's own."""
    return _classes(network.layers)


def _classes(module: nn.Module) -> list[type[nn.Module]]:
    found = dict.fromkeys(type(inner) for inner in module.modules())
    return sorted((cls for cls in found if not _is_torch(cls)), key=lambda cls: cls.__name__)


Made = dict[int, tuple[tuple[Any, ...], dict[str, Any]]]
"""Constructor arguments (positional, named) by the id of the module."""


@contextmanager
def _recording(classes: Sequence[type[nn.Module]]) -> Iterator[Made]:
    """Records the constructor arguments of modules of `classes`, so that a user's class needs no repr for them."""
    made: Made = {}
    before = {cls: vars(cls).get("__init__") for cls in classes}
    for cls in classes:
        _record(cls, made)
    try:
        yield made
    finally:
        for cls, own in before.items():
            if own is None:
                del cls.__init__
            else:
                cls.__init__ = own  # type: ignore[method-assign]


def _record(cls: type[nn.Module], made: Made) -> None:
    make = cls.__init__

    @functools.wraps(make)
    def noted(self: nn.Module, *args: Any, **named: Any) -> None:
        if type(self) is cls:
            made.setdefault(id(self), (args, named))
        make(self, *args, **named)

    cls.__init__ = noted  # type: ignore[method-assign]


def _written(module: nn.Module, made: Made) -> str:
    if type(module) is nn.Sequential:
        return f"nn.Sequential({', '.join(_written(part, made) for part in module)})"
    if _is_torch(type(module)):
        return f"nn.{module!r}"
    if _is_ours(type(module)):
        return repr(module)
    args, named = made[id(module)]
    arguments = [_argument(value, made, module) for value in args]
    arguments += [f"{key}={_argument(value, made, module)}" for key, value in named.items()]
    return f"{type(module).__name__}({', '.join(arguments)})"


def _argument(value: Any, made: Made, module: nn.Module) -> str:
    """`value` as Python source. Raises ExportError where it has no such form."""
    if isinstance(value, nn.Module):
        return _written(value, made)
    if value is None or type(value) in (bool, int, str) or isinstance(value, torch.dtype):
        return repr(value)
    if isinstance(value, float):
        return repr(value) if type(value) is float and math.isfinite(value) else f"float('{value}')"
    if isinstance(value, list | tuple | dict):
        return _collection(value, made, module)
    name = getattr(value, "__name__", "")
    if name and getattr(nn, name, None) is value:
        return f"nn.{name}"
    raise ExportError(
        f"{type(module).__name__} is made with {value!r}, which cannot be written down as Python: give it numbers, "
        "texts, lists of these, or modules"
    )


def _collection(value: list[Any] | tuple[Any, ...] | dict[Any, Any], made: Made, module: nn.Module) -> str:
    if isinstance(value, dict):
        pairs = [f"{_argument(key, made, module)}: {_argument(item, made, module)}" for key, item in value.items()]
        return f"{{{', '.join(pairs)}}}"
    items = [_argument(item, made, module) for item in value]
    if isinstance(value, list):
        return f"[{', '.join(items)}]"
    return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"


def _is_torch(cls: type[nn.Module]) -> bool:
    return cls.__module__.split(".")[0] == "torch"


def _is_ours(cls: type[nn.Module]) -> bool:
    return cls.__module__.split(".")[0] == "nas_cli"
