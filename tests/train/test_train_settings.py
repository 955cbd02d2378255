"""The `train:` section: what it takes, what it becomes, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn

from nas_cli.errors import SpecError
from nas_cli.model.ops import OPS
from nas_cli.registry import Registry
from nas_cli.space.decisions import Decision
from nas_cli.space.parse import parse_space
from nas_cli.train.augment import AUGMENTS
from nas_cli.train.losses import LOSSES
from nas_cli.train.optimizers import OPTIMIZERS
from nas_cli.train.schedules import SCHEDULES
from nas_cli.train.settings import TRAIN
from nas_cli.trial import Scalar


def resolve(raw: dict[str, Any]) -> dict[str, Any]:
    return parse_space(["relu"], raw, {}, OPS, TRAIN).resolve(lambda path, decision: None).train


def test_every_default_is_written_out_as_plain_data() -> None:
    train = resolve({})
    assert list(train) == [param.name for param in TRAIN]
    assert train["epochs"] == 10
    assert train["augment"] == []
    assert train["optimizer"] == {"adamw": {"lr": 2e-3, "beta1": 0.9, "beta2": 0.999, "weight_decay": 0.01}}
    assert json.loads(json.dumps(train)) == train


def test_choices_stand_anywhere() -> None:
    raw = {
        "batch_size": {"choice": [32, 64]},
        "optimizer": {"choice": [{"sgd": {"lr": {"float": [0.01, 0.3], "log": True}}}, "adam"]},
        "augment": [{"crop": 2}, {"cutout": {"size": {"int": [2, 6]}}}],
    }
    answers: Iterator[Scalar] = iter([64, "sgd", 0.05, 3])
    asked: list[str] = []

    def decide(path: str, decision: Decision) -> Scalar:
        asked.append(path)
        return next(answers)

    train = parse_space(["relu"], raw, {}, OPS, TRAIN).resolve(decide).train
    assert asked == [
        "train.batch_size",
        "train.optimizer",
        "train.optimizer[0].sgd.lr",
        "train.augment[1].cutout.size",
    ]
    assert train["batch_size"] == 64
    assert train["optimizer"]["sgd"]["lr"] == 0.05
    assert train["augment"] == [{"crop": {"padding": 2}}, {"cutout": {"size": 3}}]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"epoch": 3}, "did you mean 'epochs'"),
        ({"epochs": 0}, "epochs takes"),
        ({"optimizer": "adamm"}, "did you mean 'adam"),
        ({"optimizer": {"sgd": {"momentum": 1.5}}}, "momentum takes"),
        ({"optimizer": {"adam": {"beta1": 1.0}}}, "beta1 takes"),
        ({"optimizer": {"adamw": {"beta2": 1}}}, "beta2 takes"),
        ({"augment": [{"crop": {"paddding": 2}}]}, "did you mean 'padding'"),
        ({"augment": ["flipp"]}, "did you mean 'flip'"),
        ({"loss": {"cross_entropy": {"label_smoothing": -0.1}}}, "label_smoothing takes"),
        ({"ema": 1.0}, "ema takes"),
    ],
)
def test_what_is_wrong_is_said(raw: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        resolve(raw)


@pytest.mark.parametrize("registry", [OPTIMIZERS, SCHEDULES, LOSSES, AUGMENTS], ids=lambda registry: registry.kind)
def test_every_component_is_described_and_works_at_its_defaults(registry: Registry[Any]) -> None:
    for name in registry:
        _, arguments = registry.parse(name)
        supplied = ([nn.Parameter(torch.zeros(2, 2))],) if registry is OPTIMIZERS else ()
        assert registry[name](*supplied, **arguments) is not None
        assert registry.describe(name).endswith((".", ")"))
