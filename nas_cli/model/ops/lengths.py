"""How layers change the lengths of sequences. A module that changes them has a method

    def lengths(self, lengths: Tensor) -> Tensor: ...

that maps the lengths of its input sequences, int64 (N,), to those of its output. Torch's own modules are known here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

Lengths = Callable[[Tensor], Tensor]
"""Maps the lengths of a layer's input sequences, int64 (N,), to those of its output."""


@dataclass(frozen=True)
class Window:
    """A window that slides over a sequence and spans `reach` + 1 positions."""

    reach: int
    stride: int
    padding: int

    def __call__(self, lengths: Tensor) -> Tensor:
        return ((lengths + 2 * self.padding - self.reach - 1) // self.stride + 1).clamp(min=0)

    def written(self, lengths: str) -> str:
        """The same formula as Python source, for a variable named `lengths`."""
        return f"(({lengths} + {2 * self.padding - self.reach - 1}) // {self.stride} + 1).clamp(min=0)"


def lengths_of(module: nn.Module) -> Lengths | None:
    """How `module` changes lengths; None where it keeps them, or does not say."""
    changes = [change for _, change in changes_of(module)]
    if not changes:
        return None

    def lengths(given: Tensor) -> Tensor:
        for change in changes:
            given = change(given)
        return given

    return lengths


def changes_of(module: nn.Module, path: str = "") -> list[tuple[str, Lengths]]:
    """The changes of length in `module`, in order, each with the index of the inner module that makes it: `[2]` say."""
    own: Lengths | None = getattr(module, "lengths", None)
    if own is not None:
        return [(path, own)]
    if type(module) is nn.Sequential:
        return [found for place, part in enumerate(module) for found in changes_of(part, f"{path}[{place}]")]
    window = _window(module)
    return [(path, window)] if window is not None else []


def _window(module: nn.Module) -> Window | None:
    """The window of a torch layer that changes lengths; None for any other layer.

    Pooling with padding is not supported: past the end of a short sequence it would pool the zeros of the batch.
    """
    found = None
    if type(module) is nn.Conv1d and isinstance(module.padding, tuple):
        found = Window(module.dilation[0] * (module.kernel_size[0] - 1), module.stride[0], module.padding[0])
    elif type(module) is nn.AvgPool1d and not _one(module.padding) and not module.ceil_mode:
        found = Window(_one(module.kernel_size) - 1, _one(module.stride), 0)
    elif type(module) is nn.MaxPool1d and not module.padding and not module.ceil_mode:
        found = Window(_one(module.dilation) * (_one(module.kernel_size) - 1), _one(module.stride), 0)
    keeps = found is not None and found.stride == 1 and 2 * found.padding == found.reach
    return None if keeps else found


def _one(size: Any) -> int:
    return int(size[0] if isinstance(size, tuple) else size)
