"""Hyperband: successive halving from several first rungs, since nobody knows how early a good candidate shows.

Li, Jamieson, DeSalvo, Rostamizadeh & Talwalkar, "Hyperband: A Novel Bandit-Based Approach to Hyperparameter
Optimization", JMLR 2018; asynchronous as in "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020, 3.2.
"""

from __future__ import annotations

from typing import Annotated

from nas_cli.arguments import Between, PositiveInt
from nas_cli.errors import SpecError
from nas_cli.search.asha import Asha
from nas_cli.search.scheduler import SCHEDULERS
from nas_cli.trial import History


@SCHEDULERS.register("hyperband")
class Hyperband:
    """Brackets of asynchronous halving: the first starts at `min_epochs`, the last trains every trial in full.

    Trials are dealt to brackets so that each spends about as many epochs, as in Hyperband's own table; the bracket
    follows from a trial's number. Raises SpecError where `min_epochs` is more than a training has.
    """

    def __init__(
        self, epochs: int, min_epochs: PositiveInt = 1, reduction: Annotated[int, Between(2, 100)] = 3
    ) -> None:
        try:
            whole = Asha(epochs, min_epochs, reduction)
        except SpecError as error:
            raise SpecError(error.message, ("hyperband", "min_epochs")) from None
        self.rungs: tuple[int, ...] = whole.rungs
        last = len(self.rungs) - 1
        sizes = [-(-(last + 1) * reduction**halvings // (halvings + 1)) for halvings in range(last, -1, -1)]
        # A bracket's trials are spread evenly over a round: it gets its share from the first trials on.
        spread = [((place + 0.5) / size, first) for first, size in enumerate(sizes) for place in range(size)]
        self._deal = [first for _, first in sorted(spread)]
        self.brackets = [self._bracket(epochs, min_epochs, reduction, first) for first in range(last + 1)]

    def _bracket(self, epochs: int, min_epochs: int, reduction: int, first: int) -> Asha:
        bracket = Asha(epochs, min_epochs, reduction)
        bracket.takes_part = lambda number: self.first_rung(number) == first
        return bracket

    def first_rung(self, number: int) -> int:
        return self._deal[number % len(self._deal)]

    def next(self, history: History) -> tuple[int, int] | None:
        """The promotion of the first bracket that has one."""
        promotions = (bracket.next(history) for bracket in self.brackets)
        return next((promotion for promotion in promotions if promotion is not None), None)

    def needed(self, history: History, trials: int | None) -> list[int]:
        """Those that any bracket needs, taking from each in turn."""
        lists = [bracket.needed(history, trials) for bracket in self.brackets]
        longest = max(map(len, lists))
        return [each[place] for place in range(longest) for each in lists if place < len(each)]
