"""REINFORCE: a policy that writes an architecture decision by decision and is pushed towards what scored well.

Zoph & Le, "Neural Architecture Search with Reinforcement Learning", ICLR 2017: the state is the decisions so far, the
action is the next decision, the reward is what the trained network scores; a moving average is the baseline. With
Williams & Peng's entropy bonus (1991). Their LSTM took 12,800 trainings; the policy here is log-linear in the state,

    log P(decision = a | state) = bias[a] + sum over earlier decisions d of weight[a, value of d] + const,

which learns from a hundred trials. A weight that no trial has touched is zero, so paths never seen cost nothing.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Annotated

import numpy as np

from nas_cli.arguments import Between, Fraction
from nas_cli.errors import Infeasible
from nas_cli.search.strategies.actions import Actions
from nas_cli.search.strategy import STRATEGIES, TRIES, Memory
from nas_cli.space.decisions import Decision
from nas_cli.space.edit import decisions
from nas_cli.space.space import Space
from nas_cli.trial import Genotype, Scalar, Trial

Fact = tuple[str, int] | None
"""The feature of a weight: an earlier decision (path, action), or None for the bias."""

Rate = Annotated[float, Between(0, 10)]

CLIP = 2.0
MOST_FACTS = 100
"""Earlier decisions that a decision depends on: with thousands, each pair would have a weight of its own."""


class Baseline:
    """A moving mean and spread of the rewards of one rung: rewards of different rungs do not compare."""

    def __init__(self, decay: float) -> None:
        self.decay = decay
        self.count = 0
        self.mean = 0.0
        self.variance = 0.0

    def advantage(self, reward: float) -> float:
        """How far `reward` is above the mean, in standard deviations, clipped to ±2; then updates mean and variance."""
        gap = reward - self.mean if self.count else 0.0
        spread = math.sqrt(self.variance)
        self.count += 1
        share = max(1 / self.count, 1 - self.decay)
        self.mean += share * gap if self.count > 1 else reward
        self.variance = (1 - share) * (self.variance + share * gap * gap)
        if spread == 0.0:
            return float(np.sign(gap))
        return float(np.clip(gap / spread, -CLIP, CLIP))


@STRATEGIES.register("reinforce")
class Reinforce:
    """REINFORCE: a policy conditioned on the decisions so far, with a moving baseline and an entropy bonus."""

    def __init__(
        self,
        space: Space,
        seed: int,
        learning_rate: Rate = 0.3,
        entropy: Rate = 0.3,
        decay: Fraction = 0.9,
    ) -> None:
        self.space = space
        self.seed = seed
        self.learning_rate = learning_rate
        self.entropy = entropy
        self.memory = Memory(space)
        self.weights: dict[tuple[str, int, Fact], np.ndarray] = {}
        self.baselines: defaultdict[int, Baseline] = defaultdict(lambda: Baseline(decay))

    def ask(self, number: int) -> Genotype:
        rng = np.random.default_rng([self.seed, number])
        return self.memory.fresh(lambda attempt: self._draw(attempt / TRIES, rng))

    def _draw(self, chance: float, rng: np.random.Generator) -> Genotype:
        """Draws from the policy, mixed with a share `chance` of uniform draws for when the policy repeats itself."""
        state: list[Fact] = [None]

        def decide(path: str, decision: Decision) -> Scalar:
            actions = Actions(decision)
            policy = (1 - chance) * self._policy(path, len(actions), state) + chance / len(actions)
            action = int(rng.choice(len(actions), p=policy))
            state.append((path, action))
            return actions.draw(action, rng)

        return self.space.resolve(decide).genotype

    def _policy(self, path: str, count: int, state: list[Fact]) -> np.ndarray:
        logits = np.zeros(count)
        for fact in _recent(state):
            weight = self.weights.get((path, count, fact))
            if weight is not None:
                logits += weight
        exponent = np.exp(logits - logits.max())
        return np.asarray(exponent / exponent.sum())

    def tell(self, trial: Trial) -> None:
        """Makes one policy-gradient step at the end of each rung.

        A trial that breaks a constraint, cannot be built or fails gets the lowest advantage.
        """
        self.memory.add(trial)
        if trial.status in ("infeasible", "failed") or (trial.status != "running" and not trial.feasible):
            self._learn(trial.genotype, -CLIP)
        elif trial.status in ("paused", "finished", "duplicate") and trial.reward is not None:
            rung = self.memory.standing(trial.number)[1]
            self._learn(trial.genotype, self.baselines[rung].advantage(trial.reward))

    def _learn(self, genotype: Genotype, advantage: float) -> None:
        try:
            visited = decisions(self.space, genotype) if genotype else {}
        except Infeasible:
            return  # too many layers to walk, and no telling which decision is to blame
        state: list[Fact] = [None]
        for path, decision in visited.items():
            actions = Actions(decision)
            action = actions.index(genotype[path])
            policy = self._policy(path, len(actions), state)
            log = np.log(np.maximum(policy, 1e-12))
            gradient = -advantage * policy
            gradient[action] += advantage
            gradient -= self.entropy * policy * (log - policy @ log)
            for fact in _recent(state):
                share = 1.0 if fact is None else 1.0 / len(state)
                key = (path, len(actions), fact)
                self.weights[key] = self.weights.get(key, 0.0) + self.learning_rate * share * gradient
            state.append((path, action))


def _recent(state: list[Fact]) -> list[Fact]:
    return state if len(state) <= MOST_FACTS else [None, *state[-MOST_FACTS:]]
