"""The built-in space `segmenter`: each of its networks gives a class for every pixel of images of any size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from nas_cli.axes import Axes
from nas_cli.model.build import Head, build, plan
from nas_cli.model.cost import cost
from nas_cli.model.ops import OPS
from nas_cli.model.weights import Fresh
from nas_cli.space.builtins import load_builtin
from nas_cli.space.edit import replay, sample
from nas_cli.space.parse import parse_architecture, parse_space
from nas_cli.space.space import Resolved

HEAD = [{"conv": {"channels": 3, "kernel": 1}}, {"resize": {"mode": "bilinear"}}]
head: Head = lambda shape: parse_architecture(HEAD, OPS)  # noqa: E731
SIZES = [(64, 64), (65, 97), (127, 66)]


def drawn(count: int, let: dict[str, Any] | None = None) -> list[Resolved]:
    builtin = load_builtin({"segmenter": let or {}})
    space = parse_space(builtin.model, {}, builtin.let, OPS, ())
    rng = np.random.default_rng(0)
    return [replay(space, sample(space, rng)) for _ in range(count)]


def image(size: tuple[int, int], channels: int = 1) -> dict[str, Axes]:
    return {"image": Axes("uint8", (channels, *size))}


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_every_network_is_feasible_and_as_large_as_its_image(size: tuple[int, int]) -> None:
    for resolved in drawn(40):
        program = plan(resolved.model, image(size), head)
        assert program.shape(program.output) == (3, *size)


def test_networks_are_of_all_depths_and_small() -> None:
    programs = [plan(resolved.model, image((128, 128)), head) for resolved in drawn(40)]
    least = {min(step.shape[1] for step in program.steps) for program in programs}
    assert least == {4, 8, 16, 32}  # two to four levels, with a stem of stride 1 or 2
    assert 50_000 < np.median([cost(program)["params"] for program in programs]) < 1_000_000


def test_a_network_learns_on_one_size_and_runs_on_others() -> None:
    for resolved in drawn(4, {"width": 8}):
        fresh = Fresh(torch.Generator().manual_seed(0))
        network = build(resolved.model, image((33, 40), 3), head, modules=fresh)
        batch = torch.randint(0, 256, (2, 3, 33, 40), generator=torch.Generator().manual_seed(1)).byte()
        network(batch).square().mean().backward()
        gradients = [parameter.grad for parameter in network.parameters()]
        assert all(grad is not None and bool(grad.isfinite().all()) for grad in gradients)
        for size in ((64, 48), (31, 70)):
            assert network.eval()(torch.zeros((1, 3, *size), dtype=torch.uint8)).shape == (1, 3, *size)
