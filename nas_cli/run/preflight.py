"""Tries each plugin component of a spec once before anything is written, so that a mistake ends no search half-way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import torch

from nas_cli.data.kind import target_kind
from nas_cli.errors import DataError, Infeasible, PluginError
from nas_cli.execute.session import Session
from nas_cli.model.ops import OPS
from nas_cli.model.program import Program
from nas_cli.model.weights import Fresh, brings_weights, without_weights
from nas_cli.plugins import Origin
from nas_cli.registry import Registry, split_component
from nas_cli.run.compose import Experiment
from nas_cli.search import SCHEDULERS, STRATEGIES
from nas_cli.space.decisions import Choice
from nas_cli.space.edit import replay, sample
from nas_cli.space.nodes import Named
from nas_cli.space.space import Resolved
from nas_cli.task import TASKS, name_of, scored
from nas_cli.train.augment import AUGMENTS
from nas_cli.train.augment.fitting import field_for
from nas_cli.train.batch import Batch
from nas_cli.train.losses import LOSSES, OF_CLASSES
from nas_cli.train.optimizers import OPTIMIZERS
from nas_cli.train.schedules import SCHEDULES
from nas_cli.trial import History, Trial

DRAWS = 20
EXAMPLES = 8
SHOWN = 20
MOST_VALUES = 10_000_000
"""A task is tried only where the outputs for the validation split have at most so many values."""

Drawn = list[tuple[Resolved, Program]]


def try_plugins(experiment: Experiment, session: Session) -> None:
    """Raises PluginError where a component of a plugin that the spec names does not keep its contract.

    No candidate's layers are run here: they run in workers only.
    """
    _try_search(experiment)
    if not any(True for _ in _foreign(experiment)):
        return
    drawn = _draw(experiment, session)
    tried: set[tuple[str, str]] = set()
    for resolved, program in drawn:
        for registry, named in _of_training(resolved.train):
            name, _ = split_component(named, registry.kind)
            origin = registry.origin(name)
            if origin is not None and (registry.kind, name) not in tried:
                tried.add((registry.kind, name))
                _try(registry, named, origin, session, program)
        _try_weights(session, program, tried)
    origin = TASKS.origin(name_of(experiment.spec.task))
    if origin is not None and drawn:
        _try_task(session, origin, *drawn[0])


def require_weights(experiment: Experiment, session: Session) -> None:
    """Raises DataError where the class weights of a loss are all 0, or their number is not that of the classes."""
    for weights in _weights(experiment.space.train["loss"]):
        if not any(weights):
            raise DataError("train.loss: weights are all 0, so that nothing counts")
        if len(weights) != len(session.problem.labels):
            classes = f"{len(session.problem.labels)} classes: {', '.join(session.problem.labels[:SHOWN])}"
            more = ", …" if len(session.problem.labels) > SHOWN else ""
            raise DataError(f"train.loss: weights are {len(weights)} numbers, and the data has {classes}{more}")


def _weights(loss: Any) -> Iterator[list[float]]:
    """The class weights of a loss, in all options of its choices."""
    if isinstance(loss, Choice):
        for option in loss.options:
            yield from _weights(option)
    elif isinstance(loss, Named):
        yield from _weights(loss.args.get("weights"))
    elif isinstance(loss, list):
        yield loss


def _foreign(experiment: Experiment) -> Iterator[Origin]:
    """The origins of registered plugin components, whether the spec names them or not: finding out costs more."""
    registries: tuple[Registry[Any], ...] = (OPTIMIZERS, SCHEDULES, LOSSES, AUGMENTS, TASKS)
    for registry in registries:
        yield from registry.origins()
    if experiment.spec.plugins:
        yield from OPS.origins()


def _try_search(experiment: Experiment) -> None:
    name, _ = split_component(experiment.spec.search.strategy, "strategy")
    if STRATEGIES.origin(name) is not None:
        strategy = experiment.make_strategy()
        with suppress(Infeasible):  # the draw is too large: the search tries another
            strategy.tell(Trial(0, strategy.ask(0)))
    name, _ = split_component(experiment.spec.search.schedule, "schedule")
    if SCHEDULERS.origin(name) is not None:
        scheduler = experiment.make_scheduler()
        scheduler.first_rung(0)
        scheduler.next(History())
        scheduler.needed(History(), None)


def _draw(experiment: Experiment, session: Session) -> Drawn:
    """Random candidates that can be built. Raises PluginError where none can because of a plugin's op."""
    rng = np.random.default_rng([experiment.spec.seed, 5])
    drawn: Drawn = []
    blamed: PluginError | None = None
    for _ in range(DRAWS):
        try:
            resolved = replay(experiment.space, sample(experiment.space, rng))
            drawn.append((resolved, session.problem.plan(resolved.model)))
        except Infeasible as error:
            if isinstance(error.__cause__, PluginError):
                blamed = blamed or error.__cause__
    if not drawn and blamed is not None:
        raise blamed
    return drawn


