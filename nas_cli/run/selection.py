"""What is kept of the final phase: the best by validation, and whether it is better than the others beyond noise."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nas_cli.errors import NasError
from nas_cli.record.events import Event
from nas_cli.search.objective import Goal, Objective
from nas_cli.search.pareto import knee, non_dominated_sort
from nas_cli.trial import Measurement


@dataclass(frozen=True)
class Repetition:
    """One final training of a candidate. `reward` is None where it failed, `epochs` where an earlier version ran it."""

    candidate: str
    seed: int
    measurement: Measurement
    reward: float | None
    feasible: bool
    reason: str = ""
    rewards: tuple[float, ...] = ()
    epochs: int | None = None


@dataclass(frozen=True)
class Standing:
    """A candidate over its seeds. `spread` is the sample standard deviation; 0 for one seed.

    `rewards` are of the first objective, one a seed; `means` has a mean for each objective.
    """

    candidate: str
    rewards: tuple[float, ...]
    feasible: bool
    means: tuple[float, ...]

    @property
    def mean(self) -> float:
        return statistics.fmean(self.rewards)

    @property
    def spread(self) -> float:
        return statistics.stdev(self.rewards) if len(self.rewards) > 1 else 0.0


@dataclass(frozen=True)
class Selection:
    """The outcome: standings best first, who is within noise of the winner, and the winner's best repetition.

    `front` names those that no other beats in every objective, where there are several. `broken` says which constraints
    the winner breaks: none, unless every network that was trained in the end breaks one.
    """

    standings: tuple[Standing, ...]
    within_noise: tuple[str, ...]
    verdict: str
    winner: Repetition
    front: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()

    def as_event(self) -> dict[str, Any]:
        """The fields of the journal's `final_selected`."""
        ranking = [
            {
                "candidate": s.candidate,
                "rewards": list(s.rewards),
                "mean": s.mean,
                "spread": s.spread if len(s.rewards) > 1 else None,
                "feasible": s.feasible,
                **({"means": list(s.means)} if self.front else {}),
            }
            for s in self.standings
        ]
        return {
            "candidate": self.winner.candidate,
            "seed": self.winner.seed,
            "ranking": ranking,
            "within_noise": list(self.within_noise),
            "verdict": self.verdict,
            **({"front": list(self.front)} if self.front else {}),
            **({"broken": list(self.broken)} if self.broken else {}),
        }


def repetitions(events: Iterable[Event]) -> list[Repetition]:
    """The final trainings that ended, from the journal."""
    found = []
    for event in events:
        if event["event"] == "final_finished":
            reward = event["reward"]
            rewards = tuple(event.get("rewards", (reward,)))
            who = event["candidate"], event["seed"]
            measured, feasible, epochs = event["measurement"], event["feasible"], event.get("epochs")
            found.append(Repetition(*who, measured, reward, feasible, rewards=rewards, epochs=epochs))
        elif event["event"] == "final_failed":
            who = event["candidate"], event["seed"]
            found.append(Repetition(*who, {}, None, False, event["reason"], epochs=event.get("epochs")))
    return found


def warned(selection: Selection, objective: Objective) -> Selection:
    """`selection` with a verdict that begins with the constraints that the kept network breaks, where it does."""
    if selection.standings[0].feasible and selection.winner.feasible:
        return selection
    broken, who = tuple(objective.broken(selection.winner.measurement)), _who(selection.winner.candidate)
    if broken:
        warning = f"no network keeps every constraint: {who}, which is kept, breaks {'; '.join(broken)}"
    else:
        warning = f"no network keeps every constraint with each of its seeds: {who}, which is kept, does so with one"
    verdict = f"{warning}. Among those that break one, {selection.verdict}"
    return replace(selection, verdict=verdict, broken=broken)


def select(done: list[Repetition], goals: Sequence[Goal], metric: str | None, samples: int) -> Selection:
    """What is kept: the best candidate by its mean reward over seeds, and its best repetition.

    Of several goals it is the knee of the front of all that were trained. `metric` names the first goal where it is a
    proportion of `samples` validation examples (an accuracy), so that the chance of the draw counts as noise too; None
    where it is something else. Raises NasError where every final training failed.
    """
    by_name: dict[str, list[Repetition]] = {}
    for repetition in done:
        if repetition.reward is not None:
            by_name.setdefault(repetition.candidate, []).append(repetition)
    if not by_name:
        raise NasError(f"every final training failed; the first: {done[0].reason}")
    standings = [_standing(name, group) for name, group in by_name.items()]
    if len(goals) > 1:
        return _of_front(standings, by_name, goals)
    standings.sort(key=_order, reverse=True)
    first = standings[0]
    noisy = tuple(
        s.candidate for s in standings[1:] if first.mean - s.mean <= noise(first, s, standings, metric, samples)
    )
    known = metric is not None or any(len(s.rewards) > 1 for s in standings)
    verdict = _verdict(standings, noisy, goals[0].shown, known)
    return Selection(tuple(standings), noisy, verdict, best_of(by_name[first.candidate]))


