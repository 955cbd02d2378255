"""`nn.NAME`: any module of `torch.nn` with one tensor as its input and one as its output.

The sizes of the input need not be written: `in_channels`, `in_features`, `num_features` and `num_channels` are `same`
by default.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from torch import nn

from nas_cli.arguments import Channels
from nas_cli.errors import SpecError, did_you_mean
from nas_cli.model.ops.traits import NOTHING, TRAITS, Traits
from nas_cli.registry import Param, signature

PREFIX = "nn."
INCOMING = ("in_channels", "in_features", "num_features", "num_channels")
HIDDEN = ("device", "dtype", "inplace", "return_indices", "batch_first")
"""Arguments that no spec may set: device and dtype are no part of a design, an in-place module would overwrite a value
that other layers read, and the others change the form of inputs or outputs."""
CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict, nn.Container)
RECURRENT = (nn.RNNBase, nn.RNNCellBase)
OF_MODULES = (nn.Transformer, nn.TransformerEncoder, nn.TransformerDecoder, nn.DataParallel)


def is_torch_name(name: object) -> bool:
    return isinstance(name, str) and name.startswith(PREFIX)


@functools.cache
def _classes() -> dict[str, type[nn.Module]]:
    found = {name: getattr(nn, name) for name in dir(nn) if not name.startswith("_")}
    return {
        PREFIX + name: item for name, item in found.items() if inspect.isclass(item) and issubclass(item, nn.Module)
    }


@functools.cache
def layer_names() -> tuple[str, ...]:
    return tuple(sorted(name for name in _classes() if not _refusal(name)))


def is_layer(name: str) -> bool:
    return name in _classes() and not _refusal(name)


@functools.cache
def _refusal(name: str) -> str:
    """Why `nn.NAME` cannot be a layer; empty where it can."""
    cls = _classes()[name]
    if cls is nn.Module or issubclass(cls, CONTAINERS):
        return "is a container; write its layers as a list"
    if "Loss" in cls.__name__:
        return "is a loss; losses go under train.loss"
    if cls.__name__.startswith("Lazy"):
        return f"is not needed: nn.{cls.__name__.removeprefix('Lazy')} takes what comes in by itself"
    if issubclass(cls, RECURRENT):
        return "gives more than one output, and a layer gives one"
    if issubclass(cls, OF_MODULES):
        return "is made of other modules, and a spec holds plain values"
    inputs = [
        p
        for p in list(inspect.signature(cls.forward).parameters.values())[1:]
        if p.default is inspect.Parameter.empty and p.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    ]
    if len(inputs) != 1:
        return f"takes {len(inputs)} inputs, and a layer takes one"
    return ""


def _class(name: str) -> type[nn.Module]:
    if name not in _classes():
        hint = did_you_mean(name, layer_names())
        hint = hint if "did you mean" in hint else "; nn. is followed by a module of torch.nn, such as nn.GELU"
        raise SpecError(f"torch.nn has no module '{name.removeprefix(PREFIX)}'{hint}", on_key=True)
    refusal = _refusal(name)
    if refusal:
        raise SpecError(f"{name} {refusal}", on_key=True)
    return _classes()[name]


@functools.cache
def params(name: str) -> tuple[Param, ...]:
    """The parameters of `nn.NAME`, from its signature. Raises SpecError where it cannot be a layer."""
    kept = [p for p in _signature(_class(name)) if p.name not in HIDDEN and not p.name.startswith("_")]
    return tuple(_relative(param) for param in kept)


def _relative(param: Param) -> Param:
    """`param` with the default `same` where it is a size of the input."""
    if param.name not in INCOMING:
        return param
    return replace(param, annotation=Channels, default="same")


def _signature(cls: type[nn.Module]) -> tuple[Param, ...]:
    try:
        return signature(cls)
    except NameError:  # an annotation that exists for type checkers only
        return tuple(Param(p.name, Any, p.default) for p in inspect.signature(cls).parameters.values())


def traits(name: str) -> Traits:
    """The traits of `nn.NAME`."""
    return TRAITS.get(_class(name), NOTHING)


def describe(name: str) -> str:
    """The first sentence of its documentation."""
    lines = (inspect.getdoc(_class(name)) or "").splitlines()
    text = next((line for line in lines if line.strip() and not line.startswith(name)), "")
    return re.sub(r":\w+:`~?([^`<]*?)\s*(<[^>]*>)?`", r"\1", text.split(". ")[0]).rstrip(".")


def fixed_arguments(name: str) -> dict[str, Any]:
    """Arguments that every `nn.NAME` gets here: the batch is always the first axis."""
    return {"batch_first": True} if any(p.name == "batch_first" for p in _signature(_class(name))) else {}


@functools.cache
def op_function(name: str) -> Callable[..., nn.Module]:
    cls = _class(name)
    ours = fixed_arguments(name)

    def build(shape: tuple[int, ...], **arguments: Any) -> nn.Module:
        """`arguments` as `torch.nn` takes them; `same` and `x2` are numbers by now."""
        return cls(**ours, **arguments)

    return build
