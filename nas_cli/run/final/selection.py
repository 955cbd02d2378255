"""Selects the network to keep: the best by validation, and whether it is better than the others beyond noise."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from nas_cli.errors import NasError
from nas_cli.figures import figure
from nas_cli.record.candidates import spoken
from nas_cli.record.events import FinalFailed, FinalFinished, FinalSelected, FinalTraining, Standing
from nas_cli.search.objective import Goal, Objective
from nas_cli.search.pareto import knee, non_dominated_sort


@dataclass(frozen=True)
class Selection:
    """The outcome: standings, best first, the candidates within noise of the winner, and the winner's best repetition.

    `front` names the candidates on the front of several objectives. `broken` says which constraints the winner breaks:
    none, unless every network of the final phase breaks one.
    """

    standings: tuple[Standing, ...]
    within_noise: tuple[str, ...]
    verdict: str
    winner: FinalFinished
    front: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()

    def as_event(self) -> FinalSelected:
        kept = self.winner
        return FinalSelected(
            kept.candidate, kept.seed, self.standings, self.within_noise, self.verdict, self.front, self.broken
        )


def warned(selection: Selection, objective: Objective) -> Selection:
    """`selection` with a verdict that begins with the constraints that the kept network breaks, if it breaks any."""
    if selection.standings[0].feasible and selection.winner.feasible:
        return selection
    broken, who = tuple(objective.broken(selection.winner.measurement)), spoken(selection.winner.candidate)
    if broken:
        warning = f"no network keeps every constraint: {who}, which is kept, breaks {'; '.join(broken)}"
    else:
        warning = f"no network keeps every constraint with each of its seeds: {who}, which is kept, does so with one"
    verdict = f"{warning}. Among those that break one, {selection.verdict}"
    return replace(selection, verdict=verdict, broken=broken)


def select(done: Sequence[FinalTraining], goals: Sequence[Goal], metric: str | None, samples: int) -> Selection:
    """Selects the candidate with the best mean reward over seeds, and its best repetition.

    With several goals it selects the knee of the front of all candidates. `metric` names the first goal where that is a
    proportion of `samples` validation examples (such as accuracy), so that sampling error counts as noise too; else it
    is None. Raises NasError where every final training failed.
    """
    by_name: dict[str, list[FinalFinished]] = {}
    for final in done:
        if isinstance(final, FinalFinished):
            by_name.setdefault(final.candidate, []).append(final)
    if not by_name:
        reasons = [final.reason for final in done if isinstance(final, FinalFailed)]
        raise NasError(f"every final training failed; the first: {reasons[0]}")
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


def _of_front(standings: list[Standing], by_name: dict[str, list[FinalFinished]], goals: Sequence[Goal]) -> Selection:
    eligible = [s for s in standings if s.feasible] or standings
    front = [eligible[index] for index in non_dominated_sort([s.means for s in eligible])[0]]
    kept = front[knee([s.means for s in front])]
    front.sort(key=lambda s: s.means, reverse=True)
    others = sorted((s for s in standings if s not in front), key=_order, reverse=True)
    names = tuple(s.candidate for s in front)
    figures = ", ".join(f"{g.name} {figure(g.shown(m))}" for g, m in zip(goals, kept.means, strict=True))
    verdict = f"{spoken(kept.candidate)} is kept ({figures}, on average over {_seeds(kept)})"
    if len(standings) == 1:
        verdict += "; nothing else was trained to compare it with"
    elif len(front) == 1:
        others_trained = "one other" if len(standings) == 2 else f"{len(standings) - 1} others"
        verdict += f", in all of it as good as the {others_trained} that were trained, or better"
    else:
        verdict += f", the knee of the front of {len(front)} of the {len(standings)} that were trained"
    return Selection((*front, *others), (), verdict, best_of(by_name[kept.candidate]), names)


def best_of(group: Iterable[FinalFinished]) -> FinalFinished:
    """The best of a candidate's final trainings."""
    return max(group, key=lambda final: (final.feasible, final.reward, -final.seed))


def _standing(name: str, group: list[FinalFinished]) -> Standing:
    rewards = tuple(final.reward for final in group)
    spread = statistics.stdev(rewards) if len(rewards) > 1 else None
    several = [final.rewards for final in group if final.rewards]
    means = tuple(map(statistics.fmean, zip(*several, strict=True)))
    return Standing(name, rewards, statistics.fmean(rewards), spread, all(final.feasible for final in group), means)


def _order(standing: Standing) -> tuple[bool, float]:
    return standing.feasible, standing.mean


def noise(a: Standing, b: Standing, group: Iterable[Standing], metric: str | None, samples: int) -> float:
    """Two standard errors of the difference between the means of `a` and `b`.

    The variance between seeds is pooled over the whole group, since two or three seeds alone say little. Where the
    reward is an accuracy p on n examples, p(1 - p)/n is added for each side, as if the two errors were independent:
    they are not, so this errs on the side of saying "within noise".
    """
    pooled = [(len(s.rewards) - 1, s.spread**2) for s in group if s.spread is not None]
    freedom = sum(weight for weight, _ in pooled)
    variance = sum(weight * value for weight, value in pooled) / freedom if freedom else 0.0
    error = variance / len(a.rewards) + variance / len(b.rewards)
    if metric is not None and samples > 0:
        error += sum(max(0.0, s.mean * (1 - s.mean)) / samples for s in (a, b))
    return 2 * math.sqrt(error)


def _verdict(
    standings: list[Standing], within_noise: tuple[str, ...], shown: Callable[[float], float], known: bool
) -> str:
    """The verdict in one sentence; `known` says whether the size of the noise could be estimated."""
    first = standings[0]
    mean = f"{figure(shown(first.mean))} {'on average over' if len(first.rewards) > 1 else 'with'} {_seeds(first)}"
    text = f"{spoken(first.candidate)} is the best by validation ({mean})"
    if len(standings) == 1:
        return text + "; nothing else was trained to compare it with"
    if within_noise:
        others = ", ".join(map(spoken, within_noise))
        return text + f", but within noise of {others}: the difference may be chance"
    second, behind = spoken(standings[1].candidate), figure(shown(standings[1].mean))
    if not known:
        return text + f", ahead of {second} ({behind}); with one seed each, nothing says how much of that is chance"
    return text + f", ahead of {second} ({behind}) by more than noise"


def _seeds(standing: Standing) -> str:
    return f"{len(standing.rewards)} seed{'s' if len(standing.rewards) > 1 else ''}"
