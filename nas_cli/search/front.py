"""The Pareto front of a search with several objectives: the trials that no other trial dominates."""

from __future__ import annotations

from collections.abc import Iterable

from nas_cli.search.pareto import dominates, knee
from nas_cli.trial import Trial


class Front:
    """Follows a search, trial by trial. A trial that breaks a constraint is never on the front."""

    def __init__(self, trials: Iterable[Trial] = ()) -> None:
        self._members: dict[int, Trial] = {}
        self.newest: int | None = None
        """The trial that joined last."""
        for trial in trials:
            self.tell(trial)

    def tell(self, trial: Trial) -> bool:
        """Updates the front. True where the trial is on it now and was not before."""
        was = self._members.pop(trial.number, None)
        measured = trial.status in ("paused", "finished") and trial.rewards and trial.feasible
        if not measured:
            return False
        others = list(self._members.values())
        if any(other.rewards == trial.rewards or dominates(other.rewards, trial.rewards) for other in others):
            return False
        self._members = {t.number: t for t in others if not dominates(trial.rewards, t.rewards)}
        self._members[trial.number] = trial
        self.newest = trial.number
        return was is None

    def __len__(self) -> int:
        return len(self._members)

    @property
    def members(self) -> list[Trial]:
        """The trials on the front, by descending first reward."""
        return sorted(self._members.values(), key=lambda trial: trial.rewards, reverse=True)

    @property
    def knee(self) -> Trial | None:
        """The trial at the knee of the front (see `pareto.knee`); None while the front is empty."""
        members = self.members
        return members[knee([trial.rewards for trial in members])] if members else None
