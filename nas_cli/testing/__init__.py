"""Checks for authors of components: the contracts of ops, strategies, schedulers, sources, tasks and augmentations.

    from nas_cli.testing import check_op

    def test_my_op() -> None:
        check_op("my_op", {"channels": 8})

Each check takes a registered name. It raises AssertionError, or PluginError for an error in the component's file.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from nas_cli.axes import Shape
from nas_cli.data import SOURCES, Wanted, load_test, load_training, parse_data
from nas_cli.errors import Infeasible
from nas_cli.model.build import build
from nas_cli.model.ops import OPS
from nas_cli.model.ops.vocabulary import incoming
from nas_cli.record.events import TrialFailed, TrialFinished, TrialStarted
from nas_cli.search import SCHEDULERS, STRATEGIES
from nas_cli.search.strategy import Strategy
from nas_cli.space.edit import replay
from nas_cli.space.parse import parse_architecture, parse_space
from nas_cli.space.space import Space
from nas_cli.task import Table, open_task, scored
from nas_cli.testing.augment import check_augmentation as check_augmentation
from nas_cli.testing.ops import check_op as check_op
from nas_cli.testing.ops import reason_of
from nas_cli.train.losses import LOSSES
from nas_cli.trial import Genotype, History, Trial

WORKERS = 3
SPACE = [
    {"repeat": {"times": {"int": [0, 2]}, "body": [{"choice": ["relu", {"conv": {"channels": {"choice": [8, 16]}}}]}]}},
    {"optional": [{"dropout": {"rate": {"float": [0.0, 0.5]}}}]},
    {"conv": {"channels": {"int": [2, 300], "log": True}}},
]


# Strategies and schedulers -------------------------------------------------------------------------------------------


def check_strategy(name: str, arguments: Mapping[str, Any] | None = None, space: Space | None = None) -> None:
    """Checks that `ask` changes no state; that it gives points of the space, which depend only on the seed, the number
    and the trials told; and that the strategy survives every fate of a trial.
    """
    space = space or parse_space(SPACE, {}, {}, OPS, ())
    given = STRATEGIES.parse({name: dict(arguments or {})})[1]

    def make(seed: int = 3) -> Strategy:
        return STRATEGIES[name](space, seed, **given)

    strategy, resumed = make(), make()
    for told in range(4):
        first = [strategy.ask(number) for number in (100, 7, 100)]
        unchanged = first[0] == first[2] == strategy.ask(100)
        assert unchanged, f"strategy '{name}' gives another answer where it is asked for the same number again"
        asked = tell_all(strategy, 25, first=25 * told)
        assert asked == tell_all(resumed, 25, first=25 * told), (
            f"strategy '{name}' gives another answer in a resumed search, which asks other numbers between"
        )
        for genotype in asked:
            wanted = replay(space, genotype).genotype
            assert wanted == dict(genotype), f"strategy '{name}' asked {dict(genotype)}, and its decisions are {wanted}"
    hopeless = make()
    for number in range(100):
        hopeless.tell(Trial(number, hopeless.ask(number), "infeasible", reason="too small"))
    hopeless.tell(Trial(100, {}, "infeasible", reason="more layers than there may be"))
    hopeless.ask(101)


def tell_all(strategy: Strategy, count: int, first: int = 0) -> list[Genotype]:
    """The genotypes asked in a search with every kind of event: failures, infeasible trials, broken constraints, rungs,
    duplicates, and trials that never end.
    """
    asked = []
    seen: dict[str, Trial] = {}
    for number in range(first, first + count):
        genotype = strategy.ask(number)
        asked.append(genotype)
        twin = seen.get(str(genotype))
        if twin is None:
            seen[str(genotype)] = _tell(strategy, Trial(number, genotype))
        else:
            known = {"reward": twin.reward, "feasible": twin.feasible}
            strategy.tell(Trial(number, genotype, "duplicate", equals=twin.number, **known))  # type: ignore[arg-type]
    return asked


def _tell(strategy: Strategy, started: Trial) -> Trial:
    """Tells the strategy the fate of a trial, which depends on its number; returns the trial."""
    fate = started.number % 7
    if fate == 1:
        strategy.tell(started._replace(status="infeasible", reason="too small"))
        return started
    strategy.tell(started)
    if fate == 2:
        strategy.tell(started._replace(status="failed", reason="the loss is NaN"))
    if fate in (2, 3):
        return started  # fate 3: the trial never ends
    done = finished(started.number, started.genotype, reward_of(started.genotype), feasible=fate != 4)
    paused = done._replace(status="paused")
    strategy.tell(paused)
    if fate in (5, 6):
        strategy.tell(paused._replace(status="running", rung=1))
    if fate == 5:
        strategy.tell(done._replace(rung=1, rungs=(*done.rungs, (1, done.measurement, 0.5)), reward=0.5))
    if fate == 6:
        strategy.tell(paused._replace(status="failed", rung=1, reason="out of memory"))
    return done


def reward_of(genotype: Genotype) -> float:
    return sum(0.1 for value in genotype.values() if value in ("gelu", 16)) + 0.001 * len(genotype)


def finished(number: int, genotype: Genotype, reward: float, rung: int = 0, **more: Any) -> Trial:
    measurement = {"accuracy": reward}
    return Trial(number, genotype, "finished", rung, measurement, reward, rungs=((rung, measurement, reward),), **more)


def check_scheduler(name: str, arguments: Mapping[str, Any] | None = None, epochs: int = 9, trials: int = 60) -> None:
    """Checks, in a search with three workers and failing trainings, that rungs rise to a full training; that only
    paused trials are promoted, by one rung; that decisions depend on the history alone; and that the search ends.
    """
    given = SCHEDULERS.parse({name: dict(arguments or {})})[1]
    scheduler, other = (SCHEDULERS[name](epochs, **given) for _ in range(2))
    rungs = scheduler.rungs
    assert rungs[-1] == epochs, f"scheduler '{name}' ends at {rungs[-1]} of {epochs} epochs"
    assert list(rungs) == sorted(set(rungs)), f"scheduler '{name}' has rungs that do not rise: {rungs}"
    history, rng = History(), np.random.default_rng(0)
    running: list[tuple[int, int]] = []
    for _ in range(100 * trials):
        while len(running) < WORKERS:
            job = scheduler.next(history)
            assert job == other.next(history), f"scheduler '{name}' answers from more than the history"
            if job is None and len(history) == trials:
                break
            running.append(job or (len(history), scheduler.first_rung(len(history))))
            _start(name, history, *running[-1])
        if not running:
            break
        number, rung = running.pop(int(rng.integers(len(running))))
        if rng.random() < 0.15:
            history.tell(TrialFailed(number, "the loss is NaN", rung).change(history.trials))
            continue
        reward, feasible = float(rng.random()), bool(rng.random() < 0.8)
        ended = TrialFinished(number, rung, {}, reward, last=rung == len(rungs) - 1, feasible=feasible)
        history.tell(ended.change(history.trials))
    assert not running, f"scheduler '{name}' goes on and on after {trials} trials"
    assert any(trial.status == "finished" for trial in history), f"under scheduler '{name}' no trial is trained in full"


def _start(name: str, history: History, number: int, rung: int) -> None:
    trial = history.trials.get(number)
    if trial is not None:
        assert trial.status == "paused", f"scheduler '{name}' promotes trial {number}, which is {trial.status}"
        assert rung == trial.rung + 1, f"scheduler '{name}' promotes from rung {trial.rung} to {rung}"
    history.tell(TrialStarted(number, rung, {"x": number}).change(history.trials))


# Sources and tasks ---------------------------------------------------------------------------------------------------


def check_source(name: str, arguments: Mapping[str, Any] | None = None, target: str = "class") -> None:
    """Checks that all parts can be read, that the split depends on the seed alone, and that written settings parse to
    the same settings."""
    settings = parse_data({"source": name, **(arguments or {})})
    assert parse_data(settings.written_out()).written_out() == settings.written_out()
    wanted = Wanted(SOURCES[name](**settings.arguments).inputs, target)
    first, again, other = (load_training(settings, seed, wanted=wanted) for seed in (1, 1, 2))
    for part in ("train", "validation"):
        np.testing.assert_array_equal(getattr(first, part).targets, getattr(again, part).targets)
        np.testing.assert_array_equal(getattr(first, part).inputs, getattr(again, part).inputs)
    if SOURCES[name](**settings.arguments).divide is None:  # other groups may have other sizes
        assert len(other.train) == len(first.train), f"source '{name}' has parts of other sizes with another seed"
    test = load_test(settings, 1, first.labels, wanted=wanted, fields=first.fields)
    assert len(test), f"source '{name}' has a test part without examples"


def check_task(
    name: str,
    outputs: np.ndarray[Any, Any],
    targets: np.ndarray[Any, Any],
    labels: Sequence[str],
    facts: Mapping[str, Any],
    shapes: Sequence[Shape] = ((16,), (6, 9), (6, 4, 4)),
) -> None:
    """Checks, on imperfect `outputs` (N, …) for `targets` (N, …), that metrics are finite, that reports and answers are
    JSON and can be displayed, that a step against the gradient lowers the loss, and that the head fits a body of at
    least one of `shapes`.
    """
    task = open_task(name)
    scorer = scored(task, outputs, targets, labels)
    found = scorer.metrics()
    assert next(iter(task.metrics)) in found, f"task '{name}' does not measure its first metric"
    assert all(map(math.isfinite, found.values())), f"task '{name}' measures {found}"
    tensors = scored(task, torch.from_numpy(outputs.copy()), torch.from_numpy(targets), labels).metrics()
    assert all(math.isclose(tensors[metric], found[metric], rel_tol=1e-5) for metric in found)
    pieces = task.scorer(labels)
    for start in range(0, len(outputs), 7):
        pieces.add(outputs[start : start + 7], targets[start : start + 7])
    added = pieces.metrics()
    assert all(math.isclose(added[metric], found[metric], rel_tol=1e-5) for metric in found), "batches add up to less"
    report = scorer.report()
    assert json.loads(json.dumps(report)) == report, f"task '{name}' has a report that JSON does not give back"
    for table in [block for block in task.blocks(report) if isinstance(block, Table)]:
        assert all(len(row) == len(table.columns) for row in table.rows), f"table '{table.title}' is uneven"
        assert all(isinstance(cell, str) for row in table.rows for cell in row), f"'{table.title}' has cells not texts"
    answer = task.answer(outputs[0], labels, 3, tuple("abcdefghijklmnopqrstuvwxyz"[: outputs.shape[-1]]))
    assert json.loads(json.dumps(answer)) == answer
    assert task.describe(answer), f"task '{name}' describes an answer by nothing"
    _check_loss(name, outputs, targets)
    ends = [_end(name, shape, facts) for shape in shapes]
    assert any(ends), f"the head of task '{name}' ends no body of {list(shapes)}"


def _check_loss(name: str, outputs: np.ndarray[Any, Any], targets: np.ndarray[Any, Any]) -> None:
    task, wanted = open_task(name), torch.from_numpy(targets)
    tensor = torch.tensor(outputs, requires_grad=True)
    loss_of = LOSSES[task.losses[0]](**LOSSES.parse(task.losses[0])[1])
    before = task.loss(tensor, wanted, loss_of, 1.0)
    torch.autograd.backward(before)
    assert tensor.grad is not None, f"the loss of task '{name}' does not depend on the outputs"
    after = task.loss(tensor - 0.1 * tensor.grad, wanted, loss_of, 1.0)
    assert float(after.detach()) < float(before.detach()), f"the loss of task '{name}' does not lead down"


def _end(name: str, shape: Shape, facts: Mapping[str, Any]) -> bool:
    """Whether the task's head fits a body with outputs of `shape`."""
    body = parse_architecture(["relu"], OPS)
    try:
        build(
            body,
            {"input": incoming(shape)},
            lambda features: parse_architecture(open_task(name).head(features, facts), OPS),
            facts,
        )
    except Infeasible as error:
        return not reason_of(f"the head of task '{name}'", shape, error)
    return True
