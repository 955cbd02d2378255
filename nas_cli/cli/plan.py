"""`nas plan`: estimates the cost of a search before it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from nas_cli.cli.command import guarded, path
from nas_cli.cli.output import print_json, say
from nas_cli.cli.search import Plugins, Set
from nas_cli.figures import count, duration
from nas_cli.words import sentence

KEYS = ("min", "median", "max")
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@guarded
def plan(
    spec: Annotated[Path, typer.Argument(parser=path, help="The spec, a YAML file.")],
    changes: Set = None,
    allow_plugins: Plugins = False,
    as_json: Json = False,
) -> None:
    """Check a spec, and say how large its space is, what candidates cost, and how long the search would take."""
    _tell("reading the spec and the data")  # before the import below, which takes seconds
    from nas_cli.describe.plan import plan as make_plan

    facts = make_plan(spec, changes or [], _tell, allow_plugins)
    if as_json:
        print_json(facts)
    else:
        _print(facts)


def _tell(text: str) -> None:
    say(f"{text} …", stderr=True)


def _print(facts: dict[str, Any]) -> None:
    space, data, drawn, time = facts["space"], facts["data"], facts["candidates"], facts["time"]
    parts = [f"{data['train']:,} to train", f"{data['validation']:,} to validate"]
    parts += [f"{data['classes']} {data['called']}"] if data["classes"] else []
    shapes = data["input"] if isinstance(data["input"], dict) else {"inputs": data["input"]}
    parts += [f"{field} of {'×'.join(map(str, shape))}" for field, shape in shapes.items()]
    size = f"{space['described']} points" if space["size"] is not None else "points without end"
    rows = [
        ("spec", f"{facts['name']}: {facts['objective']}"),
        ("data", ", ".join(parts)),
        ("space", f"{size}; a typical architecture takes {space['decisions']} decisions"),
    ]
    rows += [(name, _costs(values)) for name, values in drawn["costs"].items()]
    if drawn["infeasible"]:
        share = f"{drawn['infeasible']} of {drawn['drawn']} drawn candidates"
        rows.append(("left out", f"{share} cannot be trained; the first: {drawn['first_reason']}"))
    if time["epoch"] is not None:
        rows.append(("an epoch", f"{time['epoch']['median']:.2g} s, {_range(time['epoch'], '{:.2g}')}"))
    rows.append(("search", _about(time["search"])))
    rows.append(("final", _about(time["final"])))
    rows.append(("on", facts["hardware"]))
    width = max(len(name) for name, _ in rows)
    for name, text in rows:
        say(f"{name:<{width}}  {text}")
    for note in facts["notes"]:
        say(sentence(note))


def _costs(values: dict[str, float]) -> str:
    low, median, high = (_cost(values[key]) for key in KEYS)
    return f"{low} to {high}, half of them below {median}"


def _cost(value: float) -> str:
    return count(value) if value >= 100 else f"{value:.3g}"


def _range(values: dict[str, float], form: str) -> str:
    return f"between {form.format(values['min'])} and {form.format(values['max'])}"


def _about(seconds: float | None) -> str:
    return "cannot be said beforehand" if seconds is None else f"about {duration(seconds)}"
