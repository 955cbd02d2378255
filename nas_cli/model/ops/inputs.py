"""Which of the data's fields a layer takes."""

from __future__ import annotations

from torch import nn

from nas_cli.axes import Shape
from nas_cli.model.ops.vocabulary import op

TAKE = "take"


@op(TAKE)
def take(shape: Shape, field: str) -> nn.Module:
    """The field of that name, whatever comes in: for data with several, `user` and `item` say."""
    return nn.Identity()  # the builder puts the field itself in its place
