"""Types of the fields of events, such as `number: Count`, each with a rule that checks values read from a journal.

A rule is a schema of pydantic_core, which parses and checks a value, and a description of valid values for messages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Annotated, Any, cast, get_args, get_origin, get_type_hints

from pydantic_core import CoreSchema, core_schema

from nas_cli.record.candidates import PATTERN
from nas_cli.trial import Genotype, Measurement

LARGEST, LARGEST_COUNT = 1e300, 2**53
"""Bounds of the numbers in a journal. Sums of a few such numbers are finite, and counts are exact as floats."""


@dataclass(frozen=True, eq=False)
class Rule:
    """`wanted` completes the sentence "seed of final_started must be …"."""

    schema: CoreSchema
    wanted: str


def rules_of(record: type[Any]) -> dict[str, Rule]:
    """The rules of a dataclass's fields, by field name."""
    hints = get_type_hints(record, include_extras=True)
    return {each.name: _rule(hints[each.name]) for each in fields(record)}


def _rule(hint: Any) -> Rule:
    """The rule of a type such as `Count` or `Count | None`, where None means that the field is missing."""
    types = [hint, *get_args(hint)]
    (rule,) = (each.__metadata__[0] for each in types if get_origin(each) is Annotated)
    return cast(Rule, rule)


def schema_of(record: type[Any], needed: Sequence[str] = ()) -> CoreSchema:
    """A schema that parses a JSON object into the dataclass `record`. Fields without a default and those in `needed`
    are required; unknown keys are ignored.
    """
    rules, schemas = rules_of(record), []
    for each in fields(record):
        schema = rules[each.name].schema
        if each.default is not MISSING and each.name not in needed:
            schema = core_schema.with_default_schema(schema, default=each.default)
        schemas.append(core_schema.dataclass_field(each.name, schema, kw_only=True))
    arguments = core_schema.dataclass_args_schema(record.__name__, schemas, extra_behavior="ignore")
    return core_schema.dataclass_schema(record, arguments, list(rules), frozen=True)


def list_of(of: CoreSchema, least: int = 0) -> CoreSchema:
    """A schema that parses a JSON list into a tuple."""
    return core_schema.tuple_schema([of], variadic_item_index=0, min_length=least)


def _mapping(of: CoreSchema) -> CoreSchema:
    return core_schema.dict_schema(core_schema.any_schema(), of)  # the keys of JSON are texts


def _optional(**fields: CoreSchema) -> dict[str, core_schema.TypedDictField]:
    return {name: core_schema.typed_dict_field(schema, required=False) for name, schema in fields.items()}


def _needed(**fields: CoreSchema) -> dict[str, core_schema.TypedDictField]:
    return {name: core_schema.typed_dict_field(schema, required=True) for name, schema in fields.items()}


_count = core_schema.int_schema(strict=True, ge=0, lt=LARGEST_COUNT)
_number = core_schema.float_schema(strict=True, allow_inf_nan=False, gt=-LARGEST, lt=LARGEST)
_whole = core_schema.int_schema(strict=True, gt=-int(LARGEST), lt=int(LARGEST))
_text = core_schema.str_schema(strict=True)
_flag = core_schema.bool_schema(strict=True)
_none = core_schema.none_schema()
_candidate = core_schema.str_schema(strict=True, pattern=PATTERN, regex_engine="python-re")  # to Rust ² is no \w
_scalar = core_schema.union_schema([_whole, _text, _number, _flag, _none], mode="left_to_right")
_final = core_schema.typed_dict_schema(_needed(top=_count, seeds=_count), extra_behavior="allow", extras_schema=_scalar)
_seen = core_schema.typed_dict_schema(
    _optional(work=_mapping(core_schema.list_schema(_number, min_length=2)), ratio=_number, error=_number)
)

Count = Annotated[int, Rule(_count, "a whole number")]
Number = Annotated[float, Rule(_number, "a finite number")]
Numbers = Annotated[tuple[float, ...], Rule(list_of(_number, 1), "a list of finite numbers")]
Spread = Annotated[float | None, Rule(core_schema.nullable_schema(_number), "a finite number, or null")]
Text = Annotated[str, Rule(_text, "a text")]
Texts = Annotated[tuple[str, ...], Rule(list_of(_text), "a list of texts")]
Digest = Annotated[str | None, Rule(core_schema.nullable_schema(_text), "a text")]
Flag = Annotated[bool, Rule(_flag, "true or false")]
Decisions = Annotated[Genotype, Rule(_mapping(_scalar), "a mapping from decisions to the values taken")]
Measured = Annotated[Measurement, Rule(_mapping(_number), "a mapping from names to finite numbers")]
Candidate = Annotated[str, Rule(_candidate, "trial-NUMBER or baseline-NAME")]
Candidates = Annotated[tuple[str, ...], Rule(list_of(_candidate), "a list of candidates")]
Bounds = Annotated[
    Mapping[str, float | None], Rule(_mapping(core_schema.nullable_schema(_number)), "the bounds of a search")
]
Settings = Annotated[Mapping[str, Any], Rule(_final, "the settings of the final training")]
Seen = Annotated[Mapping[str, Any], Rule(_seen, "a mapping with numbers")]
