"""The spec: which sections there are, what they take, and what they take where nothing is said.

`let`, `model`, `space`, `train`, `baselines`, and the names under `task`, `data`, `search` and `objective` are read by
the rooms they belong to; here stands what is fixed.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationError,
)

from nas_cli.arguments import MOST_SIDES, finite, path_of
from nas_cli.errors import Path, SpecError, did_you_mean
from nas_cli.registry import short, show
from nas_cli.units import parse_duration, parse_size

Duration = Annotated[float, BeforeValidator(parse_duration), Field(json_schema_extra={"type": ["string", "number"]})]
Size = Annotated[int, BeforeValidator(parse_size), Field(json_schema_extra={"type": ["string", "number"]})]
Component = StrictStr | dict[str, Any]
Many = Annotated[StrictInt, Field(ge=1, le=1_000_000_000)]
"""Trials: as many as nobody trains."""
Epochs = Annotated[StrictInt, Field(ge=1, le=MOST_SIDES)]
Some = Annotated[StrictInt, Field(ge=1, le=10_000)]
Threads = Annotated[StrictInt, Field(ge=1, le=1024)]
Number = Annotated[StrictInt | StrictFloat, AfterValidator(finite)]
PlainPath = Annotated[StrictStr, AfterValidator(lambda text: str(path_of(text)))]
"""`~` is written out."""


DECISIONS = {"choice", "int", "float"}


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Stop(Section):
    """When a search ends: whichever comes first."""

    trials: Many | None = Field(None, description="candidates trained; duplicates and infeasible ones do not count")
    time: Duration | None = Field(
        None, description="time spent searching, such as 10m; the final training comes on top"
    )
    target: Number | None = Field(None, description="the objective's value that is good enough")
    patience: Many | None = Field(None, description="candidates trained since the best one was found")


class Limits(Section):
    """What one trial may take. Over it, the trial is stopped and recorded as failed, and the search goes on."""

    time: Duration | None = Field(None, description="time of one job (a rung of a trial), such as 30m; none by default")
    stall: Duration | None = Field(600.0, description="time without a finished training step, such as 10m")
    memory: Literal["auto"] | Size = Field(
        "auto", description="memory of its process, such as 4GB; auto: its share of what is free at the start"
    )


class Failures(Section):
    """When a search in which everything fails gives up."""

    max: Many = Field(20, description="trainings that fail one after another")


class Search(Section):
    strategy: Component = Field(
        "evolution",
        description="random, evolution, genetic, reinforce, nsga2, grid or optuna, with arguments; "
        "left out, nsga2 where there are several objectives",
    )
    schedule: Component = Field(
        "full", description="full: every candidate trains to the end; asha, hyperband: weak ones stop early"
    )
    stop: Stop = Field(default_factory=lambda: Stop.model_validate({}), description="when the search ends")
    deterministic: StrictBool = Field(
        False, description="results count in the order the trainings started: several workers repeat a search exactly"
    )
    limits: Limits = Field(default_factory=lambda: Limits.model_validate({}), description="what one trial may take")
    failures: Failures = Field(
        default_factory=lambda: Failures.model_validate({}), description="when a search that only fails gives up"
    )


class Final(Section):
    """The training from scratch of the best candidates and the baselines, once the search is over."""

    epochs: Epochs | None = Field(None, description="epochs of each final training; train.epochs where left out")
    top: Some = Field(3, description="how many of the best candidates are trained again")
    seeds: Some = Field(2, description="how often each is trained, every time with another seed")
    front: Literal["knee", "all"] = Field(
        "knee", description="with several objectives: train the knee of the front, or all of it, instead of the top"
    )


class Latency(Section):
    """How latency is measured."""

    batch_size: Annotated[StrictInt, Field(ge=1, le=65_536)] = Field(1, description="inputs at once")
    threads: Threads = Field(1, description="CPU threads")


class Hardware(Section):
    device: Literal["auto", "cpu", "cuda", "mps"] = Field("auto", description="auto: a GPU where there is one")
    workers: Literal["auto"] | Annotated[StrictInt, Field(ge=0, le=1024)] = Field(
        "auto",
        description="processes that train; auto: one a core, on CUDA three a GPU; 0: no process of its own, to debug",
    )
    precision: Literal["auto", "float32", "tf32", "bf16", "fp16"] = Field(
        "auto", description="auto: what trains fastest here, by timing; tf32 and fp16 on CUDA only"
    )
    layout: Literal["auto", "channels-first", "channels-last"] = Field(
        "auto", description="of images in memory; auto: what trains fastest here, by timing"
    )
    threads: Threads = Field(1, description="CPU threads of each worker")
    latency: Latency = Field(default_factory=lambda: Latency.model_validate({}), description="how latency is measured")


class RunSpec(Section):
    """One search. `task`, `data`, and `space` or `model` are needed; everything else has defaults."""

    name: Annotated[StrictStr, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$")] = Field(
        "search", description="names the run directory"
    )
    seed: Annotated[StrictInt, Field(ge=0, lt=2**63)] = Field(0, description="everything random follows from it")
    task: Component = Field(description="what is learned, such as image-classification, or {name: {argument: value}}")
    data: dict[str, Any] = Field(description="source: the format, path: where it lies, and how it is split")
    let: dict[str, Any] = Field(default_factory=dict, description="named values and bodies, used as $name")
    space: Component | None = Field(None, description="a built-in space: its name, or {name: {value of its let: …}}")
    model: Any = Field(None, description="layers, with choices left open")
    train: dict[str, Any] = Field(
        default_factory=dict, description="how a candidate is trained; choices may stand here too"
    )
    objective: dict[str, Any] | list[dict[str, Any]] | None = Field(
        None, description="maximize or minimize a metric, or reward: an expression; a list of them for a Pareto front"
    )
    search: Search = Field(default_factory=lambda: Search.model_validate({}), description="how the space is searched")
    final: Final = Field(default_factory=lambda: Final.model_validate({}), description="the final training")
    baselines: dict[str, Any] = Field(
        default_factory=dict, description="hand-written networks, trained like the winners"
    )
    hardware: Hardware = Field(
        default_factory=lambda: Hardware.model_validate({}), description="where candidates train"
    )
    plugins: list[PlainPath] = Field(default_factory=list, description="Python files with your own ops, tasks, …")


def check_spec(data: dict[str, Any]) -> RunSpec:
    """`data` as a spec. Raises SpecError with the path of the first wrong value."""
    try:
        spec = RunSpec.model_validate(data)
    except ValidationError as error:
        raise _translate(error, data) from None
    if (spec.model is None) == (spec.space is None):
        if spec.model is not None:
            raise SpecError(
                "model and space exclude each other: space stands for a built-in model", ("space",), on_key=True
            )
        raise SpecError("a spec needs a search space: model: with layers of your own, or space: with a built-in one")
    return spec


def _translate(error: ValidationError, data: dict[str, Any]) -> SpecError:
    """The gravest of pydantic's complaints as a sentence: an unknown key, then a missing one, then a wrong value."""
    order = {"extra_forbidden": 0, "missing": 1}
    details = min(error.errors(), key=lambda e: order.get(e["type"], 2))
    path = _path(details["loc"], data)
    kind = details["type"]
    name = str(path[-1]) if path else "the spec"
    if path and isinstance(path[-1], int):
        name = f"{path[-2]}[{path[-1]}]"
    if kind == "extra_forbidden":
        section = ".".join(str(step) for step in path[:-1]) or "a spec"
        return SpecError(f"{section} has no '{short(name)}'{did_you_mean(name, _keys(path[:-1]))}", path, on_key=True)
    if kind == "missing":
        what = {"task": "task: what is learned, such as image-classification", "data": "data: with a source"}
        return SpecError(f"a spec needs {what.get(name, name)}", path[:-1])
    value: Any = data
    for step in path:
        value = value[step]
    # A value that may be of several kinds has a complaint for each of them.
    same = [each for each in error.errors() if _path(each["loc"], data) == path]
    rules = list(dict.fromkeys(_rule(each) for each in same))
    given = f"; got {show(value)}"
    if isinstance(value, dict) and DECISIONS & set(value):
        given += "; what is searched stands under model: and train:"
    return SpecError(f"{name} takes {' or '.join(rules)}{given}", path)


