"""The JSON Schema (draft 2020-12) of a spec: what is fixed from `spec/schema.py`, all names from the registries."""

from __future__ import annotations

import pathlib
from collections.abc import Iterable
from dataclasses import MISSING, fields, is_dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

from nas_cli.arguments import UNIONS, Between, Matching, Parsed
from nas_cli.data import SOURCES
from nas_cli.model.ops import OPS
from nas_cli.registry import Component, Param, Registry
from nas_cli.search import SCHEDULERS, STRATEGIES
from nas_cli.space.builtins import builtin_names, load_builtin
from nas_cli.space.nodes import plain
from nas_cli.spec.schema import NEEDED, RunSpec, Says, keys
from nas_cli.task import TASKS
from nas_cli.train.settings import TRAIN

Schema = dict[str, Any]

NAME: Schema = {"type": "string", "pattern": "^\\$\\w+$", "description": "what let: defines under this name"}
DECISIONS: Schema = {
    "choice": {
        "type": "object",
        "properties": {"choice": {"type": "array", "minItems": 1}},
        "required": ["choice"],
        "additionalProperties": False,
        "description": "one of these values",
    },
    "range": {
        "type": "object",
        "properties": {
            "int": {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2},
            "float": {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2},
            "log": {"type": "boolean"},
            "step": {"type": "number", "exclusiveMinimum": 0},
        },
        "oneOf": [{"required": ["int"]}, {"required": ["float"]}],
        "additionalProperties": False,
        "description": "a number from low to high, both included",
    },
    "name": NAME,
}


def spec_schema() -> Schema:
    """The schema of the whole spec, with everything that is registered."""
    schema = _section(RunSpec)
    properties = schema["properties"]
    properties["task"] = {"anyOf": _component(TASKS), "description": properties["task"]["description"]}
    properties["space"] = {"anyOf": [{"enum": builtin_names()}, _one_of(_spaces())], "description": "a built-in space"}
    properties["model"] = {**properties["model"], "$ref": "#/$defs/body"}
    properties["train"] = {**_arguments(TRAIN, open_values=True), "description": properties["train"]["description"]}
    properties["data"] = {**properties["data"], **_data()}
    properties["baselines"] = {
        **properties["baselines"],
        "additionalProperties": {"$ref": "#/$defs/body"},
    }
    search = properties["search"]["properties"]
    search["strategy"] = {**search["strategy"], "anyOf": _component(STRATEGIES)}
    search["schedule"] = {**search["schedule"], "anyOf": _component(SCHEDULERS)}
    title = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A spec of nas"}
    return {**title, **schema, "$defs": {**DECISIONS, **_layers()}}


def _section(section: type[Any]) -> Schema:
    """A section whose keys say what they are for."""
    annotations, properties = keys(section), {}
    for field in fields(section):
        annotation = annotations[field.name]
        (says,) = (mark.text for mark in annotation.__metadata__ if isinstance(mark, Says))
        schema = {**_type(annotation, open_values=False), "description": says}
        if field.default is not MISSING and not is_dataclass(field.default):
            schema["default"] = field.default
        properties[field.name] = schema
    return _mapping(properties, list(NEEDED) if section is RunSpec else [])


def _layers() -> Schema:
    """Definitions of a body, of a layer, and of each op."""
    ops = {f"op-{name}": _given(OPS.params(name), open_values=True, summary=OPS.describe(name)) for name in OPS}
    bare = [name for name in OPS if not any(p.required for p in OPS.params(name))]
    layers = {**{name: _ref(f"op-{name}") for name in OPS}, **_structures()}
    layer: Schema = {
        "anyOf": [
            {"enum": bare},
            {"type": "string", "pattern": "^nn\\.\\w+$"},
            _ref("name"),
            {**_one_of(layers), "patternProperties": {"^nn\\.\\w+$": {}}},
            {"type": "array", "items": _ref("layer")},
        ],
        "description": "one layer",
    }
    body: Schema = {
        "anyOf": [{"type": "array", "items": _ref("layer")}, _ref("layer")],
        "description": "layers one after another",
    }
    return {"layer": layer, "body": body, **ops}


