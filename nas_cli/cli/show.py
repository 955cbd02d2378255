"""`nas show`: a run, a space, the schema of the spec, the ops."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nas_cli.cli.command import Commands, guarded, path
from nas_cli.cli.output import draw, print_json, say, say_lines
from nas_cli.cli.search import Plugins
from nas_cli.figures import duration, plural
from nas_cli.words import sentence, shell

if TYPE_CHECKING:
    from nas_cli.describe.catalog import SpaceFacts
    from nas_cli.record.record import Record

app = typer.Typer(
    cls=Commands,
    help="Print a run, a space, the schema of the spec, or the ops.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("run")
@guarded
def show_run(
    run: Annotated[Path | None, typer.Argument(parser=path, help="A run directory; the latest where left out.")] = None,
    as_json: Json = False,
) -> None:
    """What a run has tried, what is best, and what was kept."""
    from nas_cli.record.directory import open_run
    from nas_cli.record.record import Record

    gc.disable()  # reading a long journal makes no garbage, and looking for it takes a fifth longer
    try:
        record = Record()
        record.open(open_run(run).path)
        if as_json:
            print_json(record.summary())
        else:
            _print_run(record)
    finally:
        gc.enable()


def _print_run(record: Record) -> None:
    from nas_cli.cli.tables import final_table, front_table, trials_table
    from nas_cli.trial import prediction_error

    say(f"{record.run}: {record.state}, {duration(record.course.seconds)} of search")
    counts = [plural(record.done, "trial") + " trained"]
    counts += [
        f"{record.counts[status]:,} {word}"
        for status, word in (("failed", "failed"), ("infeasible", "infeasible"), ("duplicate", "known already"))
        if record.counts[status]
    ]
    say(" · ".join(counts))
    if record.course.stopped:
        say(sentence(f"the search ended: {record.course.stopped}"))
    predicted = prediction_error(record.history)
    if predicted is not None:
        say(f"Predicted latency was {100 * predicted[0]:.0f} % off the measured, the median of {predicted[1]:,} trials")
    best = record.best
    if best is not None:
        say()
        draw(front_table(record) if record.several else trials_table(record, 10))
        say()
        say(f"Decisions of trial {best.number}:")
        for path, value in best.genotype.items():
            say(f"  {path} = {value}")
    results = final_table(record)
    if results is not None:
        say()
        draw(results)
        say()
        say(f"{sentence(record.verdict)}")
    if not record.course.finished:
        say()
        say(f"It goes on with: {shell('nas', 'search', '--resume', record.run)}", whole=True)


@app.command("space")
@guarded
def show_space(
    name: Annotated[str | None, typer.Argument(help="A built-in space, or a spec file; all where left out.")] = None,
    allow_plugins: Plugins = False,
    as_json: Json = False,
) -> None:
    """A space's YAML, its decisions, its size, and how many distinct networks it holds."""
    from nas_cli.describe.catalog import describe_space, list_spaces

    if name is not None:
        facts = describe_space(name, allow_plugins)
        if as_json:
            print_json(_space_json(facts))
        else:
            _print_space(facts)
        return
    spaces = list_spaces()
    if as_json:
        print_json([{"name": s.name, "summary": s.summary, "size": _finite(s.size.number)} for s in spaces])
        return
    from nas_cli.cli.tables import table

    rows = table("space", "architectures", "what it is", right=("architectures",))
    for space in spaces:
        rows.add_row(space.name, space.size.describe(), space.summary)
    draw(rows)


def _finite(value: int | float) -> int | float | None:
    return value if isinstance(value, int) else None


def _space_json(facts: SpaceFacts) -> dict[str, Any]:
    return {
        "name": facts.name,
        "yaml": facts.text,
        "decisions": [{"path": d.path, "values": d.values, "conditional": d.conditional} for d in facts.decisions],
        "size": _finite(facts.size.number),
        "architectures": _finite(facts.architectures.number),
        "exact": facts.size.exact and facts.architectures.exact,
        "networks": facts.networks,
    }


def _print_space(facts: SpaceFacts) -> None:
    from nas_cli.cli.tables import table

    say_lines(facts.text.rstrip("\n"))
    rows = table("decision", "values", "")
    for decision in facts.decisions:
        rows.add_row(decision.path, decision.values, "in some" if decision.conditional else "")
    say()
    draw(rows)
    say()
    say(f"{plural(len(facts.decisions), 'decision')}; those marked 'in some' hang on another one.")
    say(f"Architectures: {facts.architectures.describe()}")
    if facts.size != facts.architectures:
        say(f"With the choices under train: {facts.size.describe()}")
    if facts.networks is not None:
        say(f"Distinct networks: {facts.networks:,} (each is trained once)")


@app.command("schema")
@guarded
def show_schema() -> None:
    """The JSON Schema of the spec, for editors and checkers."""
    from nas_cli.describe.schema import spec_schema

    print_json(spec_schema())


@app.command("ops")
@guarded
def show_ops(
    name: Annotated[str | None, typer.Argument(help="One op; all where left out.")] = None, as_json: Json = False
) -> None:
    """The layers that a model may use, with their arguments."""
    from nas_cli.describe.catalog import list_ops

    ops = list_ops(name)
    if as_json:
        print_json(ops)
        return
    from nas_cli.cli.tables import table

    rows = table("op", "arguments", "what it does")
    for op in ops:
        rows.add_row(op["name"], "\n".join(_argument(a) for a in op["arguments"]), op["summary"])
    draw(rows)
    if name is None:
        say()
        say("Any module of torch.nn goes by its name: nn.GELU, or nn.Conv2d: {…} with its own arguments.")


def _argument(argument: dict[str, Any]) -> str:
    default = argument.get("default")
    if argument["required"]:
        return f"{argument['name']}: {argument['type']}"
    if default is None:
        return f"{argument['name']} (optional): {argument['type']}"
    return f"{argument['name']} = {str(default).lower() if isinstance(default, bool) else default}: {argument['type']}"
