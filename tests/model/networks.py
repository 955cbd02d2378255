"""Networks of every kind of layer, and one number that tells their first weights from any others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from fields import inputs_of

from nas_cli.axes import Axes, Shape
from nas_cli.model.ops import OPS
from nas_cli.space.builtins import load_builtin
from nas_cli.space.edit import replay, sample
from nas_cli.space.nodes import Seq
from nas_cli.space.parse import parse_architecture, parse_space
from nas_cli.task import open_task

FACTS = {
    "labels": 3,
    "words": 9,
    "characters": 7,
    "places": 9,
    "numeric_columns": 4,
    "categories": [3, 5],
    "vectors": 14,
    "vector_size": 6,
    "words_without_vectors": 4,
}
IMAGES, ROWS, WORDS, TAGS = (
    "image-classification",
    "table-classification",
    "text-classification",
    "sequence-labelling",
)
SHAPES: Mapping[str, Shape] = {IMAGES: (1, 16, 16), ROWS: (6,), WORDS: (1, 9), TAGS: (5, 9)}
BUILT_IN = {
    "cnn": IMAGES,
    "darts": IMAGES,
    "mobile": IMAGES,
    "nasbench201": IMAGES,
    "resnet": IMAGES,
    "tabular": ROWS,
    "tagger": TAGS,
    "text-cnn-rnn-attention": WORDS,
}
SMALLER = {"nasbench201": {"cells": 1, "channels": 4}, "darts": {"cells": 1, "stem": 8}, "mobile": {"width": 8}}
CHARACTERS = {"branches": {"paths": [["embedding"], [{"characters": {"kind": "lstm"}}]], "join": "concat"}}
BY_HAND: dict[str, tuple[str, list[Any]]] = {
    "leaky": (
        IMAGES,
        [{"conv": 8}, {"nn.LeakyReLU": {"negative_slope": 0.3}}, {"residual": [{"mbconv": {"se": 0.25}}]}],
    ),
    "joined": (IMAGES, [{"conv": 8}, {"tap": "fine"}, {"conv": 4}, "tanh", {"join": {"with": "fine"}}]),
    "recurrent": (TAGS, [CHARACTERS, {"lstm": {"units": 10}}, {"attention": {"heads": 2}}, "crf"]),
}


def network_names() -> list[str]:
    return [*BUILT_IN, *BY_HAND]


def architecture_of(name: str) -> tuple[str, Seq]:
    """The task and a network for it: one drawn from a built-in space, or one of BY_HAND."""
    if name in BY_HAND:
        task, model = BY_HAND[name]
        return task, parse_architecture(model, OPS)
    builtin = load_builtin({name: SMALLER.get(name, {})})
    space = parse_space(builtin.model_for({}), {}, builtin.let, OPS, ())
    return BUILT_IN[name], replay(space, sample(space, np.random.default_rng(5))).model


def inputs_for(task: str) -> dict[str, Axes]:
    return inputs_of(SHAPES[task])


def head_of(task: str) -> Any:
    return lambda shape: parse_architecture(open_task(task).head(shape, FACTS), OPS)


def fingerprint(tensors: Mapping[str, torch.Tensor]) -> float:
    """Of all numbers in their order: other ones, or the same in another order, give another sum."""
    numbers = torch.cat([tensors[name].double().flatten() for name in sorted(tensors)])
    return float((numbers * torch.arange(len(numbers)).double().mul(0.7).cos()).sum())