def _structures() -> Schema:
    body, value = _ref("body"), [_ref("choice"), _ref("range"), _ref("name")]
    join: Schema = {"anyOf": [{"enum": ["add", "concat"]}, *value]}
    mode: Schema = {"enum": ["bilinear", "nearest"], "default": "bilinear"}
    whole: Schema = {"anyOf": [{"type": "integer", "minimum": 0}, *value]}
    edge = _mapping({"from": {"type": "integer", "minimum": 0}, "body": body}, ["from", "body"])
    nodes: Schema = {"anyOf": [*whole["anyOf"], {"type": "array", "items": {"type": "array", "items": edge}}]}
    cell = {
        "nodes": nodes,
        "ops": {"type": "array", "items": body, "minItems": 1},
        "inputs": {"enum": ["all", 2]},
        "from": {"enum": [1, 2]},
        "channels": {"anyOf": [{"type": ["integer", "string"]}, *value[:2]]},
        "output": {"enum": ["last", "concat"]},
    }
    branches = _mapping({"paths": {"type": "array", "items": body, "minItems": 1}, "join": join}, ["paths"])
    return {
        "choice": {"type": "array", "items": body, "minItems": 1, "description": "one of these layers"},
        "repeat": _mapping({"times": whole, "body": body, "tied": {"type": "boolean"}}, ["times", "body"]),
        "optional": body,
        "residual": body,
        "branches": {"anyOf": [{"type": "array", "items": body, "minItems": 1}, branches]},
        "cell": _mapping(cell, ["nodes"]),
        "tap": {"type": "string", "minLength": 1},
        "join": {"anyOf": [{"type": "string"}, _mapping({"with": {"type": "string"}, "by": join}, ["with"])]},
        "resize": {"anyOf": [{"type": "string"}, _mapping({"like": {"type": "string"}, "mode": mode}, [])]},
    }


def _spaces() -> Schema:
    return {
        name: {
            "type": "object",
            "properties": {key: {} for key in load_builtin(name).let},
            "additionalProperties": False,
        }
        for name in builtin_names()
    }


def _data() -> Schema:
    """The data section: the source, and the arguments of any source."""
    return {"type": "object", "properties": {"source": {"enum": list(SOURCES)}}, "required": ["source"]}


def _component(registry: Registry[Any], open_values: bool = False) -> list[Schema]:
    """The ways to write a component: its name, or {name: arguments}."""
    names = [name for name in registry if not any(p.required for p in registry.params(name))]
    given = {name: _given(registry.params(name), open_values, registry.describe(name)) for name in registry}
    return [{"enum": names}, _one_of(given)]


def _given(params: tuple[Param, ...], open_values: bool, summary: str) -> Schema:
    """The values behind a component's name: its arguments by name, its first argument, or nothing."""
    ways = [_arguments(params, open_values)]
    if params:
        ways.append(_value(params[0].annotation, open_values))
    if not any(p.required for p in params):
        ways.append({"type": "null"})
    return {"anyOf": ways, "description": summary}


def _arguments(params: Iterable[Param], open_values: bool) -> Schema:
    params = tuple(params)
    properties = {p.name: _value(p.annotation, open_values) for p in params}
    for param in params:
        if not param.required:
            properties[param.name] = {**properties[param.name], "default": plain(param.default)}
    return _mapping(properties, [p.name for p in params if p.required])


def _value(annotation: Any, open_values: bool) -> Schema:
    fixed = _type(annotation, open_values)
    if not open_values:
        return fixed
    return {"anyOf": [fixed, _ref("choice"), _ref("range"), _ref("name")]}


def _type(annotation: Any, open_values: bool) -> Schema:
    """An annotation of a component's argument as a schema."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _annotated(args[0], args[1:], open_values)
    if origin in UNIONS:
        return {"anyOf": [_type(arg, open_values) for arg in args]}
    if origin is Literal:
        return {"enum": list(args)}
    if isinstance(annotation, type) and is_dataclass(annotation):
        return _section(annotation)
    if origin is tuple and not (len(args) == 2 and args[1] is Ellipsis):
        items = [_type(arg, open_values) for arg in args]
        return {"type": "array", "prefixItems": items, "minItems": len(args), "maxItems": len(args)}
    if origin in (list, tuple):
        return _list(args[0], open_values)
    if origin is dict:
        return {"type": "object", "additionalProperties": _type(args[1], open_values)}
    kinds = {
        int: "integer",
        float: "number",
        bool: "boolean",
        str: "string",
        pathlib.Path: "string",
        type(None): "null",
    }
    return {"type": kinds[annotation]} if annotation in kinds else {}


def _list(item: Any, open_values: bool) -> Schema:
    """In a list of components, an item may be an open decision, and a single item stands for a list."""
    if not any(isinstance(mark, Component) for mark in getattr(item, "__metadata__", ())):
        return {"type": "array", "items": _type(item, open_values=False)}
    return {"anyOf": [{"type": "array", "items": _value(item, open_values)}, _type(item, open_values)]}


def _annotated(base: Any, marks: tuple[Any, ...], open_values: bool) -> Schema:
    schema = _type(base, open_values)
    for mark in marks:
        if isinstance(mark, Component):
            return {"anyOf": _component(mark.registry, open_values)}
        if isinstance(mark, Parsed):
            return schema if base is str else {"type": ["string", "number"]}
        if isinstance(mark, Between):
            bounds = {"minimum": mark.low, "maximum": mark.high}
            schema = {**schema, **{key: bound for key, bound in bounds.items() if abs(bound) != float("inf")}}
        if isinstance(mark, Matching):
            schema = {**schema, "pattern": f"^({mark.pattern})$"}
    return schema


def _mapping(properties: Schema, required: list[str]) -> Schema:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _one_of(properties: Schema) -> Schema:
    """A mapping with exactly one of these keys."""
    return {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}
