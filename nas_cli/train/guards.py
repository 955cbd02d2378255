"""Holds a plugin's optimizers, schedules, losses and augmentations to their contracts: errors name the plugin and rule.

RuntimeError and MemoryError pass unchanged, since the machine may have caused them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from nas_cli.data.kind import target_kind
from nas_cli.errors import NasError
from nas_cli.plugins import Origin, told
from nas_cli.registry import show
from nas_cli.train.batch import Batch


def hold_optimizer(make: Callable[..., Any], origin: Origin) -> Callable[..., Any]:
    def made(parameters: Any, **arguments: Any) -> Any:
        optimizer = _call(origin, "it", make, parameters, **arguments)
        if not isinstance(optimizer, torch.optim.Optimizer):
            raise origin.wrong(f"gave {_what(optimizer)}, and a torch.optim.Optimizer is wanted")
        if not all(isinstance(group.get("lr"), int | float | Tensor) for group in optimizer.param_groups):
            raise origin.wrong("gave an optimizer without lr in its groups: schedules multiply that")
        return optimizer

    return made


def hold_schedule(make: Callable[..., Any], origin: Origin) -> Callable[..., Any]:
    def made(**arguments: Any) -> Any:
        schedule = _function(make, origin, "from progress to a factor", arguments)

        def held(progress: float) -> float:
            factor = _call(origin, f"at {progress:g} of the training", schedule, progress)
            if isinstance(factor, bool) or not isinstance(factor, int | float) or not 0 <= factor < math.inf:
                raise origin.wrong(
                    f"gave {_what(factor)} at {progress:g} of the training, and a factor on the learning rate, of at "
                    "least 0, is wanted"
                )
            return float(factor)

        return held

    return made


def hold_loss(make: Callable[..., Any], origin: Origin) -> Callable[..., Any]:
    def made(**arguments: Any) -> Any:
        loss = _function(make, origin, "of outputs and targets", arguments)

        def held(outputs: Tensor, targets: Tensor) -> Tensor:
            value = _call(origin, f"on outputs {_side(outputs)} and targets {_side(targets)}", loss, outputs, targets)
            if not isinstance(value, Tensor) or value.dim():
                raise origin.wrong(f"gave {_what(value)}, and the mean loss of the batch, a scalar tensor, is wanted")
            if torch.is_grad_enabled() and outputs.requires_grad and not value.requires_grad:
                raise origin.wrong("gave a loss that does not depend on the outputs, so nothing can be learned from it")
            return value

        return held

    return made


def hold_augmentation(make: Callable[..., Any], origin: Origin) -> Callable[..., Any]:
    def made(**arguments: Any) -> Any:
        augment = _function(make, origin, "of a batch and a generator", arguments)

        def held(batch: Batch, generator: torch.Generator) -> Batch:
            augmented: Any = _call(origin, f"on inputs {_side(batch.inputs)}", augment, batch, generator)
            if not isinstance(augmented, Batch):
                raise origin.wrong(f"gave {_what(augmented)}, and a Batch is wanted: batch.with_(inputs=…, targets=…)")
            _require_inputs(augmented.inputs, batch.inputs, origin)
            _require_targets(augmented.targets, batch, origin)
            return batch.with_(augmented.inputs, augmented.targets)

        return held

    return made


def _require_inputs(given: object, before: Tensor, origin: Origin) -> None:
    if not isinstance(given, Tensor) or given.shape != before.shape or given.dtype != before.dtype:
        raise origin.wrong(
            f"made inputs {_kind(given)} of {_kind(before)}, and inputs of the same shape and numbers are wanted"
        )


def _require_targets(given: object, batch: Batch, origin: Origin) -> None:
    before = batch.targets
    if isinstance(given, Tensor) and given.shape == before.shape and given.dtype == before.dtype:
        return
    shares = (len(before), batch.classes)
    of_classes = target_kind(batch.target).classes
    if of_classes and isinstance(given, Tensor) and given.shape == shares and given.is_floating_point():
        return
    or_shares = f", or the shares of classes, {_sizes(shares)} floats," if of_classes else ""
    raise origin.wrong(
        f"made targets {_kind(given)} of {_kind(before)}, and targets of the same shape and numbers{or_shares} are "
        "wanted"
    )


def _function(make: Callable[..., Any], origin: Origin, of_what: str, arguments: dict[str, Any]) -> Callable[..., Any]:
    function = _call(origin, "it", make, **arguments)
    if not callable(function):
        raise origin.wrong(f"gave {_what(function)}, and a function {of_what} is wanted")
    return function  # type: ignore[no-any-return]


def _call(origin: Origin, doing: str, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    try:
        return function(*args, **kwargs)
    except (NasError, RuntimeError, MemoryError):
        raise
    except Exception as error:
        raise origin.wrong(f"failed {'' if doing == 'it' else doing}".strip() + f": {told(error)}", error) from error


def _what(value: object) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of {_side(value)}"
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of {len(value)}"
    return show(value)


def _kind(value: object) -> str:
    """Shape and dtype of a tensor: `8x1x6x6 float32`."""
    return f"{_side(value)} {str(value.dtype).removeprefix('torch.')}" if isinstance(value, Tensor) else show(value)


def _side(tensor: Tensor) -> str:
    return _sizes(tensor.shape)


def _sizes(sizes: Sequence[int]) -> str:
    return "x".join(map(str, sizes)) or "no axes"
