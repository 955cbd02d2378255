"""From a spec to the parts of a search. Errors in a spec are found here, before anything is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from nas_cli.data import DataSettings, parse_data
from nas_cli.errors import SpecError
from nas_cli.execute.executor import Bound
from nas_cli.model.ops import OPS
from nas_cli.plugins import import_plugin
from nas_cli.registry import split_component
from nas_cli.search import SCHEDULERS, STRATEGIES
from nas_cli.search.objective import GOALS, Objective, parse_objective
from nas_cli.search.scheduler import Scheduler
from nas_cli.search.strategy import Strategy
from nas_cli.space.builtins import load_builtin
from nas_cli.space.canonical import Canonical
from nas_cli.space.decisions import Choice
from nas_cli.space.nodes import Items, Named, Ref, Seq
from nas_cli.space.parse import parse_architecture, parse_space
from nas_cli.space.size import Size, size
from nas_cli.space.space import Space
from nas_cli.spec.load import Document
from nas_cli.spec.schema import RunSpec, as_data, check_spec
from nas_cli.task import Task, name_of, open_task
from nas_cli.train.augment.fitting import require_fitting
from nas_cli.train.losses import OF_CLASSES, OF_NUMBERS
from nas_cli.train.settings import TRAIN
from nas_cli.words import is_utf8, run_name, utf8
from nas_cli.yaml_text import dump_yaml

COSTS = ("params", "macs", "activation_mb", "latency_ms")
MEASURED = ("latency_ms",)
"""Costs that take time to measure: they are measured only where the objective names them."""
DEFAULT_TRIALS = 50
LONGEST_NAME = 80
"""Bytes of a baseline's name, which is part of file names."""


@dataclass(frozen=True)
class Experiment:
    """A checked spec with its parts. `notes` are for the user."""

    spec: RunSpec
    task: Task
    data: DataSettings
    space: Space
    objective: Objective
    baselines: Mapping[str, Seq]
    notes: tuple[str, ...] = ()
    canonical: Canonical = field(default_factory=lambda: Canonical(OPS))

    @cached_property
    def size(self) -> Size:
        """The number of genotypes in the space."""
        return size(self.space)

    @property
    def measured(self) -> tuple[str, ...]:
        """The costs that must be measured for the objective."""
        return tuple(name for name in MEASURED if name in self.objective.names)

    @property
    def proportion(self) -> str | None:
        """The metric of the first goal where it is a proportion of the examples, such as accuracy; else None."""
        goal = self.objective.goals[0]
        return goal.name if goal.kind == "maximize" and goal.name in self.task.proportions else None

    @property
    def bounds(self) -> tuple[Bound, ...]:
        """The constraints on measured costs: a worker does not train a candidate that breaks them."""
        return tuple((c.name, c.low, c.high) for c in self.objective.constraints if c.name in MEASURED)

    def make_strategy(self) -> Strategy:
        name, arguments = STRATEGIES.parse(self.spec.search.strategy)
        strategy = STRATEGIES[name](self.space, self.spec.seed, **arguments)
        if self.objective.several and not getattr(strategy, "several", False):
            what = name if not arguments.get("sampler") else f"{name}'s {arguments['sampler']}"
            raise SpecError(
                f"{what} looks at one objective, and this search has {len(self.objective.goals)}: take nsga2, or one "
                "goal such as reward: accuracy * (latency_ms / 2) ** -0.07"
            )
        return strategy

    def make_scheduler(self) -> Scheduler:
        name, arguments = SCHEDULERS.parse(self.spec.search.schedule)
        epochs = self.space.train["epochs"]
        if self.objective.several and name != "full":
            raise SpecError(
                f"{name} ranks trials by one objective; a search with several takes schedule: full", (name,)
            )
        if not isinstance(epochs, int):
            if name != "full":
                raise SpecError(f"{name} needs one number of epochs: train.epochs cannot be a choice", (name,))
            epochs = 1
        return SCHEDULERS[name](epochs, **arguments)


def compose(document: Document, refusal: str | None = None) -> Experiment:
    """Checks a whole spec and makes the parts of its search; reads no data and writes nothing.

    Imports the plugins that the spec names, unless `refusal` says why they must not be imported. Raises SpecError with
    file:line:column.
    """
    try:
        return _compose(document, refusal)
    except SpecError as error:
        raise document.locate(error) from None


