"""Holds a plugin's strategies and schedulers to their contracts: errors name the plugin, the call and the rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nas_cli.errors import SpecError, did_you_mean
from nas_cli.plugins import Origin
from nas_cli.registry import show
from nas_cli.space.edit import replay
from nas_cli.space.space import Space
from nas_cli.trial import Genotype, History, Trial

if TYPE_CHECKING:
    from nas_cli.search.scheduler import Scheduler
    from nas_cli.search.strategy import Strategy

GENOTYPE = "a mapping from the path of each decision to its value is wanted"


def hold_strategy(make: Callable[..., Strategy], origin: Origin) -> Callable[..., Strategy]:
    def made(space: Space, seed: int, **arguments: Any) -> Strategy:
        strategy = origin.call("its constructor", make, space, seed, **arguments)
        _need_methods(strategy, ("ask", "tell"), origin)
        return HeldStrategy(strategy, origin, space)

    return made


def hold_scheduler(make: Callable[..., Scheduler], origin: Origin) -> Callable[..., Scheduler]:
    def made(epochs: int, **arguments: Any) -> Scheduler:
        scheduler = origin.call("its constructor", make, epochs, **arguments)
        _need_methods(scheduler, ("first_rung", "next", "needed"), origin)
        return HeldScheduler(scheduler, origin, epochs)

    return made


def _need_methods(made: object, methods: tuple[str, ...], origin: Origin) -> None:
    missing = [name for name in methods if not callable(getattr(made, name, None))]
    if missing:
        raise origin.wrong(f"has no method {missing[0]}: a {origin.kind} has {', '.join(methods)}")


class HeldStrategy:
    """A plugin's strategy, each of whose answers is checked to be a point of the space."""

    def __init__(self, strategy: Strategy, origin: Origin, space: Space) -> None:
        self._strategy = strategy
        self._origin = origin
        self._space = space
        self.several = bool(getattr(strategy, "several", False))

    def ask(self, number: int) -> Genotype:
        asked = self._origin.call(f"ask({number})", self._strategy.ask, number)
        if not isinstance(asked, Mapping):
            raise self._origin.wrong(f"gave {show(asked)} for ask({number}), and {GENOTYPE}")
        genotype = {path: _plain(value) for path, value in asked.items()}
        try:
            wanted = replay(self._space, genotype).genotype
        except SpecError as error:
            raise self._origin.wrong(f"gave no point of the space for ask({number}): {error.message}") from None
        unknown = [path for path in genotype if path not in wanted]
        if unknown:
            raise self._origin.wrong(
                f"gave a value for {unknown[0]} in ask({number}), and this architecture has no such decision"
                f"{did_you_mean(unknown[0], wanted)}"
            )
        return genotype

    def tell(self, trial: Trial) -> None:
        self._origin.call(f"tell, of trial {trial.number} {trial.status}", self._strategy.tell, trial)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


class HeldScheduler:
    """A plugin's scheduler, checked: its rungs increase to a full training, and only paused trials are promoted."""

    def __init__(self, scheduler: Scheduler, origin: Origin, epochs: int) -> None:
        self._scheduler = scheduler
        self._origin = origin
        rungs = origin.call("rungs", lambda: tuple(scheduler.rungs))
        rises = all(isinstance(rung, int) and rung > 0 for rung in rungs) and list(rungs) == sorted(set(rungs))
        if not rungs or not rises or rungs[-1] != epochs:
            raise origin.wrong(
                f"has the rungs {list(rungs)}, and epochs that rise to {epochs}, all of them, are wanted"
            )
        self.rungs: tuple[int, ...] = rungs

    def first_rung(self, number: int) -> int:
        rung = self._origin.call(f"first_rung({number})", self._scheduler.first_rung, number)
        if not self._is_rung(rung):
            raise self._origin.wrong(f"gave {show(rung)} for first_rung({number}), and {self._rungs_wanted}")
        return rung

    def next(self, history: History) -> tuple[int, int] | None:
        answer: Any = self._origin.call("next", self._scheduler.next, history)
        if answer is None:
            return None
        if not isinstance(answer, tuple) or len(answer) != 2:
            raise self._origin.wrong(f"gave {show(answer)} for next, and None or (number, rung) is wanted")
        number, rung = answer
        trial = history.trials.get(number)
        if trial is None or trial.status != "paused":
            what = "no trial" if trial is None else f"{trial.status}"
            raise self._origin.wrong(f"promotes trial {show(number)}, which is {what}: a paused one is wanted")
        if not self._is_rung(rung) or rung <= trial.rung:
            raise self._origin.wrong(
                f"promotes trial {number} from rung {trial.rung} to {show(rung)}: a later rung is wanted, and "
                f"{self._rungs_wanted}"
            )
        return number, rung

    def needed(self, history: History, trials: int | None) -> list[int]:
        answer: Any = self._origin.call("needed", self._scheduler.needed, history, trials)
        if not isinstance(answer, list) or any(number not in history.trials for number in answer):
            raise self._origin.wrong(f"gave {show(answer)} for needed, and a list of the numbers of trials is wanted")
        return answer

    def _is_rung(self, rung: object) -> bool:
        return isinstance(rung, int) and 0 <= rung < len(self.rungs)

    @property
    def _rungs_wanted(self) -> str:
        return f"rungs go from 0 to {len(self.rungs) - 1}"
