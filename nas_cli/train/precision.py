"""The number format and memory layout that train fastest on this machine, found by timing."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

import torch
from torch import nn

from nas_cli.errors import UserError, did_you_mean
from nas_cli.torch_tuning.depthwise import depthwise_in_float32
from nas_cli.torch_tuning.memory import keep_memory

Format = Literal["float32", "tf32", "bf16", "fp16"]
ONLY_CUDA = ("tf32", "fp16")
LAYOUTS = {"channels-first": False, "channels-last": True}
WORTHWHILE = 1.1
"""Another format is chosen if it is so many times faster than float32. A layout loses no precision: the faster wins."""
SHOWN = 200
"""Characters of a layer's error message that are kept."""
TIMED_STEPS, HOPELESS = 7, 1.5
"""Timed steps per option; an option this many times slower than the fastest is dropped from the race."""
FEW, NO_CHANCE = 4, 4.0
"""A first race uses batches of FEW examples; an option NO_CHANCE times slower than the fastest is out. On a CPU without
bf16 units, bf16 is a hundred times slower, and one step with a whole batch would take seconds."""


@dataclass(frozen=True)
class Precision:
    """The number format and memory layout of a training; weights are float32 in every format.

    `tf32` rounds the factors of products to 10 bits of mantissa (CUDA). `bf16` and `fp16` compute convolutions and
    matrix products in 16 bits (autocast); the loss is scaled with `fp16`, so that small gradients are not lost
    (Micikevicius et al. 2018).
    """

    format: Format = "float32"
    channels_last: bool = False

    def autocast(self, device: torch.device) -> AbstractContextManager[object]:
        if self.format in ("float32", "tf32"):
            return nullcontext()
        return torch.autocast(device.type, dtype=torch.bfloat16 if self.format == "bf16" else torch.float16)

    def exempt_depthwise(self, network: nn.Module, device: torch.device) -> AbstractContextManager[None]:
        """Within it, depthwise convolutions of images compute in float32 where bf16 is slower."""
        slower = self.format == "bf16" and device.type == "cpu"
        return depthwise_in_float32(network) if slower else nullcontext()

    def scaler(self, device: torch.device) -> torch.amp.GradScaler:
        """The gradient scaler; it does nothing for formats other than fp16."""
        return torch.amp.GradScaler(device.type, enabled=self.format == "fp16")

    @property
    def layout(self) -> torch.memory_format:
        return torch.channels_last if self.channels_last else torch.contiguous_format

    def __str__(self) -> str:
        return f"{self.format}, {'channels last' if self.channels_last else 'channels first'}"


MakeStep = Callable[[Precision, int], Callable[[], float]]
"""From a precision and a batch size to a function that makes a training step of at most that size and returns its
seconds."""


def choose_precision(
    wanted: str, layout: str, device: torch.device, images: bool, make_step: MakeStep | None, batch_size: int = 64
) -> tuple[Precision, dict[str, Any]]:
    """The precision to train with on `device`, and how it was chosen, as JSON data.

    `wanted` is a format or `auto`, `layout` is `channels-first`, `channels-last` or `auto`; only `images` have two
    layouts. A value other than `auto` is used without timing, so that a run with both given repeats exactly anywhere.
    The others are chosen by timing the steps that `make_step` makes, of a network such as the search will train. A
    format in which its layers fail is not chosen. Where nothing can be timed, the choice is float32, channels first.
    Raises UserError where the device does not support the given format, or the inputs the layout.
    """
    formats = _possible(wanted, device)
    layouts = _layouts(layout, images)
    options = [Precision(kind, last) for kind in formats for last in layouts]
    if len(options) == 1:
        return options[0], {"chosen_by": "the spec"}
    if make_step is None:
        return options[0], {"chosen_by": "layers of plugins, which are not timed before the search"}
    seconds, failed = _race(options, make_step, batch_size)
    reasons = {} if not failed else {"failed": {str(option): words for option, words in failed.items()}}
    if not seconds:
        return options[0], {"chosen_by": "layers that fail when they are timed", **reasons}
    best = min(seconds, key=seconds.__getitem__)
    plain = [option for option in seconds if option.format == formats[0]]
    first = min(plain, key=seconds.__getitem__, default=best)
    if seconds[first] < WORTHWHILE * seconds[best]:
        best = first
    timed = {str(option): round(1000 * taken, 3) for option, taken in seconds.items()}
    return best, {"chosen_by": "timing", "milliseconds_per_step": timed, **reasons}


def use_tf32(allowed: bool) -> None:
    """Sets whether CUDA may use TF32 for float32 products. By default torch uses it for convolutions only."""
    torch.backends.cuda.matmul.allow_tf32 = allowed
    torch.backends.cudnn.allow_tf32 = allowed


def _possible(wanted: str, device: torch.device) -> list[Format]:
    """The formats to choose from."""
    cuda = device.type == "cuda"
    known = get_args(Format)
    if wanted in ONLY_CUDA and not cuda:
        raise UserError(
            f"hardware.precision is {wanted}, which only a CUDA device can do, and the device is {device.type}; "
            "use auto, float32 or bf16"
        )
    if wanted != "auto":
        if wanted not in known:
            raise UserError(f"hardware.precision is {wanted}{did_you_mean(wanted, ['auto', *known])}")
        return [cast(Format, wanted)]
    if not cuda:
        return ["float32", "bf16"] if device.type == "cpu" else ["float32"]
    return ["float32", "tf32", "bf16", "fp16"] if torch.cuda.is_bf16_supported() else ["float32", "tf32", "fp16"]


def _layouts(wanted: str, images: bool) -> list[bool]:
    """The layouts to choose from: whether channels come last."""
    if wanted == "auto":
        return [False, True] if images else [False]
    if wanted not in LAYOUTS:
        raise UserError(f"hardware.layout is {wanted}{did_you_mean(wanted, ['auto', *LAYOUTS])}")
    if LAYOUTS[wanted] and not images:
        raise UserError("hardware.layout is channels-last, which only images have; use auto or channels-first")
    return [LAYOUTS[wanted]]


def _race(
    options: list[Precision], make_step: MakeStep, batch_size: int
) -> tuple[dict[Precision, float], dict[Precision, str]]:
    """Seconds of a training step, the minimum of a few, since other load only adds time; and why options failed.

    The options take turns, so that a machine that slows down meanwhile slows all of them.
    """
    few, failed = _time(options, make_step, min(FEW, batch_size), 2, NO_CHANCE)
    chosen = [option for option in few if few[option] <= NO_CHANCE * min(few.values())]
    seconds, failed_later = _time(chosen, make_step, batch_size, TIMED_STEPS, HOPELESS)
    use_tf32(False)
    return seconds, failed | failed_later


def _time(
    options: list[Precision], make_step: MakeStep, batch_size: int, turns: int, hopeless: float
) -> tuple[dict[Precision, float], dict[Precision, str]]:
    steps: dict[Precision, Callable[[], float]] = {}
    failed: dict[Precision, str] = {}
    with keep_memory():
        for option in options:
            try:
                step = make_step(option, batch_size)
                step()  # warms up: allocates memory, chooses kernels
            except Exception as error:  # noqa: BLE001 - whatever its layers raise, it fails as a trial would, and ends no search
                failed[option] = f"{type(error).__name__}: {' '.join(str(error).split())}"[:SHOWN]
            else:
                steps[option] = step
        seconds = dict.fromkeys(steps, math.inf)
        for turn in range(turns):
            for option, step in steps.items():
                if turn == 0 or seconds[option] <= hopeless * min(seconds.values()):
                    seconds[option] = min(seconds[option], step())
    return seconds, failed