def _of_front(standings: list[Standing], by_name: dict[str, list[Repetition]], goals: Sequence[Goal]) -> Selection:
    eligible = [s for s in standings if s.feasible] or standings
    front = [eligible[index] for index in non_dominated_sort([s.means for s in eligible])[0]]
    kept = front[knee([s.means for s in front])]
    front.sort(key=lambda s: s.means, reverse=True)
    others = sorted((s for s in standings if s not in front), key=_order, reverse=True)
    names = tuple(s.candidate for s in front)
    figures = ", ".join(f"{g.name} {_figure(g.shown(m))}" for g, m in zip(goals, kept.means, strict=True))
    verdict = f"{_who(kept.candidate)} is kept ({figures}, on average over {_seeds(kept)})"
    if len(standings) == 1:
        verdict += "; nothing else was trained to compare it with"
    elif len(front) == 1:
        others_trained = "one other" if len(standings) == 2 else f"{len(standings) - 1} others"
        verdict += f", in all of it as good as the {others_trained} that were trained, or better"
    else:
        verdict += f", the knee of the front of {len(front)} of the {len(standings)} that were trained"
    return Selection((*front, *others), (), verdict, best_of(by_name[kept.candidate]), names)


def best_of(group: list[Repetition]) -> Repetition:
    """The best of a candidate's repetitions, of which at least one did not fail."""
    return max((r for r in group if r.reward is not None), key=lambda r: (r.feasible, r.reward, -r.seed))


def _standing(name: str, group: list[Repetition]) -> Standing:
    rewards = tuple(r.reward for r in group if r.reward is not None)
    means = tuple(map(statistics.fmean, zip(*(r.rewards for r in group), strict=True)))
    return Standing(name, rewards, all(r.feasible for r in group), means)


def _order(standing: Standing) -> tuple[bool, float]:
    return standing.feasible, standing.mean


def noise(a: Standing, b: Standing, group: Iterable[Standing], metric: str | None, samples: int) -> float:
    """Two standard errors of the difference between the means of `a` and `b`.

    The variance between seeds is pooled over the whole group, since two or three seeds alone say little. Where the
    reward is an accuracy p on n examples, p(1 - p)/n is added for each side, as if the two errors were independent:
    they are not, so this errs on the side of saying "within noise".
    """
    pooled = [(len(s.rewards) - 1, s.spread**2) for s in group if len(s.rewards) > 1]
    freedom = sum(weight for weight, _ in pooled)
    variance = sum(weight * value for weight, value in pooled) / freedom if freedom else 0.0
    error = variance / len(a.rewards) + variance / len(b.rewards)
    if metric is not None and samples > 0:
        error += sum(max(0.0, s.mean * (1 - s.mean)) / samples for s in (a, b))
    return 2 * math.sqrt(error)


def _verdict(
    standings: list[Standing], within_noise: tuple[str, ...], shown: Callable[[float], float], known: bool
) -> str:
    """One honest sentence; `known` is whether anything says how large the noise is."""
    first = standings[0]
    mean = f"{_figure(shown(first.mean))} {'on average over' if len(first.rewards) > 1 else 'with'} {_seeds(first)}"
    text = f"{_who(first.candidate)} is the best by validation ({mean})"
    if len(standings) == 1:
        return text + "; nothing else was trained to compare it with"
    if within_noise:
        others = ", ".join(map(_who, within_noise))
        return text + f", but within noise of {others}: the difference may be chance"
    second, behind = _who(standings[1].candidate), _figure(shown(standings[1].mean))
    if not known:
        return text + f", ahead of {second} ({behind}); with one seed each, nothing says how much of that is chance"
    return text + f", ahead of {second} ({behind}) by more than noise"


def _figure(value: float) -> str:
    if abs(value) >= 100 and value == round(value):
        return f"{value:,.0f}"
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.5g}"


def _seeds(standing: Standing) -> str:
    return f"{len(standing.rewards)} seed{'s' if len(standing.rewards) > 1 else ''}"


def _who(candidate: str) -> str:
    return candidate.replace("-", " ", 1)
