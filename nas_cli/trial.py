"""What is known of a search: genotypes, measurements, trials and their history. All of it is JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Scalar = str | int | float | bool | None
Genotype = Mapping[str, Scalar]
"""Every decision that was taken: its path, such as `model[1].repeat[0].choice`, to the value taken."""

Measurement = Mapping[str, float]
"""What was measured, by name: metrics (`accuracy`, `loss`), costs (`params`, `macs`, `latency_ms`), `seconds`."""

Status = Literal["running", "paused", "finished", "failed", "infeasible", "duplicate"]


@dataclass(frozen=True)
class Trial:
    """One proposal and what became of it.

    `rung` is the last rung started; `rungs` holds (rung, measurement, reward) of each rung that ended. `reward` is to
    be maximised; None where there is none (failed, infeasible, running its first rung) and -inf never occurs.
    `feasible` is False where a constraint is broken (params too large, say) after measuring.
    """

    number: int
    genotype: Genotype
    status: Status = "running"
    rung: int = 0
    measurement: Measurement = field(default_factory=dict)
    reward: float | None = None
    reason: str = ""
    equals: int | None = None
    rungs: tuple[tuple[int, Measurement, float | None], ...] = ()
    feasible: bool = True


class History:
    """The trials so far, folded from journal events; `Strategy` and `Scheduler` see it, the journal feeds it."""

    def __init__(self) -> None:
        self.trials: dict[int, Trial] = {}

    def __iter__(self) -> Iterator[Trial]:
        return iter(self.trials.values())

    def __len__(self) -> int:
        return len(self.trials)

    def apply(self, event: Mapping[str, Any]) -> Trial | None:
        """Folds one journal event in and returns the trial it changed; other events change nothing."""
        change = self._change(event)
        if change is not None:
            self.trials[change.number] = change
        return change

    def _change(self, event: Mapping[str, Any]) -> Trial | None:
        kind = event["event"]
        if kind == "trial_started":
            known = self.trials.get(event["number"])
            if known is None:
                return Trial(event["number"], event["genotype"], rung=event["rung"])
            return replace(known, status="running", rung=event["rung"])
        if kind == "trial_finished":
            trial = self.trials[event["number"]]
            rungs = (*trial.rungs, (event["rung"], event["measurement"], event["reward"]))
            status: Status = "finished" if event.get("last", True) else "paused"
            return replace(
                trial,
                status=status,
                rung=event["rung"],
                measurement=event["measurement"],
                reward=event["reward"],
                rungs=rungs,
                feasible=event.get("feasible", True),
            )
        if kind == "trial_failed":
            return replace(self.trials[event["number"]], status="failed", reason=event["reason"])
        if kind == "trial_infeasible":
            return Trial(event["number"], event["genotype"], status="infeasible", reason=event["reason"])
        if kind == "duplicate":
            twin = self.trials[event["equals"]]
            return Trial(
                event["number"],
                event["genotype"],
                status="duplicate",
                measurement=twin.measurement,
                reward=twin.reward,
                equals=twin.number,
                feasible=twin.feasible,
            )
        return None

    def trained(self) -> list[Trial]:
        """Trials that were trained or are being trained: what the trial budget counts."""
        return [t for t in self if t.status in ("running", "paused", "finished", "failed")]

    def best(self) -> Trial | None:
        """The highest reward on the highest rung that any trial reached; a tie goes to the earlier trial.

        Trials that break a constraint come after all that keep every one.
        """
        done = [t for t in self if t.rungs and t.rungs[-1][2] is not None]
        return max(done, key=rank, default=None)


def rank(trial: Trial) -> tuple[bool, int, float, int]:
    """Sorts measured trials: keeps the constraints, rung reached, reward there, earlier first."""
    rung, _, reward = trial.rungs[-1]
    assert reward is not None
    return trial.feasible, rung, reward, -trial.number
