"""`nas search`: starts or resumes a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nas_cli.cli import INTERRUPTED
from nas_cli.cli.command import guarded, path
from nas_cli.cli.output import draw, print_json, say
from nas_cli.errors import UserError
from nas_cli.figures import plural
from nas_cli.words import printable, sentence, shell

if TYPE_CHECKING:
    from nas_cli.record.watch import Watch
    from nas_cli.run.observer import Observer

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout, progress on stderr.")]
Set = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Replace a value of the spec; repeatable.")
]
Plugins = Annotated[
    bool, typer.Option("--allow-plugins", help="Import the Python files that somebody else's run names.")
]


@guarded
def search(
    spec: Annotated[Path | None, typer.Argument(parser=path, help="The spec, a YAML file.", show_default=False)] = None,
    out: Annotated[Path, typer.Option("--out", parser=path, help="Where the run directory is made.")] = Path("runs"),
    changes: Set = None,
    resume: Annotated[
        Path | None,
        typer.Option("--resume", parser=path, metavar="RUN", help="Go on with a run; 'latest' is the latest."),
    ] = None,
    allow_plugins: Plugins = False,
    as_json: Json = False,
) -> None:
    """Search, train the best candidates from scratch, and leave the best model in a run directory."""
    if (spec is None) == (resume is None):
        raise UserError("search takes a spec, or --resume with a run directory: 'nas search configs/digits.yaml'")
    from nas_cli.cli.console import view
    from nas_cli.record.watch import Watch

    watch = Watch()
    try:
        with view(watch, stderr=as_json) as observer:
            over = _run(spec, resume, out, changes or [], allow_plugins, observer)
    except KeyboardInterrupt:
        _say_what_is_kept(watch)
        raise typer.Exit(INTERRUPTED) from None
    if over is not None:
        watch.open(over)
    if as_json:
        print_json(watch.summary())
    elif over is not None:
        more = _more(watch)
        say(f"{printable(over)} is finished: there is nothing left to do{' unless you give it more:' if more else ''}")
        if more:
            say(f"  {shell('nas', 'search', '--resume', over)} {more}", whole=True)
    else:
        _print_outcome(watch, allow_plugins)


def _run(
    spec: Path | None, resume: Path | None, out: Path, changes: list[str], plugins: bool, observer: Observer
) -> Path | None:
    """Starts or resumes the run. Returns its path if it had ended already and nothing was done, else None."""
    from nas_cli.deliver.report import write_report
    from nas_cli.run.search import resume_search, start_search

    if spec is not None:
        outcome = start_search(spec, out, changes, observer, plugins)
    else:
        assert resume is not None
        latest = resume == Path("latest") and not resume.exists()
        outcome = resume_search(None if latest else resume, changes, observer, plugins, out)
    if not outcome.was_over or not outcome.run.report.exists():
        write_report(outcome.run)
    return outcome.run.path if outcome.was_over else None


def _more(watch: Watch) -> str:
    """Options that double the limits of the search; "" where it has none."""
    stop = watch.spec.search.stop
    doubled = {
        "trials": f"{2 * stop.trials}" if stop.trials is not None else "",
        "time": f"{2 * stop.time:g}s" if stop.time is not None else "",
        "patience": f"{2 * stop.patience}" if stop.patience is not None else "",
    }
    return " ".join(f"--set search.stop.{name}={value}" for name, value in doubled.items() if value)


def _say_what_is_kept(watch: Watch) -> None:
    if watch.run is None:
        say("interrupted before anything was written", stderr=True)
        return
    say(
        f"interrupted: {watch.run} keeps {plural(watch.done, 'trial')} and "
        f"{plural(len(watch.course.finals), 'final training')} that ended; "
        "what was under way starts again. To go on:",
        stderr=True,
    )
    say(f"  {shell('nas', 'search', '--resume', watch.run)}", stderr=True, whole=True)


def _print_outcome(watch: Watch, plugins: bool) -> None:
    from nas_cli.cli.tables import final_table, front_table

    if watch.several:
        say()
        say("The Pareto front of the search:")
        draw(front_table(watch))
    results = final_table(watch)
    if results is not None:
        say()
        draw(results)
        say()
        say(sentence(watch.verdict))
    say()
    say(f"The run is in {watch.run}. Next:")
    asked = ("--allow-plugins",) if plugins else ()
    for line in (
        shell("nas", "evaluate", *asked, watch.run),
        shell("nas", "export", *asked, watch.run, "--format", "onnx"),
        shell("nas", "predict", *asked, watch.run) + " INPUT…",
    ):
        say(f"  {line}", whole=True)
    if watch.selected is not None and watch.several:
        say(f"Another network of the trained front goes by its name: --member {watch.selected.front[-1]}")