def _compose(document: Document, refusal: str | None) -> Experiment:
    data = {"name": _default_name(document), **document.data}
    spec = check_spec(data)
    for index, plugin in enumerate(spec.plugins):
        if refusal is not None:
            raise SpecError(refusal, ("plugins", index))
        import_plugin(Path(plugin), ("plugins", index))
    with _under("task"):
        task = open_task(spec.task)
    with _under("data"):
        settings = parse_data(spec.data, document.as_written(("data",)))
    _require_utf8(spec, settings)
    spec = _recipe(spec, task)
    space = _space(spec, settings)
    require_fitting(_components(space.train["augment"], ("train", "augment")), task, name_of(spec.task))
    with _under("objective"):
        objective = parse_objective(spec.objective, task.metrics, COSTS)
    baselines = {}
    for name, raw in spec.baselines.items():
        if not name.replace("-", "").replace("_", "").isalnum() or len(utf8(name)) > LONGEST_NAME:
            shown = name if len(name) <= LONGEST_NAME else f"{name[:20]}…, {len(name)} long"
            rule = f"letters, digits, '-' and '_', at most {LONGEST_NAME}"
            raise SpecError(f"a baseline's name has {rule}; got '{shown}'", ("baselines", name), on_key=True)
        baselines[name] = parse_architecture(raw, OPS, spec.let, ("baselines", name))
    spec, notes = _stop_condition(_strategy(spec, objective.several))
    notes += [f"let: {name} is defined and not used" for name in space.unused]
    experiment = Experiment(spec, task, settings, space, objective, baselines, tuple(notes))
    with _under("search", "strategy"):
        experiment.make_strategy()
    with _under("search", "schedule"):
        experiment.make_scheduler()
    return experiment


def _require_utf8(spec: RunSpec, data: DataSettings) -> None:
    """Raises SpecError where a path is not UTF-8: the run's copy of the spec, which is, holds absolute paths."""
    whole: dict[tuple[str | int, ...], str] = {("data", key): str(value) for key, value in data.written_out().items()}
    whole |= {("plugins", place): str(Path(plugin).resolve()) for place, plugin in enumerate(spec.plugins)}
    for place, text in whole.items():
        if not is_utf8(text):
            raise SpecError(f"{text} is no UTF-8, and a spec is: rename the folder or file", place)


def _default_name(document: Document) -> str:
    return run_name(Path(document.name).stem, "search")


@contextmanager
def _under(*prefix: str) -> Iterator[None]:
    """Prepends `prefix` to the path of a SpecError raised within."""
    try:
        yield
    except SpecError as error:
        raise error.under(prefix) from None


def _space(spec: RunSpec, data: DataSettings) -> Space:
    model, let = spec.model, spec.let
    if spec.space is None:
        return parse_space(model, spec.train, let, OPS, TRAIN)
    with _under("space"):
        builtin = load_builtin(spec.space)
    clash = sorted(set(builtin.let) & set(let))
    if clash:
        raise SpecError(
            f"space {builtin.name} defines '{clash[0]}' itself; to replace it: {{{builtin.name}: {{{clash[0]}: …}}}}",
            ("let", clash[0]),
            on_key=True,
        )
    try:
        space = parse_space(builtin.model_for(data.arguments), spec.train, {**builtin.let, **let}, OPS, TRAIN)
    except SpecError as error:
        # Values that replace a built-in space's own stand under `space:`, not under `let:`.
        if error.path[:1] == ("let",) and error.path[1] in builtin.let:
            raise SpecError(error.message, ("space", builtin.name, *error.path[1:])) from None
        if error.path[:1] == ("model",):
            raise SpecError(f"in the built-in space: {error.message}", ("space",)) from None
        raise
    space.unused = tuple(name for name in space.unused if name in let)
    return space


def _recipe(spec: RunSpec, task: Task) -> RunSpec:
    """The spec with the task's default loss where it names none. Raises SpecError where its loss does not fit."""
    wrong = {*OF_CLASSES, *OF_NUMBERS} - set(task.losses)
    loss = next((name for name in _named(spec.train.get("loss")) if name in wrong), None)
    if loss is not None:
        raise SpecError(
            f"{name_of(spec.task)} cannot be trained with {loss}; allowed: {', '.join(task.losses)}", ("train", "loss")
        )
    if "loss" in spec.train or task.losses[0] == OF_CLASSES[0]:
        return spec
    return replace(spec, train={**spec.train, "loss": task.losses[0]})


