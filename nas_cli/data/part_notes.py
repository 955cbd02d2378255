"""Sentences for the user on how examples were divided: parts that are small, or larger than was asked for."""

from __future__ import annotations

from collections.abc import Sequence

from nas_cli.data.source import Part

FEW = 10
"""Examples to choose by, fewer than which say little."""
MUCH_MORE = 1.5
MOST_NAMED = 10


def about_share(part: str, held: int, count: int, fraction: float) -> list[str]:
    """On `held` of `count` examples for a part that is to take `fraction` of them: classes of few examples give more
    than their share."""
    if held <= max(1, MUCH_MORE * fraction * count):
        return []
    return [
        f"the {part} part takes {held:,} of {count:,} examples, and not {fraction:g} of them, since each class gives "
        "one at least: classes have few examples"
    ]


def about_absent(names: Sequence[str]) -> list[str]:
    """On classes `names` of which there is nothing to choose by."""
    if not names:
        return []
    more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
    return [f"no examples to choose by of {', '.join(names[:MOST_NAMED])}{more}"]


def about_few(validation: Part) -> list[str]:
    if len(validation) >= FEW:
        return []
    return [f"no more than {len(validation):,} examples to choose by: scores on so few say little"]
