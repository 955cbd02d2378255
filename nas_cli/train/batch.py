"""A batch on its way through a training step."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Examples and what is to be learned of each, on one device.

    `inputs` (n, …) are raw before they are normalised, float32 afterwards: images (n, C, H, W), table rows (n, F).
    `targets` (n, …) are of the kind `target`: "class" int64 (n,), or float32 (n, classes) once they are shares of
    classes; "number" float32 (n,) or (n, K); "mask" uint8 (n, H, W). `classes` is how many classes there are.
    """

    inputs: Tensor
    targets: Tensor
    target: str
    classes: int

    def __len__(self) -> int:
        return len(self.inputs)

    def with_(self, inputs: Tensor | None = None, targets: Tensor | None = None) -> Batch:
        """The same batch with other inputs, other targets, or both."""
        return dataclasses.replace(
            self,
            inputs=self.inputs if inputs is None else inputs,
            targets=self.targets if targets is None else targets,
        )
