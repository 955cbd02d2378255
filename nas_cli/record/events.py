"""The events of a journal, one class each. lines.py writes and reads them.

A field is left out of the line where its value is its default and the default is empty: None, an empty list, false, 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from nas_cli.record.rules import (
    Bounds,
    Candidate,
    Candidates,
    Count,
    Decisions,
    Digest,
    Flag,
    Measured,
    Number,
    Numbers,
    Rule,
    Seen,
    Settings,
    Spread,
    Text,
    Texts,
    list_of,
    schema_of,
)
from nas_cli.trial import Trial

Trials = Mapping[int, Trial]


@dataclass(frozen=True)
class Event:
    """`kind` is the value of `event` in the journal. `time` (seconds since 1970) and `sequence` (0, 1, 2, …) are set
    when the event is written, and equality ignores them.
    """

    kind: ClassVar[str]
    time: Number = field(default=0.0, kw_only=True, compare=False)
    sequence: Count = field(default=0, kw_only=True, compare=False)


@dataclass(frozen=True)
class Unknown(Event):
    """An event of a kind that this version does not know: readers skip it. `content` holds its fields."""

    name: str
    content: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RunStarted(Event):
    """The first event. `data` is the digest of the data, `run` the directory."""

    kind = "run_started"
    run: Text
    data: Digest = None
    version: Text = ""


@dataclass(frozen=True)
class Resumed(Event):
    """`set` are the `--set` options; `more` says whether a search that was over goes on. Earlier versions wrote no
    `more`.
    """

    kind = "resumed"
    run: Text
    data: Digest = None
    version: Text = ""
    set: Texts = ()
    more: Flag | None = None

    @property
    def gives_more(self) -> bool:
        if self.more is None:
            return any(option.startswith("search.stop") for option in self.set)
        return self.more


# The search ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TrialEvent(Event):
    """An event that changes a trial."""

    number: Count

    def change(self, trials: Trials) -> Trial:
        """The trial after this event; `trials` are all trials before it."""
        raise NotImplementedError


@dataclass(frozen=True)
class TrialStarted(TrialEvent):
    """A rung started. The first such event of a trial has its genotype; `network` is the network's digest."""

    kind = "trial_started"
    rung: Count
    genotype: Decisions | None = None
    network: Text | None = None

    def change(self, trials: Trials) -> Trial:
        known = trials.get(self.number)
        if known is not None:
            return known.now("running", self.rung)
        assert self.genotype is not None
        return Trial(self.number, self.genotype, rung=self.rung)


@dataclass(frozen=True)
class TrialFinished(TrialEvent):
    """A rung ended. `rewards` has one reward per objective where there are several; `reward` is the first. `last` is
    false where the trial is paused, and `cut` is true where the search time ran out before the rung was complete.
    """

    kind = "trial_finished"
    rung: Count
    measurement: Measured
    reward: Number
    rewards: Numbers = ()
    last: Flag = True
    cut: Flag = False
    feasible: Flag = True
    violation: Number = 0.0

    def change(self, trials: Trials) -> Trial:
        known = trials[self.number]
        return Trial(
            known.number,
            known.genotype,
            "finished" if self.last else "paused",
            self.rung,
            self.measurement,
            self.reward,
            rungs=(*known.rungs, (self.rung, self.measurement, self.reward)),
            feasible=self.feasible,
            rewards=self.rewards or (self.reward,),
            violation=self.violation,
        )


@dataclass(frozen=True)
class TrialFailed(TrialEvent):
    kind = "trial_failed"
    reason: Text
    rung: Count | None = None

    def change(self, trials: Trials) -> Trial:
        known = trials[self.number]
        return known.now("failed", known.rung, self.reason)


@dataclass(frozen=True)
class TrialInfeasible(TrialEvent):
    """The candidate cannot be built or breaks a constraint, before training or by its `measurement`."""

    kind = "trial_infeasible"
    genotype: Decisions
    reason: Text
    network: Text | None = None
    measurement: Measured | None = None

    def change(self, trials: Trials) -> Trial:
        return Trial(self.number, self.genotype, "infeasible", reason=self.reason)


@dataclass(frozen=True)
class Duplicate(TrialEvent):
    """The genotype gives the same network as trial `equals`, and gets that trial's scores."""

    kind = "duplicate"
    genotype: Decisions
    equals: Count

    def change(self, trials: Trials) -> Trial:
        twin = trials[self.equals]
        return Trial(
            self.number,
            self.genotype,
            "duplicate",
            measurement=twin.measurement,
            reward=twin.reward,
            equals=twin.number,
            feasible=twin.feasible,
            rewards=twin.rewards,
            violation=twin.violation,
        )


@dataclass(frozen=True)
class LayersMeasured(Event):
    """New entries of the latency table, milliseconds by layer, measured with a trial; `seen` is what the table learned
    from the trial's latency (`LatencyTable.observe`).
    """

    kind = "latency_table"
    entries: Measured
    seen: Seen | None = None


@dataclass(frozen=True)
class SearchFinished(Event):
    """`stop` is `search.stop` at that time. Earlier versions wrote none."""

    kind = "search_finished"
    reason: Text
    trials: Count | None = None
    stop: Bounds | None = None


# The final phase -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FinalStarted(Event):
    kind = "final_started"
    candidate: Candidate
    seed: Count


@dataclass(frozen=True)
class FinalFinished(Event):
    """`epochs` is the planned number of epochs. Earlier versions wrote none."""

    kind = "final_finished"
    candidate: Candidate
    seed: Count
    measurement: Measured
    reward: Number
    feasible: Flag
    rewards: Numbers = ()
    epochs: Count | None = None


@dataclass(frozen=True)
class FinalFailed(Event):
    kind = "final_failed"
    candidate: Candidate
    seed: Count
    reason: Text
    epochs: Count | None = None


FinalTraining = FinalFinished | FinalFailed


@dataclass(frozen=True)
class Standing:
    """A candidate over its seeds: `rewards` of the first objective, one per seed, their `mean`, and their sample
    standard deviation `spread`, None for a single seed. `means` has the mean of each objective where there are several.
    """

    candidate: Candidate
    rewards: Numbers
    mean: Number
    spread: Spread
    feasible: Flag
    means: Numbers = ()


Ranking = Annotated[
    tuple[Standing, ...],
    Rule(list_of(schema_of(Standing), 1), "a list of candidates with rewards, mean, spread and feasible"),
]


@dataclass(frozen=True)
class FinalSelected(Event):
    """The network that is kept: one seed of a `candidate`, the first of the `ranking` or the knee of the `front`.
    `within_noise` names candidates whose difference from it may be chance; `broken` has a sentence for each constraint
    that it breaks.
    """

    kind = "final_selected"
    candidate: Candidate
    seed: Count
    ranking: Ranking
    within_noise: Candidates
    verdict: Text
    front: Candidates = ()
    broken: Texts = ()


@dataclass(frozen=True)
class RunFinished(Event):
    """`final` is that section of the spec at that time. Earlier versions wrote none."""

    kind = "run_finished"
    final: Settings | None = None


KNOWN: tuple[type[Event], ...] = (
    *(RunStarted, Resumed, TrialStarted, TrialFinished, TrialFailed, TrialInfeasible, Duplicate, LayersMeasured),
    *(SearchFinished, FinalStarted, FinalFinished, FinalFailed, FinalSelected, RunFinished),
)
KINDS: Mapping[str, type[Event]] = {event.kind: event for event in KNOWN}