def _rule(details: Any) -> str:
    context = details.get("ctx", {})
    expected = str(context.get("expected"))
    bound = {key: f"{limit:,}" for key, limit in context.items() if key in ("ge", "lt", "le")}
    rules = {
        "int_type": "a whole number",
        "int_from_float": "a whole number",
        "float_type": "a number",
        "float_parsing": "a number",
        "string_type": "a text",
        "bool_type": "true or false",
        "dict_type": "a mapping",
        "model_type": "a mapping",
        "list_type": "a list",
        "greater_than_equal": f"a number of at least {bound.get('ge')}",
        "less_than": f"a number below {bound.get('lt')}",
        "less_than_equal": f"a number of at most {bound.get('le')}",
        "string_pattern_mismatch": "letters, digits, '.', '_' and '-', at most 80",
        "literal_error": f"one of {expected}" if " or " in expected else expected.strip("'"),
        "value_error": str(context.get("error", "")),
    }
    return rules.get(details["type"], str(details["msg"]))


def _path(location: tuple[int | str, ...], data: Any) -> Path:
    """Where in the data it is: keys of sections, then places of lists. pydantic adds the members of unions to that."""
    path: list[int | str] = []
    section: Any = RunSpec
    value: Any = data
    for step in location:
        if isinstance(section, type) and issubclass(section, Section):
            path.append(step)
            field = section.model_fields.get(str(step))
            section = field.annotation if field is not None else None
        elif isinstance(step, int) and isinstance(value, list) and step < len(value):
            path.append(step)
        else:
            continue
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int):
            value = value[step]
    return tuple(path)


def _keys(path: Path) -> list[str]:
    """The keys that the section at `path` has."""
    section: type[BaseModel] = RunSpec
    for step in path:
        annotation = section.model_fields[str(step)].annotation
        assert isinstance(annotation, type)
        section = annotation
    return list(section.model_fields)
