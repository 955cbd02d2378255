"""Notes on how examples were divided: small parts, parts larger than asked for, and classes without examples."""

from __future__ import annotations

from collections.abc import Sequence

from nas_cli.data.source import Part

FEW = 10
"""Validation scores on fewer examples say little."""
MUCH_MORE = 1.5
MOST_NAMED = 10


def about_share(part: str, held: int, count: int, fraction: float, shuffled: bool = True) -> list[str]:
    """A note where `held` of `count` examples are far from the `fraction` asked for. In a `shuffled` split, small
    classes give more than their share; in others, groups and times are kept whole."""
    wanted = fraction * count
    if shuffled and held > max(1, MUCH_MORE * wanted):
        why = "each class gives one at least: classes have few examples"
    elif not shuffled and not wanted / MUCH_MORE <= held <= max(1, MUCH_MORE * wanted):
        why = "what belongs together stays together"
    else:
        return []
    return [f"the {part} part takes {held:,} of {count:,} examples, and not {fraction:g} of them, since {why}"]


def about_absent(names: Sequence[str], use: str = "choose by") -> list[str]:
    """A note on the classes `names`, which have no examples to `use`."""
    if not names:
        return []
    more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
    return [f"no examples to {use} of {', '.join(names[:MOST_NAMED])}{more}"]


def about_few(validation: Part) -> list[str]:
    if len(validation) >= FEW:
        return []
    return [f"no more than {len(validation):,} examples to choose by: scores on so few say little"]
