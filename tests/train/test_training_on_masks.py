"""A network learns masks from images that are augmented: masks move along, and a training repeats bit for bit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from fields import inputs_of, pictures

from nas_cli.axes import Shape
from nas_cli.model.build import build
from nas_cli.model.network import Network
from nas_cli.model.ops import OPS
from nas_cli.model.weights import Fresh
from nas_cli.space.nodes import Seq
from nas_cli.space.parse import parse_architecture, parse_space
from nas_cli.task import open_task
from nas_cli.train.augment import AUGMENTS
from nas_cli.train.feed import Parts
from nas_cli.train.loop import Epochs, train_network
from nas_cli.train.precision import Precision
from nas_cli.train.settings import TRAIN

TASK = open_task("segmentation")
LABELS = ("dark", "bright")
ALL = [name for name in AUGMENTS if "mask" in AUGMENTS.fit(name).targets]


@pytest.fixture(scope="module")
def data() -> Parts:
    """Squares, bright or dark, in noise; the mask has the bright ones, and ignores the last column."""
    draw = torch.Generator().manual_seed(0)
    blocks = torch.randint(0, 2, (96, 6, 6), generator=draw).repeat_interleave(4, 1).repeat_interleave(4, 2)
    images = (90 + 80 * blocks + torch.randint(0, 60, blocks.shape, generator=draw)).to(torch.uint8)[:, None]
    masks = blocks.to(torch.uint8)
    masks[:, :, -1] = 255
    return Parts(pictures(images[:64], masks[:64]), pictures(images[64:], masks[64:]), 2, labels=LABELS)


def network_of() -> Network:
    def head(shape: Shape) -> Seq:
        return parse_architecture(TASK.head(shape, {"labels": 2, "height": 24, "width": 24}), OPS)

    body = parse_architecture([{"conv": 8}, "relu"], OPS)
    network = build(body, inputs_of((1, 24, 24), "image"), head, modules=Fresh(torch.Generator().manual_seed(0)))
    network.set_normalisation("image", [160.0], [45.0])
    return network


def train(data: Parts, augment: list[Any], epochs: int = 8) -> tuple[dict[str, float], Network]:
    given = {"batch_size": 16, "optimizer": {"adamw": 0.02}, "loss": "cross_entropy", "augment": augment}
    settings = parse_space(["relu"], given, {}, OPS, TRAIN).resolve(lambda path, decision: None).train
    network = network_of()
    metrics = train_network(network, data, TASK, settings, Epochs(0, epochs, epochs), 3, Precision())
    return metrics, network


@pytest.mark.parametrize("augment", [[], *([name] for name in ALL), ALL], ids="+".join)
def test_masks_are_learned_with_every_augmentation(data: Parts, augment: list[str]) -> None:
    metrics, _ = train(data, augment)
    assert metrics["mean_iou"] > 0.85


def test_a_mask_left_behind_would_be_seen(data: Parts) -> None:
    """The same training, of which only the images are mirrored."""
    images = data.train.columns["image"].values.flip(3)
    stays = replace(data, train=pictures(images, data.train.targets))
    metrics, _ = train(stays, [])
    assert metrics["mean_iou"] < 0.7


def test_a_training_with_all_of_them_repeats(data: Parts) -> None:
    (one, first), (two, second) = train(data, ALL, 2), train(data, ALL, 2)
    assert one == two
    states = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in states)
