"""Output shape and cost of a layer, found by running it on the meta device."""

from __future__ import annotations

import functools
import inspect
import json
import warnings
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, get_args

import torch
import torch._decomp.decompositions
import torch._refs.nn.functional
from torch import Tensor, nn
from torch.utils import flop_counter

from nas_cli.arguments import Relative, relative_channels
from nas_cli.axes import Axes
from nas_cli.errors import Infeasible, PluginError
from nas_cli.model.ops import OPS, OpFunction, Shape, show_shape
from nas_cli.model.ops.internal import INTERNAL
from nas_cli.model.ops.lengths import Lengths, lengths_of
from nas_cli.model.ops.traits import of_module
from nas_cli.model.ops.vocabulary import apply
from nas_cli.registry import facts_wanted
from nas_cli.torch_tuning.compiler import leave_out

for _module in (torch._refs, torch._refs.nn.functional, torch._decomp.decompositions):  # the meta device runs these
    leave_out(vars(_module).values())
leave_out(getattr(counter, "__torch_dispatch__", None) for counter in vars(flop_counter).values())

BATCH, LONGER = 2, 13
MAX_REMEMBERED = 20_000


@dataclass(frozen=True)
class Inferred:
    """Output axes of a layer, its number of parameters, whether it is an identity or gives zeros, and how it changes
    the lengths of sequences (None: not at all)."""

    axes: Axes
    params: int
    is_identity: bool
    is_zero: bool
    lengths: Lengths | None = None


@dataclass(frozen=True)
class Counted:
    """Cost of one sample: multiply-accumulates, and about how many activations training keeps for the backward pass."""

    macs: int
    activations: int


_Key = tuple[OpFunction, str, Axes]
_remembered: dict[_Key, Inferred] = {}
_counted: dict[_Key, Counted] = {}


def construct(name: str, args: Mapping[str, Any], shape: Shape) -> nn.Module:
    """The module of an op for samples of `shape`, on torch's default device."""
    return _function(name)(shape, **args)


def _function(name: str) -> OpFunction:
    return INTERNAL[name] if name in INTERNAL else OPS[name]


def infer(name: str, args: Mapping[str, Any], axes: Axes) -> Inferred:
    """Builds the op on the meta device, which costs no memory, and runs it on a batch of 2 in training mode.

    Results are cached. Raises Infeasible with the reason where the op cannot take the input, or takes a sequence of
    this length but no longer one.
    """
    key = _key(name, args, axes)
    if key not in _remembered:
        found = _infer(name, args, axes)
        if len(_remembered) >= MAX_REMEMBERED:
            _remembered.clear()
        _remembered[key] = found
    return _remembered[key]


