"""What cannot be built is answered with one sentence: the layer, the shape that came to it, the reason."""

from __future__ import annotations

from typing import Any

import pytest
from fields import inputs_of
from torch import nn

from nas_cli.errors import Infeasible
from nas_cli.model.build import plan
from nas_cli.model.ops import OPS, Shape
from nas_cli.space.nodes import Op, Seq
from nas_cli.space.parse import parse_architecture

IMAGE = (3, 8, 8)


def nothing(shape: Shape) -> Seq:
    return Seq(())


def classifier(shape: Shape) -> Seq:
    return Seq((Op("flatten", {}), Op("linear", {"units": 3})))


def reason(model: Any, shape: Shape = IMAGE, head: Any = nothing) -> str:
    with pytest.raises(Infeasible) as caught:
        plan(parse_architecture(model, OPS), inputs_of(shape), head)
    return str(caught.value)


@pytest.mark.parametrize(
    ("model", "shape", "words"),
    [
        (
            [{"max_pool": 2}, {"max_pool": 2}, {"max_pool": 2}, {"max_pool": 2}],
            IMAGE,
            "model[3].max_pool cannot take 3x1x1: a window of 2x2 does not fit, so nothing would be left",
        ),
        ([{"conv": {"channels": 4, "kernel": 5, "padding": 0}}], (3, 4, 9), "model[0].conv cannot take 3x4x9"),
        (["flatten", {"conv": 3}], IMAGE, "model[1].conv cannot take 192: it works on images"),
        ([{"conv": {"channels": 4, "groups": 2}}], IMAGE, "groups 2 does not divide both 3 channels in and 4 out"),
        ([{"group_norm": 2}], IMAGE, "groups 2 does not divide its 3 channels"),
        ([{"mbconv": {"kernel": 4}}], IMAGE, "its kernel must be odd"),
        ([{"branches": [["relu"], [{"conv": 4}]]}], IMAGE, "model[0].branches cannot add 3x8x8 and 4x8x8"),
        (
            [{"branches": {"paths": [["relu"], [{"max_pool": 2}]], "join": "concat"}}],
            IMAGE,
            "model[0].branches cannot concatenate 3x8x8 and 3x4x4: their sizes differ",
        ),
        (
            [{"residual": ["global_pool"]}],
            IMAGE,
            "model[0].residual.shortcut cannot take 3x8x8: it cannot be projected to 3",
        ),
        ([{"residual": [{"upsample": 2}]}], IMAGE, "no stride brings it to 3x16x16"),
        (
            [{"branches": [[{"join": "t"}], [{"tap": "t"}]]}],
            IMAGE,
            "model[0].branches[0][0].join wants the tap 't'",
        ),
        ([{"nn.Unflatten": {"dim": 1, "unflattened_size": [5, 2]}}], IMAGE, "model[0].nn.Unflatten cannot take 3x8x8"),
        ([{"nn.Flatten": {"start_dim": 0}}], IMAGE, "it turns a batch of 2 into 384"),
        ([{"linear": 30_000}, {"linear": 100_000}], (8,), "more than 2,000,000,000 parameters"),
        ([{"upsample": 2**15}], IMAGE, "more than 2,147,483,648 values"),
        ([{"conv": 10**6}, {"conv": 10**6}], IMAGE, "model[1].conv cannot take 1000000x8x8"),
        ([{"upsample": 10**6}], IMAGE, "model[0].upsample cannot take 3x8x8"),
    ],
)
def test_what_cannot_be_built_says_why(model: Any, shape: Shape, words: str) -> None:
    told = reason(model, shape)
    assert words in told
    assert "\n" not in told
    assert len(told) < 400


def test_a_users_op_that_fails_ends_its_candidate_only(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(shape: Shape) -> nn.Module:
        raise KeyError("lost")

    def pairs(shape: Shape) -> nn.Module:
        return nn.MaxPool2d(2, return_indices=True)

    monkeypatch.setattr(OPS, "_items", {**OPS._items, "broken": broken, "pairs": pairs})
    assert reason(["broken"]) == "model[0].broken cannot take 3x8x8: KeyError: 'lost'"
    assert "it gives tuple, and a layer gives one tensor" in reason(["pairs"])


def test_a_network_of_zeros_is_infeasible() -> None:
    assert "every path to it is zero" in reason(["zero", {"conv": 3}], head=classifier)
    assert "no layers" in reason(["identity"])
