"""The checks for plugins find what is wrong."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nas_cli.data import Dataset, Examples
from nas_cli.errors import PluginError
from nas_cli.plugins import op, scheduler, source, strategy, taking_back, task
from nas_cli.search.scheduler import Full
from nas_cli.search.strategies.random import Random
from nas_cli.task.class_scores import ClassScores
from nas_cli.task.classification import Classification
from nas_cli.testing import check_op, check_scheduler, check_source, check_strategy, check_task

CALLS = itertools.count()
FACTS = {"labels": 3}
OUTPUTS, TARGETS = np.random.default_rng(0).normal(size=(30, 3)).astype(np.float32), np.arange(30) % 3


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    with taking_back():
        yield


class Together(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x - x.mean(0)


class Unlike(ClassScores):
    def report(self) -> Any:
        return {1: "a number as a key"}


class Last(ClassScores):
    def add(self, outputs: Any, targets: Any) -> None:
        self.__init__(self.labels)  # type: ignore[misc]
        super().add(outputs, targets)


class Noisy(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.rand(1)


@pytest.mark.parametrize(
    ("module", "words"), [(Together, "not close"), (Noisy, "other outputs for the same inputs"), (None, "is wanted")]
)
def test_a_wrong_op_is_found(module: Any, words: str) -> None:
    op("wrong")(lambda shape: module() if module else "nothing")
    with pytest.raises((AssertionError, PluginError), match=words):
        check_op("wrong")


def test_an_op_that_takes_nothing_is_found() -> None:
    op("wrong")(lambda shape: nn.Conv3d(1, 1, 1))
    with pytest.raises(AssertionError, match="op 'wrong' takes none of"):
        check_op("wrong")


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda self, number: Random(self.space, next(CALLS)).ask(number), "another answer where it is asked"),
        (lambda self, number: {"model[9]": 1}, "gave no point of the space"),
        (lambda self, number: Random.ask(self, number + self.told), "is asked for the same number|resumed search"),
    ],
)
def test_a_wrong_strategy_is_found(ask: Any, words: str) -> None:
    class Wrong(Random):
        told = 0

        def tell(self, trial: Any) -> None:
            super().tell(trial)

    def count(self: Any, number: int) -> Any:
        self.told += 1
        return ask(self, number)

    Wrong.ask = count  # type: ignore[method-assign]
    strategy("wrong")(Wrong)
    with pytest.raises((AssertionError, PluginError), match=words):
        check_strategy("wrong")


class Endless(Full):
    def __init__(self, epochs: int) -> None:
        self.rungs = (1, epochs)

    def next(self, history: Any) -> Any:
        return next(((trial.number, 1) for trial in history if trial.status == "finished"), None)


class Stuck(Full):
    def __init__(self, epochs: int) -> None:
        self.rungs = (1, epochs)


@pytest.mark.parametrize(
    ("kind", "words"), [(Stuck, "no trial is trained in full"), (Endless, "no trial is trained in full|paused one")]
)
def test_a_wrong_scheduler_is_found(kind: Any, words: str) -> None:
    scheduler("wrong")(kind)
    with pytest.raises((AssertionError, PluginError), match=words):
        check_scheduler("wrong")


def test_a_source_that_differs_each_time_is_found() -> None:
    def read(rows: Any) -> Any:
        return np.random.default_rng(next(CALLS)).integers(0, 255, (len(rows), 1, 6, 6)).astype(np.uint8)

    source("wrong")(lambda: Dataset(Examples("wrong", np.arange(90) % 3, read)))
    with pytest.raises(AssertionError, match="not equal"):
        check_source("wrong")


@pytest.mark.parametrize(
    ("member", "function", "words"),
    [
        ("loss", lambda self, outputs, *_: (0 * outputs).sum(), "does not lead down"),
        ("describe", lambda self, answer: "", "describes an answer by nothing"),
        ("scorer", lambda self, labels: Unlike(labels), "JSON does not give back"),
        ("scorer", lambda self, labels: Last(labels), "batches add up to less"),
    ],
)
def test_a_wrong_task_is_found(member: str, function: Any, words: str) -> None:
    task("wrong")(type("Wrong", (Classification,), {member: function, "__module__": __name__}))
    with pytest.raises((AssertionError, PluginError), match=words):
        check_task("wrong", OUTPUTS, TARGETS, ("a", "b", "c"), FACTS)