def count(name: str, args: Mapping[str, Any], axes: Axes) -> Counted:
    """Cost of one sample in an op that `infer` accepts: half of the FLOPs that torch counts, and the sizes of the
    outputs of its inner modules.

    Separate from `infer` because torch's counter takes a second to load, and a worker that trains never counts.
    """
    key = _key(name, args, axes)
    if key not in _counted:
        counter, given = flop_counter.FlopCounterMode(display=False), [0]

        def see(module: nn.Module, _: object, output: object) -> None:
            outputs = output if isinstance(output, tuple) else (output,)
            keeps = of_module(module).keeps
            if keeps > 1:
                given[0] += keeps * outputs[0].numel()
            elif not any(module.children()):
                given[0] += sum(value.numel() for value in outputs if isinstance(value, Tensor))

        hook = nn.modules.module.register_module_forward_hook(see)
        try:
            _, result = _run(name, args, axes, counter)
        finally:
            hook.remove()
        assert isinstance(result, Tensor)
        if len(_counted) >= MAX_REMEMBERED:
            _counted.clear()
        kept = OPS.traits(name).keeps * result.numel()
        macs, activations = counter.get_total_flops() // 2, max(given[0], kept)
        _counted[key] = Counted(macs // BATCH, activations // BATCH)
    return _counted[key]


def _key(name: str, args: Mapping[str, Any], axes: Axes) -> _Key:
    return _function(name), json.dumps(args, sort_keys=True, default=str), axes


def resolve_arguments(name: str, args: Mapping[str, Any], shape: Shape, facts: Mapping[str, Any]) -> dict[str, Any]:
    """`args` with numbers for `same` and `x2` (defaults included), and with the arguments that come from the data's
    `facts`. Raises Infeasible where the data lacks such a fact."""
    resolved = dict(args)
    for parameter, key in _facts_wanted(OPS[name]).items():
        if key not in facts:
            raise Infeasible(f"it is for data with {key.replace('_', ' ')}, and this data has none")
        resolved[parameter] = facts[key]
    for parameter, default in _relative_params(name, OPS[name]):
        value = args.get(parameter, default)
        if isinstance(value, str):
            incoming = shape[-1] if parameter == "in_features" else shape[0]
            resolved[parameter] = relative_channels(value, incoming)
    return resolved


@functools.cache
def _facts_wanted(function: OpFunction) -> dict[str, str]:
    return facts_wanted(function)


@functools.cache
def _relative_params(name: str, function: OpFunction) -> tuple[tuple[str, Any], ...]:
    return tuple((p.name, p.default) for p in OPS.params(name) if _is_relative(p.annotation))


def _is_relative(annotation: Any) -> bool:
    return isinstance(annotation, Relative) or any(map(_is_relative, get_args(annotation)))


def _run(
    name: str, args: Mapping[str, Any], axes: Axes, watch: AbstractContextManager[object]
) -> tuple[nn.Module, object]:
    """The module on the meta device, and its output for a batch, computed inside the context `watch`."""
    # A user's op may draw random numbers when it is built: this must not change the caller's random state.
    with torch.device("meta"), torch.random.fork_rng(devices=[]), torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = construct(name, args, axes.shape)
        with watch:
            return module, _given(module, axes)


def _given(module: nn.Module, axes: Axes) -> object:
    """The output of `module` for a batch of 2, on the meta device."""
    batch = torch.empty((BATCH, *axes.shape), dtype=getattr(torch, axes.dtype), device="meta")
    mask = torch.empty((BATCH, axes.shape[-1]), dtype=torch.bool, device="meta") if axes.ragged else None
    return apply(module, batch, mask)


def _infer(name: str, args: Mapping[str, Any], axes: Axes) -> Inferred:
    try:
        module, output = _run(name, args, axes, nullcontext())
    except (Infeasible, PluginError):
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - torch and users' ops raise anything: it is this candidate's end
        blamed = _blamed(name, f"fails: {_first_sentence(error)}", error)
        raise Infeasible(str(blamed or _first_sentence(error))) from blamed or error
    if not isinstance(output, Tensor):
        gives = f"gives {type(output).__name__}, and a layer gives one tensor"
        blamed = _blamed(name, gives)
        raise Infeasible(str(blamed or f"it {gives}")) from blamed
    after = tuple(output.shape[1:])
    if 0 in after:
        raise Infeasible(f"nothing would be left: it gives {show_shape(after)}")
    if output.dim() < 2 or output.shape[0] != BATCH:
        raise Infeasible(f"it turns a batch of {BATCH} into {show_shape(tuple(output.shape))}")
    lengths = lengths_of(module) if axes.ragged else None
    ragged = axes.ragged and _stays_ragged(module, axes, after, lengths)
    params = sum(p.numel() for p in module.parameters())
    identity = of_module(module).is_identity(vars(module)) or OPS.is_identity(name, args)
    given = Axes(str(output.dtype).removeprefix("torch."), after, ragged)
    return Inferred(given, params, identity, OPS.gives_zeros(name), lengths if ragged else None)


def _stays_ragged(module: nn.Module, axes: Axes, after: Shape, lengths: Lengths | None) -> bool:
    """Whether the output of `module`, of the shape `after` for a ragged input, is ragged too.

    Decided by running a longer input. Raises Infeasible where `module` cannot take that, or changes the length without
    declaring how.
    """
    longer = axes.of_length(axes.shape[-1] + LONGER)
    try:
        with torch.device("meta"), torch.random.fork_rng(devices=[]), torch.no_grad():
            output = _given(module, longer)
    except (Exception, SystemExit):  # noqa: BLE001 - whatever it raises, it cannot
        output = None
    found = tuple(output.shape[1:]) if isinstance(output, Tensor) else ()
    before = torch.tensor([axes.shape[-1], longer.shape[-1]])
    wanted = (before if lengths is None else lengths(before)).tolist()
    if found[:-1] == after[:-1] and [after[-1], *found[-1:]] == wanted:
        return True
    if found != after:
        raise Infeasible(
            "it works on one length only, or does not say how it changes lengths, and sequences vary in length: pool "
            "the places first"
        )
    if type(module).__module__.startswith("torch.nn."):
        raise Infeasible("it would count the padding of shorter sequences: take global_pool")
    return False


def _blamed(name: str, what: str, error: BaseException | None = None) -> PluginError | None:
    """The error in the words of the plugin that registered op `name`; None for an op of nas."""
    origin = OPS.origin(name)
    return origin.wrong(what, error) if origin is not None else None


def _first_sentence(error: BaseException) -> str:
    lines = inspect.cleandoc(str(error)).splitlines() or [""]
    text = lines[0].split(". ")[0].rstrip(".")[:200]
    return text if isinstance(error, RuntimeError | ValueError) and text else f"{type(error).__name__}: {text}"
