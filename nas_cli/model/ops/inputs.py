"""The op that selects a field of the data."""

from __future__ import annotations

from torch import nn

from nas_cli.axes import Shape
from nas_cli.model.ops.vocabulary import op

TAKE = "take"


@op(TAKE)
def take(shape: Shape, field: str) -> nn.Module:
    """The field of that name instead of the layer's input: for data with several fields, `user` and `item` say."""
    return nn.Identity()  # the builder replaces this layer by the field
