"""The schema of the `train:` section: its settings and the components they name."""

from __future__ import annotations

from typing import Annotated, Any

from nas_cli.arguments import Between, Side
from nas_cli.registry import Component, signature
from nas_cli.train.augment import AUGMENTS
from nas_cli.train.losses import LOSSES
from nas_cli.train.optimizers import OPTIMIZERS
from nas_cli.train.schedules import SCHEDULES


def _train(
    epochs: Side = 10,
    batch_size: Side = 128,
    optimizer: Annotated[Any, Component(OPTIMIZERS)] = "adamw",
    schedule: Annotated[Any, Component(SCHEDULES)] = "cosine",
    loss: Annotated[Any, Component(LOSSES)] = "cross_entropy",
    augment: list[Annotated[Any, Component(AUGMENTS)]] = [],  # noqa: B006
    clip: Annotated[float, Between(0)] | None = None,
    ema: Annotated[float, Between(0, 0.9999)] | None = None,
) -> None:
    """The signature is the schema."""


TRAIN = signature(_train)