def _named(raw: Any) -> Iterator[str]:
    """The names of the components in `raw`, which may be a choice."""
    if isinstance(raw, str):
        yield raw
    elif isinstance(raw, Mapping):
        for key, value in raw.items():
            if key == "choice" and isinstance(value, list):
                for option in value:
                    yield from _named(option)
            else:
                yield str(key)


def _components(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """The components in a value of the space, in all options of a choice, each with its path in the spec."""
    match value:
        case Named(name):
            yield path, name
        case Items(items):
            for index, item in enumerate(items):
                yield from _components(item, (*path, index))
        case Choice(options):
            for index, option in enumerate(options):
                yield from _components(option, (*path, "choice", index))
        case Ref(name, node):
            yield from _components(node, ("let", name))


def _strategy(spec: RunSpec, several: bool) -> RunSpec:
    """The spec with a default strategy where it names none. Raises SpecError for a target with `several` objectives."""
    search = spec.search
    if several and search.stop.target is not None:
        raise SpecError("a target is of one objective, and this search has several", ("search", "stop", "target"))
    if search.strategy is not None:
        return spec
    return replace(spec, search=replace(search, strategy="nsga2" if several else "evolution"))


def _stop_condition(spec: RunSpec) -> tuple[RunSpec, list[str]]:
    """The spec with a limit of 50 trials, and a note, where it has no stop condition; grid needs none."""
    stop = spec.search.stop
    name, _ = split_component(spec.search.strategy, "strategy")
    if any(value is not None for value in (stop.trials, stop.time, stop.target, stop.patience)) or name == "grid":
        return spec, []
    search = replace(spec.search, stop=replace(stop, trials=DEFAULT_TRIALS))
    return replace(spec, search=search), [f"search.stop is not set: the search ends after {DEFAULT_TRIALS} trials"]


def suited(experiment: Experiment, undefined: Mapping[str, str]) -> Experiment:
    """`experiment` with the first metric of the task that has a value, where the spec names no goal and the default is
    among the metrics `undefined` on the validation split (name → why)."""
    spec, task = experiment.spec, experiment.task
    first = next(iter(task.metrics))
    section = spec.objective or {}
    metric = next((name for name in task.metrics if name not in undefined), first)
    if metric == first or isinstance(section, list) or any(goal in section for goal in GOALS):
        return experiment
    spec = replace(spec, objective={**section, task.metrics[metric]: metric})
    note = f"the objective is {metric}, since {first} has no value here: {undefined[first]}; objective: says another"
    objective = parse_objective(spec.objective, task.metrics, COSTS)
    return replace(experiment, spec=spec, objective=objective, notes=(*experiment.notes, note))


def written_out(experiment: Experiment, hardware: Mapping[str, Any]) -> str:
    """The spec as YAML with every default and absolute paths, so that `nas search` on it repeats the run anywhere.

    `hardware` has the values chosen on this machine where the spec says auto.
    """
    spec, task = experiment.spec, experiment.task
    content = as_data(spec)
    data = experiment.data.written_out()
    content["data"] = data | {key: str(value) for key, value in data.items() if isinstance(value, Path)}
    metric, towards = next(iter(task.metrics.items()))
    section = spec.objective or {}
    if isinstance(section, dict) and not any(goal in section for goal in GOALS):
        section = {towards: metric, **section}
    content["objective"] = section
    content["plugins"] = [str(Path(plugin).resolve()) for plugin in spec.plugins]
    content["hardware"] |= hardware
    content["search"]["limits"]["stall"] = spec.search.limits.stall  # null, not the default
    recipe = dict(spec.train)
    content["train"] = {
        p.name: recipe.get(p.name, p.default) for p in TRAIN if recipe.get(p.name, p.default) is not None
    }
    content = {key: value for key, value in content.items() if value not in ({}, [])}
    return "# Written by nas: the spec as it ran, defaults included.\n" + dump_yaml(content)
