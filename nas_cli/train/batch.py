"""A batch on its way through a training step."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Examples and their targets, on one device.

    `fields` (n, …) by name are as layers take them: images (n, C, H, W), table rows (n, F), sequences (n, C, L).
    `lengths` int64 (n,) by name are those of ragged float fields. `targets` (n, …) are of the kind `target`: "class"
    int64 (n,), or class probabilities float32 (n, classes) after mixup; "number" float32 (n,) or (n, K); "mask" uint8
    (n, H, W). `classes` is the number of classes. `field` is the name of the field that an augmentation works on, and
    `inputs` are its values.
    """

    fields: Mapping[str, Tensor]
    targets: Tensor
    target: str
    classes: int
    lengths: Mapping[str, Tensor] = field(default_factory=dict)
    field: str = "input"

    @classmethod
    def of(cls, inputs: Tensor, targets: Tensor, target: str, classes: int) -> Batch:
        """Examples (n, …) of a single field."""
        return cls({"input": inputs}, targets, target, classes)

    @property
    def inputs(self) -> Tensor:
        """The values of the field that an augmentation works on."""
        return self.fields[self.field]

    def __len__(self) -> int:
        return len(self.targets)

    def with_(self, inputs: Tensor | None = None, targets: Tensor | None = None) -> Batch:
        """The same batch with new values of `field`, new targets, or both."""
        return dataclasses.replace(
            self,
            fields=self.fields if inputs is None else {**self.fields, self.field: inputs},
            targets=self.targets if targets is None else targets,
        )

    def at(self, field: str) -> Batch:
        """The same batch, with `field` as the field to be augmented."""
        return dataclasses.replace(self, field=field)