def _of_training(train: Mapping[str, Any]) -> Iterator[tuple[Registry[Any], Any]]:
    yield OPTIMIZERS, train["optimizer"]
    yield SCHEDULES, train["schedule"]
    yield LOSSES, train["loss"]
    for named in train["augment"]:
        yield AUGMENTS, named


def _try(registry: Registry[Any], named: Mapping[str, Any], origin: Origin, session: Session, program: Program) -> None:
    name, arguments = next(iter(named.items()))
    make, generator = registry[name], torch.Generator().manual_seed(0)
    targets = session.data.train.targets[:EXAMPLES].cpu()
    match registry.kind:
        case OPTIMIZERS.kind:
            layer = torch.nn.Linear(3, 2)
            optimizer = origin.call("its making", make, layer.parameters(), **arguments)
            layer(torch.ones(1, 3)).sum().backward()
            origin.call("its first step", optimizer.step)
        case SCHEDULES.kind:
            schedule = make(**arguments)
            for progress in (0.0, 0.5, 1.0):
                schedule(progress)
        case LOSSES.kind:
            outputs = _outputs(program, len(targets), generator).requires_grad_()
            loss = make(**arguments)
            origin.call(_on(outputs, targets), session.problem.task.loss, outputs, targets, loss, session.data.scale)
        case AUGMENTS.kind:
            fields = _entered(session, len(targets), generator)
            at = field_for(named, session.problem.task)
            batch = Batch(fields, targets, session.problem.task.wanted.target, session.data.classes, field=at)
            origin.call(_on(batch.inputs, targets), make(**arguments), batch, generator)


def _try_weights(session: Session, program: Program, tried: set[tuple[str, str]]) -> None:
    """Builds the layers where one of them is a plugin's, has pretrained weights and was not tried before."""
    known = {(OPS.kind, step.op) for step in program.op_steps if OPS.origin(step.op) is not None} - tried
    if not known:
        return
    tried |= known
    bringing = [module for module in without_weights(program).values() if any(map(brings_weights, module.modules()))]
    if bringing:
        Fresh(torch.Generator().manual_seed(0), session.assets)(program)


def _try_task(session: Session, origin: Origin, resolved: Resolved, program: Program) -> None:
    targets, labels = session.data.validation.targets.cpu(), session.problem.labels
    wide = program.shape(program.output)
    name, arguments = next(iter(resolved.train["loss"].items()))
    if target_kind(session.problem.task.wanted.target).classes and name in OF_CLASSES and wide[0] != len(labels):
        raise origin.wrong(f"has a head of {wide[0]} outputs, and the targets have {len(labels)} classes")
    if len(targets) * int(np.prod(wide)) > MOST_VALUES:
        return
    outputs = _outputs(program, len(targets), torch.Generator().manual_seed(0))
    some = outputs[:EXAMPLES].clone().requires_grad_()
    loss = LOSSES[name](**arguments)
    origin.call(_on(some, targets), session.problem.task.loss, some, targets[:EXAMPLES], loss, session.data.scale)
    scorer = scored(session.problem.task, outputs, targets, labels)
    scorer.metrics()
    session.problem.task.blocks(scorer.report())


def _outputs(program: Program, count: int, generator: torch.Generator) -> torch.Tensor:
    return torch.randn((count, *program.shape(program.output)), generator=generator)


def _entered(session: Session, count: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
    """The first training examples as layers get them; images are random, since only a network normalises them."""
    entered = {}
    for field, axes in session.problem.inputs.items():
        if axes.levels:
            entered[field] = torch.randn((count, *axes.shape), generator=generator)
        else:
            entered[field] = session.data.train.columns[field].take(0, count).values.cpu()
    return entered


def _on(values: torch.Tensor, targets: torch.Tensor) -> str:
    return f"its work on {tuple(values.shape)} with targets {tuple(targets.shape)}"
