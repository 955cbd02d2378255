"""The spec: its sections, with the types and the defaults of their keys.

`let`, `model`, `space`, `train`, `baselines`, and the names under `task`, `data`, `search` and `objective` are parsed
by the packages that they belong to; this file has the fixed keys. There is no `from __future__ import annotations`:
values are checked against the annotations of the fields, which therefore must be types and not strings.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path as FilePath
from typing import Annotated, Any, Literal, TypeVar

from nas_cli.arguments import MOST_SIDES, Between, Matching, Parsed, check
from nas_cli.errors import Path, SpecError, did_you_mean
from nas_cli.registry import checked, short, show
from nas_cli.units import Bytes, Duration

Component = str | dict[str, Any]
Many = Annotated[int, Between(1, 1_000_000_000)]
"""A number of trials; the bound is beyond any real search."""
Epochs = Annotated[int, Between(1, MOST_SIDES)]
Some = Annotated[int, Between(1, 10_000)]
Threads = Annotated[int, Between(1, 1024)]
Name = Annotated[
    str,
    Matching(
        "[A-Za-z0-9][A-Za-z0-9._-]{0,79}", "letters, digits, '.', '_' and '-', at most 80, a letter or digit first"
    ),
]
PlainPath = Annotated[str, Parsed(lambda text: str(check(FilePath, text)))]
"""A path whose `~` is replaced by the home folder."""
DECISIONS = {"choice", "int", "float"}
NEEDED = {"task": "task: what is learned, such as image-classification", "data": "data: with a source"}
S = TypeVar("S")


@dataclass(frozen=True)
class Says:
    """Describes a key of a section, as a mark of its annotation."""

    text: str


@dataclass(frozen=True, kw_only=True)
class Stop:
    """When a search ends: whichever comes first."""

    trials: Annotated[Many | None, Says("candidates trained; duplicates and infeasible ones do not count")] = None
    time: Annotated[Duration | None, Says("time spent searching, such as 10m; the final training comes on top")] = None
    target: Annotated[float | None, Says("the objective's value that is good enough")] = None
    patience: Annotated[Many | None, Says("candidates trained since the best one was found")] = None


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one trial may take. Over it, the trial is stopped and recorded as failed, and the search goes on."""

    time: Annotated[Duration | None, Says("time of one job (a rung of a trial), such as 30m; none by default")] = None
    stall: Annotated[Duration | None, Says("time without a finished training step, such as 10m")] = 600.0
    memory: Annotated[
        Literal["auto"] | Bytes,
        Says("memory of its process, such as 4GB; auto: its share of what is free at the start"),
    ] = "auto"


@dataclass(frozen=True, kw_only=True)
class Failures:
    """When a search in which everything fails gives up."""

    max: Annotated[Many, Says("trainings that fail one after another")] = 20


@dataclass(frozen=True, kw_only=True)
class Search:
    strategy: Annotated[
        Component | None,
        Says(
            "random, evolution, genetic, reinforce, nsga2, grid or optuna, with arguments; "
            "left out, evolution, or nsga2 where there are several objectives"
        ),
    ] = None
    schedule: Annotated[
        Component, Says("full: every candidate trains to the end; asha, hyperband: weak ones stop early")
    ] = "full"
    stop: Annotated[Stop, Says("when the search ends")] = field(default=Stop())
    deterministic: Annotated[
        bool, Says("results count in the order the trainings started: several workers repeat a search exactly")
    ] = False
    limits: Annotated[Limits, Says("what one trial may take")] = field(default=Limits())
    failures: Annotated[Failures, Says("when a search that only fails gives up")] = field(default=Failures())


@dataclass(frozen=True, kw_only=True)
class Final:
    """The training from scratch of the best candidates and the baselines, once the search is over."""

    epochs: Annotated[Epochs | None, Says("epochs of each final training; train.epochs where left out")] = None
    top: Annotated[Some, Says("how many of the best candidates are trained again")] = 3
    seeds: Annotated[Some, Says("how often each is trained, every time with another seed")] = 2
    front: Annotated[
        Literal["knee", "all"],
        Says("with several objectives: train the knee of the front, or all of it, instead of the top"),
    ] = "knee"


@dataclass(frozen=True, kw_only=True)
class Latency:
    """How latency is measured."""

    batch_size: Annotated[int, Between(1, 65_536), Says("inputs at once")] = 1
    threads: Annotated[Threads, Says("CPU threads")] = 1


