"""Two observers of a run: a live view for terminals, and one line per event for other streams."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from nas_cli.cli.output import NARROWEST, console
from nas_cli.figures import duration, number, plural
from nas_cli.record.candidates import training
from nas_cli.record.events import (
    Duplicate,
    Event,
    FinalFailed,
    FinalFinished,
    FinalSelected,
    Resumed,
    RunStarted,
    SearchFinished,
    TrialFailed,
    TrialFinished,
    TrialInfeasible,
)
from nas_cli.record.watch import Watch
from nas_cli.trial import Genotype, History, Trial
from nas_cli.words import printable

WIDEST = 110
KEPT = (RunStarted, Resumed, TrialFailed, SearchFinished, FinalFinished, FinalFailed)
"""Events whose lines stay above the live view."""


class View(Protocol):
    watch: Watch

    def event(self, event: Event, trial: Trial | None = None) -> None: ...
    def follow(self, history: History) -> None: ...
    def recall(self, event: Event, trial: Trial | None) -> None: ...
    def progress(self, label: str, epoch: int, epochs: int, metrics: Mapping[str, float]) -> None: ...
    def note(self, text: str) -> None: ...


@contextmanager
def view(watch: Watch, *, stderr: bool = False) -> Iterator[View]:
    """The view for the stream: live on a terminal, plain lines otherwise."""
    target = console(stderr=stderr)
    if not target.is_terminal or target.is_dumb_terminal or target.size.width < NARROWEST:
        yield Plain(watch, target)
        return
    live = LiveView(watch, target)
    with live:
        yield live


class Watching:
    """The common part of both views: it passes everything on to the watch."""

    def __init__(self, watch: Watch, target: Console) -> None:
        self.watch = watch
        self._console = target

    def follow(self, history: History) -> None:
        self.watch.follow(history)

    def recall(self, event: Event, trial: Trial | None) -> None:
        self.watch.fold(event, trial)

    def progress(self, label: str, epoch: int, epochs: int, metrics: Mapping[str, float]) -> None:
        self.watch.progress(label, epoch, epochs, metrics)


class Plain(Watching):
    """One line per event, for logs and files."""

    def event(self, event: Event, trial: Trial | None = None) -> None:
        self.watch.event(event, trial)
        line = event_line(self.watch, event, trial)
        if line:
            self._print(line)

    def note(self, text: str) -> None:
        self._print(text)

    def _print(self, line: str) -> None:
        self._console.print(printable(line), soft_wrap=True)


class LiveView(Watching):
    """A few lines that are redrawn four times a second; important events are printed above them."""

    def __init__(self, watch: Watch, target: Console) -> None:
        super().__init__(watch, target)
        self._live = Live(
            console=target, get_renderable=self._render, refresh_per_second=4, transient=True, redirect_stdout=False
        )

    def __enter__(self) -> LiveView:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def event(self, event: Event, trial: Trial | None = None) -> None:
        self.watch.event(event, trial)
        worth_keeping = self.watch.improved or isinstance(event, KEPT)
        line = event_line(self.watch, event, trial) if worth_keeping else ""
        if line:
            self._console.print(Text(printable(line), style="" if self.watch.improved else "dim"))

    def note(self, text: str) -> None:
        self._console.print(Text(printable(text), style="dim"))

    def _render(self) -> RenderableType:
        return live_view(self.watch, min(self._console.width, WIDEST))


def live_view(watch: Watch, width: int) -> RenderableType:
    """The current state of a run, at most `width` columns wide."""
    if watch.course.finished:
        return Text("")
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.width = width
    grid.add_column(width=7, no_wrap=True, style="bold")
    grid.add_column(ratio=1, overflow="ellipsis", no_wrap=True)
    if watch.course.stopped:
        _final_rows(grid, watch)
    else:
        _search_rows(grid, watch, width - 9)
    _best_rows(grid, watch, width - 9)
    _training_rows(grid, watch)
    return Group(Text(""), grid)


def _search_rows(grid: Table, watch: Watch, width: int) -> None:
    fraction = watch.fraction()
    bar = ProgressBar(total=1.0, completed=fraction or 0.0, pulse=fraction is None, animation_time=time.time())
    grid.add_row("search", bar)
    stop = watch.spec.search.stop
    parts = [f"{watch.done:,}/{stop.trials:,} trials" if stop.trials else plural(watch.done, "trial")]
    parts.append(duration(watch.elapsed()) + (f" of {duration(stop.time)}" if stop.time else ""))
    left, rate = watch.time_left(), watch.rate()
    if left is not None:
        parts.append(f"{duration(left)} left")
    if rate is not None:
        parts.append(f"{rate:.0f} a minute" if rate >= 10 else f"{rate:.1f} a minute")
    if stop.target is not None:
        parts.append(f"target {stop.target:g}")
    while len(" · ".join(parts)) > width and len(parts) > 2:
        parts.pop()  # the last part is the least important
    grid.add_row("", Text(" · ".join(parts), style="dim"))
    others = [
        f"{watch.counts[status]:,} {word}"
        for status, word in (("failed", "failed"), ("infeasible", "infeasible"), ("duplicate", "known already"))
        if watch.counts[status]
    ]
    if others:
        grid.add_row("", Text(" · ".join(others), style="dim"))


def _final_rows(grid: Table, watch: Watch) -> None:
    total = max(watch.final_total(), 1)
    done = len(watch.course.finals)
    partly = sum(t.epoch / max(t.epochs, 1) for t in list(watch.trainings.values()))
    grid.add_row("final", ProgressBar(total=float(total), completed=min(done + partly, total)))
    grid.add_row("", Text(f"{done}/{total} trainings from scratch", style="dim"))


def _best_rows(grid: Table, watch: Watch, width: int) -> None:
    best = watch.best
    if best is None:
        grid.add_row("best", Text("none yet", style="dim"))
        return
    broken = "" if best.feasible else ", breaks a constraint"
    if watch.several:
        grid.add_row("front", f"{plural(len(watch.front), 'trial')}, of which the knee is")
    grid.add_row("best", f"trial {best.number}: {watch.headline(best.measurement, best.reward)}{broken}")
    for line in decision_lines(best.genotype, width, rows=2):
        grid.add_row("", Text(line, style="dim"))


def _training_rows(grid: Table, watch: Watch) -> None:
    for label, now in list(watch.trainings.items())[:4]:
        shown = [f"{name} {number(name, value)}" for name, value in list(now.metrics.items())[:3]]
        grid.add_row("now", f"{label}: {', '.join([f'epoch {now.epoch}/{now.epochs}', *shown])}")


def decision_lines(genotype: Genotype, width: int, rows: int) -> list[str]:
    """As many decisions as fit on `rows` lines of `width` columns, then how many are left out."""
    items = [f"{path} {value}" for path, value in genotype.items()]
    lines: list[str] = []
    while items and len(lines) < rows:
        line = items.pop(0)
        while items and len(line) + 3 + len(items[0]) + (12 if len(lines) == rows - 1 else 0) <= width:
            line += " · " + items.pop(0)
        lines.append(line)
    if items:
        lines[-1] += f" · {len(items)} more"
    return lines


def event_line(watch: Watch, event: Event, trial: Trial | None) -> str:
    """An event as a sentence; "" for events that do not interest the user."""
    match event:
        case RunStarted():
            return f"run {watch.run}"
        case Resumed():
            return f"run {watch.run} goes on"
        case TrialFinished() if trial is not None:
            return _finished_line(watch, event, trial)
        case TrialFailed():
            return f"trial {event.number}: failed: {event.reason}"
        case TrialInfeasible():
            return f"trial {event.number}: infeasible: {event.reason}"
        case Duplicate():
            return f"trial {event.number}: the same network as trial {event.equals}"
        case SearchFinished():
            return f"search ended after {duration(watch.course.seconds)}: {event.reason}"
        case FinalFinished():
            return f"final {training(event.candidate, event.seed)}: {watch.headline(event.measurement, event.reward)}"
        case FinalFailed():
            return f"final {training(event.candidate, event.seed)}: failed: {event.reason}"
        case FinalSelected():
            return f"kept: {training(event.candidate, event.seed)}"
    return ""


def _finished_line(watch: Watch, event: TrialFinished, trial: Trial) -> str:
    notes = [watch.headline(trial.measurement, trial.reward)]
    if "seconds" in trial.measurement:
        notes.append(f"{trial.measurement['seconds']:.1f} s")
    if trial.status == "paused" or trial.rung:
        notes.append(f"rung {trial.rung}")
    if event.cut:
        notes.append(f"cut short after {trial.measurement.get('epochs', 0):.3g} epochs")
    if not trial.feasible:
        notes.append("breaks a constraint")
    if watch.improved:
        notes.append("on the front" if watch.several else "best so far")
    return f"trial {trial.number}: {', '.join(notes)}"
