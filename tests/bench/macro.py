"""NAS-Bench-Macro as a search: 8 layers, each with one of 3 ops; every network was trained with three seeds.

Su et al., "Prioritized Architecture Sampling with Monto-Carlo Tree Search", CVPR 2021. A query draws the accuracy of
one of the three seeds at random. A search makes 200 distinct queries; the architecture with the best accuracy it has
*seen* is its choice, and the choice is scored by the mean of the three seeds.

With two objectives (accuracy up, FLOPs down) the choice is the front of what it has *seen*, and is scored by the
hypervolume of its mean accuracies and FLOPs, as a share of that of the true front; the reference point is 80 % and
105.66 MFLOPs, the most that an architecture takes.
"""

from __future__ import annotations

import json
import math
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from nas_cli.registry import Registry
from nas_cli.search import STRATEGIES
from nas_cli.search.pareto import hypervolume, non_dominated_sort
from nas_cli.space.parse import parse_space
from nas_cli.space.space import Space
from nas_cli.trial import Trial

DATA = Path(__file__).parents[3] / "shared" / "data" / "nas-bench-macro.json"
REFERENCE = (80.0, -105.66)
FRONT_GOALS = {100: 0.94, 200: 0.974, 400: 0.99}
GOALS = {"random": 92.87, "evolution": 93.04, "genetic": 93.03, "reinforce": 93.03}
QUERIES = 200
ASKS = 20 * QUERIES


@dataclass(frozen=True)
class Score:
    """The mean accuracy of what was chosen over all repetitions, and its standard error."""

    mean: float
    error: float
    asks: float

    @staticmethod
    def of(chosen: list[tuple[float, int]]) -> Score:
        scores = np.array([score for score, _ in chosen])
        asks = float(np.mean([asks for _, asks in chosen]))
        return Score(float(scores.mean()), float(scores.std(ddof=1)) / math.sqrt(len(scores)), asks)


@cache
def table() -> dict[str, tuple[list[float], float, float]]:
    """The three accuracies of each architecture, their mean, and its MFLOPs, by its eight digits."""
    raw = json.loads(DATA.read_text())
    return {name: (entry["test_acc"], entry["mean_acc"], entry["flops"] / 1e6) for name, entry in raw.items()}


@cache
def macro_space() -> Space:
    ops: Registry[Any] = Registry("op")
    for name in ("op0", "op1", "op2"):
        ops.register(name)(lambda: None)
    return parse_space([{"choice": list(ops)}] * 8, {}, {}, ops, ())


@cache
def true_hypervolume() -> float:
    return hypervolume([(mean, -mflops) for _, mean, mflops in table().values()], REFERENCE)


def search_front(name: str, seed: int, **arguments: Any) -> dict[int, float]:
    """One search with two objectives: the hypervolume fraction after each number of queries in FRONT_GOALS."""
    strategy = STRATEGIES[name](macro_space(), seed, **{**STRATEGIES.parse(name)[1], **arguments})
    luck = np.random.default_rng([seed, 2**31])
    tried: dict[str, Trial] = {}
    fractions: dict[int, float] = {}
    for number in range(20 * max(FRONT_GOALS)):
        genotype = strategy.ask(number)
        architecture = "".join(str(op)[-1] for op in genotype.values())
        twin = tried.get(architecture)
        if twin is not None:
            strategy.tell(twin._replace(number=number, status="duplicate", equals=twin.number, rungs=()))
            continue
        trial = Trial(number, genotype)
        strategy.tell(trial)
        accuracies, _, mflops = table()[architecture]
        accuracy = accuracies[int(luck.integers(3))]
        measured = {"accuracy": accuracy, "mflops": mflops}
        rungs = ((0, measured, accuracy),)
        rewards = (accuracy, -mflops)
        trial = trial._replace(status="finished", measurement=measured, reward=accuracy, rewards=rewards, rungs=rungs)
        strategy.tell(trial)
        tried[architecture] = trial
        if len(tried) in FRONT_GOALS:
            fractions[len(tried)] = fraction(tried)
        if len(tried) == max(FRONT_GOALS):
            break
    return fractions


def fraction(tried: dict[str, Trial]) -> float:
    names = list(tried)
    front = non_dominated_sort([tried[name].rewards for name in names])[0]
    means = [(table()[names[index]][1], -table()[names[index]][2]) for index in front]
    return hypervolume(means, REFERENCE) / true_hypervolume()


def repeat_front(name: str, repetitions: int, **arguments: Any) -> dict[int, tuple[float, float]]:
    """Mean and standard error of the fraction at each number of queries, over `repetitions` searches."""
    one = partial(search_front, name, **arguments)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(one, range(repetitions), chunksize=5))
    scores = {queries: np.array([each[queries] for each in found]) for queries in FRONT_GOALS}
    return {q: (float(s.mean()), float(s.std(ddof=1)) / math.sqrt(len(s))) for q, s in scores.items()}


def search(name: str, seed: int, **arguments: Any) -> tuple[float, int]:
    """One search: the mean accuracy of the architecture it chose, and how often it asked, duplicates included."""
    strategy = STRATEGIES[name](macro_space(), seed, **{**STRATEGIES.parse(name)[1], **arguments})
    luck = np.random.default_rng([seed, 2**31])
    tried: dict[str, Trial] = {}
    for number in range(ASKS):
        genotype = strategy.ask(number)
        architecture = "".join(str(op)[-1] for op in genotype.values())
        twin = tried.get(architecture)
        if twin is not None:
            strategy.tell(twin._replace(number=number, status="duplicate", equals=twin.number, rungs=()))
            continue
        trial = Trial(number, genotype)
        strategy.tell(trial)
        accuracy = table()[architecture][0][int(luck.integers(3))]
        measured = {"accuracy": accuracy}
        trial = trial._replace(
            status="finished", measurement=measured, reward=accuracy, rungs=((0, measured, accuracy),)
        )
        strategy.tell(trial)
        tried[architecture] = trial
        if len(tried) == QUERIES:
            break
    chosen = max(tried, key=lambda architecture: tried[architecture].reward or -math.inf)
    return table()[chosen][1], number + 1


def repeat(name: str, repetitions: int, first: int = 0, **arguments: Any) -> Score:
    """`repetitions` searches with the seeds from `first` on, on all cores."""
    one = partial(search, name, **arguments)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        return Score.of(list(pool.map(one, range(first, first + repetitions), chunksize=5)))
