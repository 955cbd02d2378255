"""Batches of one example: left out where they are the rest of an epoch, trained where they were asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from nas_cli.data import parse_data
from nas_cli.execute.executor import Job
from nas_cli.execute.session import Session
from nas_cli.execute.worker import run_job
from nas_cli.model.ops import OPS
from nas_cli.space.parse import parse_space
from nas_cli.train.feed import count_batches, group_by_length, split
from nas_cli.train.settings import TRAIN


@pytest.fixture(scope="module")
def session() -> Session:
    return Session.open("image-classification", parse_data({"source": "digits"}), 0, precision="float32").shortened(33)


def job(batch_size: int, *layers: object) -> Job:
    given = {"epochs": 2, "batch_size": batch_size, "ema": 0.9}
    train = parse_space(["relu"], given, {}, OPS, TRAIN).resolve(lambda path, decision: None).train
    return Job(3, 0, "trial 3", [{"conv": 4}, *layers], train, 0, 2, 2, 11, None, None, None)


@pytest.mark.parametrize(
    ("examples", "size", "sizes"),
    [
        (5, 1, [1, 1, 1, 1, 1]),
        (5, 2, [2, 2]),
        (4, 2, [2, 2]),
        (3, 2, [2]),
        (1, 1, [1]),
        (1, 8, [1]),
        (2, 8, [2]),
        (9, 8, [8]),
        (10, 8, [8, 2]),
    ],
)
def test_batches(examples: int, size: int, sizes: list[int]) -> None:
    assert [len(batch) for batch in split(torch.arange(examples), size)] == sizes
    assert count_batches(examples, size) == len(sizes)


def test_a_billion_examples_are_counted_at_once() -> None:
    assert count_batches(10**9 + 1, 2) == 500_000_000
    assert count_batches(10**9, 1) == 10**9


def test_sequences_are_grouped_one_by_one_too() -> None:
    order = group_by_length(torch.arange(5), torch.tensor([3, 1, 2, 5, 4]), 1, torch.Generator().manual_seed(0))
    assert sorted(order.tolist()) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("batch_size", [1, 2, 32, 33, 1000])
def test_every_batch_size_trains(session: Session, batch_size: int) -> None:
    result = run_job(job(batch_size, "relu"), session)
    assert result.status == "finished", result.reason
    assert result.measurement["epochs"] == 2


def test_batch_norm_over_pixels_trains_with_one_example(session: Session) -> None:
    assert run_job(job(1, "batch_norm", "relu"), session).status == "finished"


def test_batch_norm_over_one_value_says_why_it_cannot(session: Session) -> None:
    model = ("relu", {"global_pool": "avg"}, {"linear": {"units": 4}}, {"nn.BatchNorm1d": {"num_features": 4}})
    assert run_job(job(2, *model), session).status == "finished"
    result = run_job(job(1, *model), session)
    assert result.reason == "batch norm cannot learn from a batch of one example: raise train.batch_size"
    assert run_job(replace(job(33, *model)), session).status == "finished"
