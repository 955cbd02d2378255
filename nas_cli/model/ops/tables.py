"""First layers for rows of tables: numbers and categories."""

from __future__ import annotations

from typing import Annotated, Any

from torch import nn

from nas_cli.arguments import Between, FromData, PositiveInt
from nas_cli.axes import Shape
from nas_cli.errors import Infeasible
from nas_cli.model.ops.table_modules import FeatureTokens, TableFeatures
from nas_cli.model.ops.vocabulary import op

Numeric = Annotated[int, FromData("numeric_columns")]
Categories = Annotated[Any, FromData("categories")]
BinCount = Annotated[int, Between(0, 256)]


@op("features")
def features(
    shape: Shape, numeric: Numeric, categories: Categories, units: PositiveInt = 8, bins: BinCount = 0
) -> nn.Module:
    """A table's row as a vector: numbers as they are or in `bins`, and up to `units` values for each category."""
    _need_row(shape, numeric, categories)
    return TableFeatures(numeric, list(categories), units, bins)


@op("feature_tokens")
def feature_tokens(
    shape: Shape, numeric: Numeric, categories: Categories, units: PositiveInt = 32, bins: BinCount = 0
) -> nn.Module:
    """A table's row as a sequence, `units` channels for each column, for attention over columns."""
    _need_row(shape, numeric, categories)
    return FeatureTokens(numeric, list(categories), units, bins)


def _need_row(shape: Shape, numeric: int, categories: list[int]) -> None:
    if shape != (numeric + len(categories),):
        raise Infeasible("it takes the row of a table as it comes in: it must stand first")
