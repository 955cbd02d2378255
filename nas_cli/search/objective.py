"""The objective of a search: one reward or several, always maximised, and constraints that a feasible trial keeps."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from nas_cli.errors import SpecError, did_you_mean
from nas_cli.figures import exact
from nas_cli.registry import checked, short, show
from nas_cli.search.expression import Expression, parse_expression
from nas_cli.trial import Measurement

Direction = Literal["maximize", "minimize"]
Kind = Literal["maximize", "minimize", "reward"]
GOALS: tuple[Kind, ...] = ("maximize", "minimize", "reward")
MOST_GOALS = 20


@dataclass(frozen=True)
class Constraint:
    """`name` must be from `low` to `high`, both included; an infinite bound means no bound."""

    name: str
    low: float = -math.inf
    high: float = math.inf

    def broken(self, value: float) -> str | None:
        """A sentence where `value` is outside the bounds (NaN always is), else None."""
        if value > self.high:
            return f"{self.name} is {exact(value)}, above the maximum of {exact(self.high)}"
        if value < self.low:
            return f"{self.name} is {exact(value)}, below the minimum of {exact(self.low)}"
        return f"{self.name} is not a number" if math.isnan(value) else None

    def violation(self, value: float) -> float:
        """How far `value` is beyond the bound that it breaks, as a share of that bound; 0 where it breaks none."""
        if self.low <= value <= self.high:
            return 0.0
        bound = self.high if value > self.high else self.low
        return abs(value - bound) / max(abs(bound), 1e-12)

    def __str__(self) -> str:
        bounds = [f"at least {exact(self.low)}"] if self.low > -math.inf else []
        bounds += [f"at most {exact(self.high)}"] if self.high < math.inf else []
        return f"{self.name} {' and '.join(bounds)}"


@dataclass(frozen=True)
class Goal:
    """`maximize` or `minimize` one name, or a `reward` expression, which is maximised."""

    kind: Kind
    expression: Expression

    @property
    def name(self) -> str:
        """The goal's name: its metric, its cost, or its expression."""
        return self.expression.text.strip()

    @property
    def score(self) -> str:
        """The name of its value: "reward" for an expression, else the metric or cost."""
        return "reward" if self.kind == "reward" else self.name

    @property
    def reads(self) -> list[str]:
        """The metrics and costs in its expression, in order of appearance."""
        words = dict.fromkeys(re.findall(r"[^\W\d]\w*", self.expression.text))
        return [word for word in words if word in self.expression.names]

    def reward(self, measurement: Measurement) -> float:
        """The number to maximise, finite. Raises TrialFailed with a sentence where it cannot be computed."""
        return self.shown(self.expression.value(measurement))

    def shown(self, reward: float) -> float:
        """The value to show for a reward, and back: for `minimize: loss` the loss, which is minus the reward."""
        return -reward if self.kind == "minimize" else reward

    def __str__(self) -> str:
        return f"{'maximize' if self.kind == 'reward' else self.kind} {self.expression.text}"


@dataclass(frozen=True)
class Objective:
    """What to maximise or minimise, one goal or several, and the constraints."""

    goals: tuple[Goal, ...]
    constraints: tuple[Constraint, ...] = ()

    @property
    def several(self) -> bool:
        """Whether there are several goals, so that the search is for a Pareto front."""
        return len(self.goals) > 1

    @property
    def names(self) -> frozenset[str]:
        """The metrics and costs in goals and constraints: others that take time to measure (latency) are left out."""
        read = frozenset[str]().union(*(goal.expression.names for goal in self.goals))
        return read | {constraint.name for constraint in self.constraints}

    def rewards(self, measurement: Measurement) -> tuple[float, ...]:
        """One number per goal, each to be maximised. Raises TrialFailed where one cannot be computed."""
        return tuple(goal.reward(measurement) for goal in self.goals)

    def broken(self, measurement: Measurement) -> list[str]:
        """A sentence for each constraint that `measurement` breaks; names not measured yet break none."""
        checked = (c.broken(measurement[c.name]) for c in self.constraints if c.name in measurement)
        return [sentence for sentence in checked if sentence]

    def violation(self, measurement: Measurement) -> float:
        """The sum of the violations of all constraints, each as a share of the bound that is broken."""
        return sum(c.violation(measurement[c.name]) for c in self.constraints if c.name in measurement)

    def describe(self) -> str:
        """`maximize accuracy and minimize macs, with params at most 200,000`."""
        text = " and ".join(map(str, self.goals))
        return f"{text}, with {' and '.join(map(str, self.constraints))}" if self.constraints else text


def goals_of(raw: Any) -> tuple[Goal, ...]:
    """The goals of an `objective:` section that was checked when its run began, without the metrics of the task.

    A section without a goal, as in runs of earlier versions, gives the goal `maximize: reward`. Raises SpecError where
    the section was damaged since.
    """
    items = raw if isinstance(raw, list) else [raw or {}]
    named = [(kind, item[kind]) for item in items for kind in GOALS if kind in item]
    goals = [Goal(kind, parse_expression(str(text))) for kind, text in named]
    return tuple(goals) or (Goal("maximize", parse_expression("reward")),)


