"""The input sizes that an export accepts: batches, lengths of sequences, and the sides of images.

A network with a dense output (C, H, W) takes images of every size that its layers can take, which is found by running
them on the meta device. Every other network takes images of one size.
"""

from __future__ import annotations

import bisect
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from nas_cli.axes import only
from nas_cli.deliver.load import Model
from nas_cli.model.network import Network
from nas_cli.model.ops.layout import has_layouts
from nas_cli.model.program import Step
from nas_cli.model.weights import without_weights

MOST_STEP = 64
LARGER = 4
"""A step is accepted if so many larger sides work."""

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Sides:
    """The heights, or the widths, that a network takes: `least` and every `step`-th above; `least` only for `step` 0.

    For example, a U-Net with four halvings whose skips are not resized takes 16, 32, 48, …
    """

    least: int
    step: int

    def dim(self, name: str) -> Any:
        """The dimension for torch.export; None where there is one size only."""
        if self.step == 0:
            return None
        if self.step == 1:
            return torch.export.Dim(name, min=self.least)
        times, rest = divmod(self.least, self.step)
        derived = self.step * torch.export.Dim(f"{name}_by_{self.step}", min=times)
        return derived + rest if rest else derived


@dataclass(frozen=True)
class ImageSizes:
    """The sizes of images that a network takes."""

    height: Sides
    width: Sides


def dynamic(model: Model) -> tuple[dict[int, Any], ...]:
    """The dynamic axes of each input of the network, in the form of torch.export's `dynamic_shapes`."""
    batch = torch.export.Dim("batch")
    of_fields: list[dict[int, Any]] = []
    for field, axes in model.inputs.items():
        name = "length" if len(model.inputs) == 1 else f"{field}_length"
        of_fields.append({0: batch, 2: torch.export.Dim(name, min=2)} if axes.ragged else {0: batch})
    sizes = image_sizes(model)
    if sizes is not None:
        sides = {2: sizes.height.dim("height"), 3: sizes.width.dim("width")}
        of_fields[0] |= {axis: dim for axis, dim in sides.items() if dim is not None}
    return (*of_fields, *({0: batch} for axes in model.inputs.values() if axes.sent_lengths))


def input_names(model: Model) -> list[str]:
    """The names of an exported network's inputs: `input` for one field, else the names of the fields; then the lengths
    of ragged floats."""
    fields = ["input"] if len(model.inputs) == 1 else list(model.inputs)
    sent = zip(fields, model.inputs.values(), strict=True)
    return fields + [f"{field}_lengths" for field, axes in sent if axes.sent_lengths]


def image_sizes(model: Model) -> ImageSizes | None:
    """The sizes of images that the network takes; None where its output is not dense, or it has several fields."""
    if len(model.inputs) > 1 or not has_layouts(model.axes):
        return None
    program = model.network.program
    return _sizes(model.network) if has_layouts(program.axes(program.output)) else None


@functools.lru_cache(maxsize=1)
def _sizes(network: Network) -> ImageSizes:
    axes = only(network.inputs)
    channels, height, width = axes.shape
    bare = Network(network.program, without_weights).to("meta").eval()
    bare.watch = _need_pixels

    def takes(height: int, width: int) -> bool:
        batch = torch.empty((2, channels, height, width), dtype=getattr(torch, axes.dtype), device="meta")
        try:
            with torch.inference_mode():
                outputs: torch.Tensor = bare(batch)
        except Exception:  # noqa: BLE001 - whatever a layer raises, it cannot take this size
            return False
        return outputs.numel() > 0

    return ImageSizes(_sides(lambda side: takes(side, width), height), _sides(lambda side: takes(height, side), width))


def _need_pixels(step: Step, given: list[torch.Tensor], _: torch.Tensor | None) -> None:
    """Raises ValueError where a layer would get images without pixels, which some layers accept."""
    if any(x.numel() == 0 for x in given):
        raise ValueError(f"nothing is left for {step.path}")


def _sides(takes: Callable[[int], bool], side: int) -> Sides:
    """The sides that `takes` accepts, found from `side`, which it accepts."""
    for step in range(1, MOST_STEP + 1):
        if all(takes(side + times * step) for times in range(1, LARGER + 1)):
            smaller = range((side - 1) % step + 1, side + 1, step)
            return Sides(smaller[bisect.bisect_left(smaller, True, key=takes)], step)
    return Sides(side, 0)


def other_sizes(samples: Array, sizes: ImageSizes) -> list[Array]:
    """`samples` (N, C, H, W) cut to the least of `sizes`, and continued periodically to a larger size."""
    height, width = samples.shape[2:]
    larger = height + sizes.height.step, width + 3 * sizes.width.step
    return [_fitted(samples, size) for size in ((sizes.height.least, sizes.width.least), larger)]


def _fitted(samples: Array, size: tuple[int, int]) -> Array:
    cut = samples[:, :, : size[0], : size[1]]
    missing = [(0, 0), (0, 0), (0, size[0] - cut.shape[2]), (0, size[1] - cut.shape[3])]
    return np.ascontiguousarray(np.pad(cut, missing, mode="wrap"))
