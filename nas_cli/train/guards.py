"""Parts of the training that plugins bring, held to their contracts: what breaks one is told in the plugin's words.

What such a part raises while it works passes as it is where it may be the machine's doing (RuntimeError, MemoryError).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from nas_cli.errors import NasError
from nas_cli.plugins import Origin, told
from nas_cli.registry import show


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
        augment = _function(make, origin, "of inputs, targets, classes and a generator", arguments)

        def held(x: Tensor, y: Tensor, classes: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
            given: Any = _call(origin, f"on inputs {_side(x)}", augment, x, y, classes, generator)
            if not isinstance(given, tuple) or len(given) != 2 or not all(isinstance(each, Tensor) for each in given):
                raise origin.wrong(f"gave {_what(given)}, and two tensors, inputs and targets, are wanted")
            inputs, targets = given
            if inputs.shape != x.shape or len(targets) != len(y):
                raise origin.wrong(
                    f"made inputs {_side(inputs)} and targets {_side(targets)} of inputs {_side(x)} and targets "
                    f"{_side(y)}: the same shape of inputs, and a target for each, are wanted"
                )
            return inputs, targets

        return held

    return made


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


def _side(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "no axes"
