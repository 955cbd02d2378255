"""Hyperband: successive halving from several first rungs, since how early good candidates show is unknown.

Li, Jamieson, DeSalvo, Rostamizadeh & Talwalkar, "Hyperband: A Novel Bandit-Based Approach to Hyperparameter
Optimization", JMLR 2018; asynchronous as in "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020, 3.2.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Annotated

from nas_cli.arguments import Between, Side
from nas_cli.errors import SpecError
from nas_cli.search.scheduler import SCHEDULERS
from nas_cli.search.schedulers.asha import Asha
from nas_cli.trial import History


@SCHEDULERS.register("hyperband")
class Hyperband:
    """Brackets of asynchronous halving: the first starts at `min_epochs`, the last trains every trial in full.

    Trials are distributed so that each bracket spends about as many epochs, as in the paper's table; the bracket
    follows from a trial's number. Raises SpecError where `min_epochs` is more than the epochs of a training.
    """

    def __init__(self, epochs: int, min_epochs: Side = 1, reduction: Annotated[int, Between(2, 100)] = 3) -> None:
        try:
            whole = Asha(epochs, min_epochs, reduction)
        except SpecError as error:
            raise SpecError(error.message, ("hyperband", "min_epochs")) from None
        self.rungs: tuple[int, ...] = whole.rungs
        last = len(self.rungs) - 1
        sizes = [-(-(last + 1) * reduction**halvings // (halvings + 1)) for halvings in range(last, -1, -1)]
        # A bracket's trials are spread evenly over a round, so that each bracket gets its share from the start.
        self._round: int = sum(sizes)
        self._dealt: list[int] = []
        self._spread = heapq.merge(*(_places(size, first) for first, size in enumerate(sizes)))
        self.brackets = [self._bracket(epochs, min_epochs, reduction, first) for first in range(last + 1)]

    def _bracket(self, epochs: int, min_epochs: int, reduction: int, first: int) -> Asha:
        bracket = Asha(epochs, min_epochs, reduction)
        bracket.takes_part = lambda number: self.first_rung(number) == first
        return bracket

    def first_rung(self, number: int) -> int:
        """The first rung of the trial's bracket. Computed on demand: with many rungs a round has millions of trials."""
        place = number % self._round
        while len(self._dealt) <= place:
            self._dealt.append(next(self._spread)[1])
        return self._dealt[place]

    def next(self, history: History) -> tuple[int, int] | None:
        """The promotion of the first bracket that has one."""
        promotions = (bracket.next(history) for bracket in self.brackets)
        return next((promotion for promotion in promotions if promotion is not None), None)

    def needed(self, history: History, trials: int | None) -> list[int]:
        """The trials that any bracket needs, taken from the brackets in turn."""
        lists = [bracket.needed(history, trials) for bracket in self.brackets]
        longest = max(map(len, lists))
        return [each[place] for place in range(longest) for each in lists if place < len(each)]


def _places(size: int, first: int) -> Iterator[tuple[float, int]]:
    """The positions in a round, from 0 to 1, of a bracket's trials, each with the bracket."""
    return (((place + 0.5) / size, first) for place in range(size))
