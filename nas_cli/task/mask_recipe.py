"""What a starter spec for masks says."""

from __future__ import annotations

from collections.abc import Mapping

from nas_cli.axes import Axes
from nas_cli.task.recipes import Recipe, passes, recipe

UNET = """\
unet:                             # Ronneberger et al. 2015, narrow
  - [{conv: {channels: 16}}, batch_norm, relu, {tap: whole}]
  - [{conv: {channels: 32, stride: 2}}, batch_norm, relu, {conv: same}, batch_norm, relu, {tap: half}]
  - [{conv: {channels: 64, stride: 2}}, batch_norm, relu, {conv: same}, batch_norm, relu]
  - [{conv_transpose: {channels: 32}}, {resize: half}, {join: {with: half, by: concat}}]
  - [{conv: {channels: 32}}, batch_norm, relu, {conv_transpose: {channels: 16}}, {resize: whole}]
  - [{join: {with: whole, by: concat}}, {conv: {channels: 16}}, batch_norm, relu]"""
TRAIN = (
    "schedule: cosine",
    "loss: {dice: {cross_entropy: 1}} # cross_entropy and focal are the others",
    "augment: [flip]                  # add {flip: vertical} and rotate where up and down do not matter",
)


@recipe("images", "mask", side=128)
def masks(inputs: Mapping[str, Axes], examples: int) -> Recipe:
    """Encoder-decoders; masks are costly to draw, so a small data set is seen for more epochs."""
    epochs = passes(examples, least=8, seen=4_000)
    return Recipe("segmenter", epochs=epochs, batch_size=8, train=TRAIN, baselines=UNET)