def parse_objective(raw: object, metrics: Mapping[str, Direction], costs: tuple[str, ...]) -> Objective:
    """Parses the `objective:` section: one goal, or a list of several; the default is the task's first metric.

    `metrics` are the task's, each with its better direction; `costs` (params, macs, latency_ms) are better when small.
    Raises SpecError with a path relative to `raw`.
    """
    first, towards = next(iter(metrics.items()))
    if isinstance(raw, list):
        return _several(raw, metrics, costs)
    if raw is None:
        raw = {}
    if isinstance(raw, str):
        return parse_objective({metrics.get(raw, "minimize"): raw}, metrics, costs)
    if not isinstance(raw, dict):
        raise SpecError(f"objective takes a mapping such as {{{towards}: {first}}}, or a list; got {show(raw)}")
    for key in raw:
        if key not in (*GOALS, "constraints"):
            hint = did_you_mean(key, (*GOALS, "constraints"))
            raise SpecError(f"objective has no '{key}'{hint}", (str(key),), on_key=True)
    goals = [goal for goal in GOALS if goal in raw]
    if len(goals) > 1:
        listed = ", ".join(f"{{{goal}: {raw[goal]}}}" for goal in goals)
        raise SpecError(
            f"objective takes one of {', '.join(GOALS)}; got {' and '.join(goals)}. Several make a list: [{listed}]",
            (goals[1],),
            on_key=True,
        )
    constraints = _constraints(raw.get("constraints"), (*metrics, *costs))
    kind = goals[0] if goals else towards
    return Objective((_goal(kind, raw[kind] if goals else first, metrics, costs),), constraints)


def _several(raw: list[object], metrics: Mapping[str, Direction], costs: tuple[str, ...]) -> Objective:
    """Parses a list with one goal per item; constraints are an item of their own, or stand beside a goal."""
    if len(raw) > MOST_GOALS:
        raise SpecError(f"a list of objectives has at most {MOST_GOALS} entries; got {len(raw)}")
    goals: list[Goal] = []
    constraints: list[Constraint] = []
    for index, item in enumerate(raw):
        if not isinstance(item, str | dict) or not item:
            raise SpecError(f"an objective is a mapping such as {{minimize: {costs[0]}}}; got {show(item)}", (index,))
        try:
            part = parse_objective(item, metrics, costs)
        except SpecError as error:
            raise error.under((index,)) from None
        constraints += part.constraints
        if isinstance(item, str) or set(item) & set(GOALS):
            if part.goals[0].name in [goal.name for goal in goals]:
                raise SpecError(f"{part.goals[0].name} stands in the list twice", (index,))
            goals += part.goals
    if not goals:
        first, towards = next(iter(metrics.items()))
        raise SpecError(f"a list of objectives needs a goal, such as {{{towards}: {first}}}")
    return Objective(tuple(goals), tuple(constraints))


def _goal(key: str, text: object, metrics: Mapping[str, Direction], costs: tuple[str, ...]) -> Goal:
    kind = cast(Kind, key)
    allowed = (*metrics, *costs)
    if kind == "reward":
        if not isinstance(text, str):
            example = f"{next(iter(metrics))} / {costs[-1]}"
            raise SpecError(f"reward takes an expression such as '{example}'; got {show(text)}", (kind,))
        try:
            return Goal(kind, parse_expression(text, allowed))
        except SpecError as error:
            raise error.under((kind,)) from None
    if text not in allowed:
        raise SpecError(f"unknown metric '{short(text)}'{did_you_mean(text, allowed)}", (kind,))
    better = metrics.get(str(text), "minimize")
    if better != kind:
        raise SpecError(
            f"{text} is better when {'larger' if kind == 'minimize' else 'smaller'}; write {better}: {text}", (kind,)
        )
    return Goal(kind, parse_expression(str(text), allowed))


def _constraints(raw: object, allowed: tuple[str, ...]) -> tuple[Constraint, ...]:
    if raw is None:
        return ()
    if not isinstance(raw, dict):
        raise SpecError(
            f"constraints takes a mapping such as {{params: {{max: 200_000}}}}; got {show(raw)}", ("constraints",)
        )
    return tuple(_constraint(name, bounds, allowed) for name, bounds in raw.items())


def _constraint(name: object, bounds: object, allowed: tuple[str, ...]) -> Constraint:
    path = ("constraints", str(name))
    if name not in allowed:
        raise SpecError(f"unknown metric or cost '{short(name)}'{did_you_mean(name, allowed)}", path, on_key=True)
    if not isinstance(bounds, dict) or not bounds:
        raise SpecError(f"{name} takes {{max: NUMBER}}, {{min: NUMBER}} or both; got {show(bounds)}", path)
    for key, value in bounds.items():
        if key not in ("min", "max"):
            raise SpecError(f"a constraint has no '{key}'; allowed: min, max", (*path, str(key)), on_key=True)
        checked(float, value, (*path, key), key)
    low, high = float(bounds.get("min", -math.inf)), float(bounds.get("max", math.inf))
    if low > high:
        raise SpecError(f"min is {exact(low)} and max is {exact(high)}: nothing lies between", path)
    return Constraint(str(name), low, high)
