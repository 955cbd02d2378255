"""The op `affine`: fixed units of numbers, and of each of several."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from fields import axes_of

from nas_cli.errors import Infeasible
from nas_cli.model.build import build
from nas_cli.model.network import Network
from nas_cli.model.ops import OPS
from nas_cli.model.weights import Fresh
from nas_cli.space.parse import parse_architecture


def network(arguments: Any, shape: tuple[int, ...] = (2,)) -> Network:
    body = parse_architecture([{"affine": arguments}], OPS)
    fresh = Fresh(torch.Generator())
    return build(body, {"input": axes_of(shape)}, lambda s: parse_architecture([], OPS), {}, fresh).eval()


def test_a_list_has_a_number_for_each_channel() -> None:
    made = network({"scale": [2.0, 100.0], "shift": [1.0, -5.0]})
    assert made(torch.tensor([[3.0, 0.5]])).tolist() == [[7.0, 45.0]]
    assert not made.state_dict(), "units are written in the architecture, and are no weights"
    images = network({"scale": [2.0, 100.0], "shift": [1.0, -5.0]}, (2, 1, 2))
    assert images(torch.tensor([[[[3.0, 4.0]], [[0.5, 0.25]]]])).tolist() == [[[[7.0, 9.0]], [[45.0, 20.0]]]]


@pytest.mark.parametrize("arguments", [{"scale": [2.0, 100.0], "shift": 1.0}, {"scale": 2, "shift": [1, -98]}])
def test_one_number_serves_every_channel(arguments: Any) -> None:
    found = network(arguments)(torch.tensor([[3.0, 0.5]]))
    assert found.tolist() == [[7.0, 51.0 if arguments["shift"] == 1.0 else -97.0]]


def test_numbers_are_fixed_as_before() -> None:
    made = network({"scale": 2.0, "shift": 1.0})
    assert made(torch.tensor([[3.0, 0.5]])).tolist() == [[7.0, 2.0]]
    assert repr(next(iter(made.layers.children()))) == "Affine(scale=2.0, shift=1.0)"


def test_other_channels_than_numbers_are_infeasible() -> None:
    with pytest.raises(Infeasible, match="3 numbers are given for its 2 channels"):
        network({"scale": [1.0, 2.0, 3.0]})