@dataclass(frozen=True, kw_only=True)
class Hardware:
    device: Annotated[Literal["auto", "cpu", "cuda", "mps"], Says("auto: a GPU where there is one")] = "auto"
    workers: Annotated[
        Literal["auto"] | Annotated[int, Between(0, 1024)],
        Says("processes that train; auto: one a core, on CUDA three a GPU; 0: no process of its own, to debug"),
    ] = "auto"
    precision: Annotated[
        Literal["auto", "float32", "tf32", "bf16", "fp16"],
        Says("auto: what trains fastest here, by timing; tf32 and fp16 on CUDA only"),
    ] = "auto"
    layout: Annotated[
        Literal["auto", "channels-first", "channels-last"],
        Says("of images in memory; auto: what trains fastest here, by timing"),
    ] = "auto"
    threads: Annotated[Threads, Says("CPU threads of each worker")] = 1
    latency: Annotated[Latency, Says("how latency is measured")] = field(default=Latency())


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """One search. `task`, `data`, and `space` or `model` are needed; everything else has defaults."""

    name: Annotated[Name, Says("names the run directory")] = "search"
    seed: Annotated[int, Between(0, 2**63 - 1), Says("everything random follows from it")] = 0
    task: Annotated[Component, Says("what is learned, such as image-classification, or {name: {argument: value}}")]
    data: Annotated[dict[str, Any], Says("source: the format, path: where it lies, and how it is split")]
    let: Annotated[dict[str, Any], Says("named values and bodies, used as $name")] = field(default_factory=dict)
    space: Annotated[Component | None, Says("a built-in space: its name, or {name: {value of its let: …}}")] = None
    model: Annotated[Any, Says("layers, with choices left open")] = None
    train: Annotated[dict[str, Any], Says("how a candidate is trained; choices may stand here too")] = field(
        default_factory=dict
    )
    objective: Annotated[
        dict[str, Any] | list[dict[str, Any]] | None,
        Says("maximize or minimize a metric, or reward: an expression; a list of them for a Pareto front"),
    ] = None
    search: Annotated[Search, Says("how the space is searched")] = field(default=Search())
    final: Annotated[Final, Says("the final training")] = field(default=Final())
    baselines: Annotated[dict[str, Any], Says("hand-written networks, trained like the winners")] = field(
        default_factory=dict
    )
    hardware: Annotated[Hardware, Says("where candidates train")] = field(default=Hardware())
    plugins: Annotated[list[PlainPath], Says("Python files with your own ops, tasks, …")] = field(default_factory=list)


def keys(section: type[Any]) -> Mapping[str, Any]:
    """The annotations of the keys of a section; each has a mark `Says`."""
    return {field.name: field.type for field in fields(section)}


def as_data(section: Any) -> dict[str, Any]:
    """A section as plain data of a spec, without the values that are None."""
    content = {}
    for key, value in vars(section).items():
        if value is not None:
            content[key] = as_data(value) if is_dataclass(value) else value
    return content


def check_spec(data: object) -> RunSpec:
    """Checks `data` and returns it as a spec. Raises SpecError with the path of the first wrong value."""
    spec = _section(RunSpec, data, ())
    if (spec.model is None) == (spec.space is None):
        if spec.model is not None:
            raise SpecError(
                "model and space exclude each other: space stands for a built-in model", ("space",), on_key=True
            )
        raise SpecError("a spec needs a search space: model: with layers of your own, or space: with a built-in one")
    return spec


def _section(section: type[S], given: object, path: Path) -> S:
    """Checks `given` and makes the section. Unknown keys are reported first, then missing keys, then wrong values."""
    wanted = keys(section)
    if not isinstance(given, dict):
        raise SpecError(f"{path[-1]} takes a mapping; got {show(given)}", path)
    for key in given:
        if key not in wanted:
            place = ".".join(map(str, path)) or "a spec"
            raise SpecError(f"{place} has no '{short(key)}'{did_you_mean(key, wanted)}", (*path, key), on_key=True)
    if section is RunSpec:
        for key, what in NEEDED.items():
            if key not in given:
                raise SpecError(f"a spec needs {what}", path)
    return section(**{key: _value(wanted[key], value, (*path, key)) for key, value in given.items()})


def _value(annotation: Any, given: object, path: Path) -> Any:
    section = annotation.__origin__
    if isinstance(section, type) and is_dataclass(section):
        return _section(section, given, path)
    try:
        return checked(annotation, given, path, str(path[-1]))
    except SpecError as error:
        if isinstance(given, dict) and DECISIONS & set(given):
            message = f"{error.message}; what is searched stands under model: and train:"
            raise SpecError(message, error.path) from None
        raise
