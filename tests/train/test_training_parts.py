"""Optimizers, schedules and losses against torch's own and against slow references."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from nas_cli.train.losses import LOSSES, OF_CLASSES, OF_NUMBERS
from nas_cli.train.optimizers import OPTIMIZERS, parameter_groups
from nas_cli.train.schedules import SCHEDULES


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# Schedules ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(SCHEDULES))
def test_schedules_stay_within_the_rate(name: str) -> None:
    factors = [SCHEDULES[name]()(step / 200) for step in range(201)]
    assert all(0 <= factor <= 1 + 1e-12 for factor in factors)
    assert max(factors) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (SCHEDULES["cosine"](), lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 100)),
        (
            SCHEDULES["one_cycle"](warmup=0.3, start=0.04, end=4e-6),
            lambda o: torch.optim.lr_scheduler.OneCycleLR(o, 1.0, 101, pct_start=31 / 101, cycle_momentum=False),
        ),
        (SCHEDULES["constant"](), lambda o: torch.optim.lr_scheduler.LambdaLR(o, lambda step: 1.0)),
    ],
    ids=["cosine", "one_cycle", "constant"],
)
def test_schedules_are_torchs(ours: Any, theirs: Any) -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = theirs(optimizer)
    for step in range(100):
        assert ours(step / 100) == pytest.approx(optimizer.param_groups[0]["lr"], abs=1e-9), step
        optimizer.step()
        scheduler.step()


def test_warmup_rises_in_a_line() -> None:
    for name in ("cosine", "constant"):
        schedule = SCHEDULES[name](warmup=0.2)
        assert [schedule(p) for p in (0.0, 0.1, 0.2)] == pytest.approx([0.0, 0.5, 1.0])
    assert SCHEDULES["cosine"](warmup=0.2)(0.6) == pytest.approx(0.5)


# Optimizers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_optimizers_take_torchs_steps(name: str) -> None:
    arguments: dict[str, dict[str, Any]] = {
        "sgd": {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
        "adam": {"lr": 0.01, "weight_decay": 0.01},
        "adamw": {"lr": 0.01, "weight_decay": 0.1},
    }
    reference: dict[str, Any] = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    ours, theirs = (nn.Parameter(torch.ones(3, 2)) for _ in range(2))
    mine = OPTIMIZERS[name]([ours], **arguments[name])
    other = reference[name]([theirs], **arguments[name])
    for step in range(5):
        for parameter, optimizer in ((ours, mine), (theirs, other)):
            optimizer.zero_grad()
            torch.autograd.backward(((parameter - step) ** 2).sum())
            optimizer.step()
    assert torch.allclose(ours, theirs, rtol=1e-6, atol=0)  # one kernel for the whole step rounds in its own way


def test_biases_and_norms_do_not_decay() -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))
    decayed, free = parameter_groups(network.parameters(), 0.1)
    assert [tuple(p.shape) for p in decayed["params"]] == [(4, 1, 3, 3), (2, 4)]
    assert free["weight_decay"] == 0.0
    assert len(free["params"]) == 4


# Losses ---------------------------------------------------------------------------------------------------------------


def test_cross_entropy_and_focal_by_hand() -> None:
    logits = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.5, 0.5]])
    targets = torch.tensor([0, 2])
    p = torch.softmax(logits, 1)[torch.arange(2), targets]
    assert LOSSES["cross_entropy"]()(logits, targets) == pytest.approx(-p.log().mean().item())
    assert LOSSES["focal"](gamma=2.0)(logits, targets).item() == pytest.approx(
        (-((1 - p) ** 2) * p.log()).mean().item()
    )
    smoothed = LOSSES["cross_entropy"](label_smoothing=0.3)(logits, targets)
    soft = functional.one_hot(targets, 3) * 0.7 + 0.1
    assert smoothed.item() == pytest.approx(-(soft * torch.log_softmax(logits, 1)).sum(1).mean().item())


@pytest.mark.parametrize("name", OF_CLASSES)
def test_losses_take_indices_and_probabilities_alike(name: str) -> None:
    logits = torch.randn(8, 5, generator=generator())
    targets = torch.arange(8) % 5
    loss = LOSSES[name]()
    one_hot = functional.one_hot(targets, 5).float()
    assert loss(logits, one_hot).item() == pytest.approx(loss(logits, targets).item(), rel=1e-5)


def test_losses_of_numbers_by_hand() -> None:
    assert {*OF_CLASSES, *OF_NUMBERS} == set(LOSSES)
    outputs, targets = torch.tensor([0.0, 3.0]), torch.tensor([0.5, 0.0])
    assert LOSSES["mse"]()(outputs, targets).item() == pytest.approx((0.25 + 9) / 2)
    assert LOSSES["mae"]()(outputs, targets).item() == pytest.approx((0.5 + 3) / 2)
    assert LOSSES["huber"](delta=1.0)(outputs, targets).item() == pytest.approx((0.125 + 2.5) / 2)


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw"])
def test_a_step_is_torchs_own(name: str) -> None:
    """Its wrapping is left out, which loads the compiler, and nothing of what it computes."""
    wanted = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[name]
    ours, theirs = (torch.nn.Parameter(torch.arange(6.0).view(2, 3)) for _ in range(2))
    optimizer = OPTIMIZERS[name]([ours], lr=0.01, weight_decay=0.1)
    settings = {k: v for k, v in optimizer.defaults.items() if k in inspect.signature(wanted).parameters}
    reference = wanted([theirs], **{**settings, "lr": 0.01, "weight_decay": 0.1})
    for _ in range(5):
        for parameter, chosen in ((ours, optimizer), (theirs, reference)):
            chosen.zero_grad()
            (parameter**2).sum().backward()
            chosen.step()
    assert torch.equal(ours, theirs)
    assert optimizer.state_dict()["state"].keys() == reference.state_dict()["state"].keys()
