"""Columns by which a table may have to be divided, by their names and first cells: keys that a starter mentions."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence

from nas_cli.data.formats.moments import NoOrder, find_moments
from nas_cli.yaml_text import comment, inline_yaml

WHO = (
    *("patient", "subject", "participant", "person", "user", "customer", "client", "visitor", "member", "player"),
    *("speaker", "singer", "author", "writer", "reviewer", "driver", "worker", "student", "animal", "family"),
    *("household", "session", "hospital", "device", "machine", "vehicle"),
)
GROUPS = re.compile(rf"(.*[^a-z])?({'|'.join(WHO)})s?([ _.-]?(id|no|nr|number|name|key|code))?", re.IGNORECASE)
"""Names of columns that say to whom or what a row belongs."""
BIRTH = re.compile(r"birth|born|\bdob\b", re.IGNORECASE)
FEWEST = 3
"""Fewest groups: a column of two, such as yes and no, cannot be divided by."""
WIDE = 33
"""Letters of a key with its value, before the comment behind it."""


def dividing_lines(columns: Sequence[str], rows: Sequence[Sequence[str]], others: Container[str]) -> list[str]:
    """Comments for a starter spec, on a column of groups and one of dates, where there are such among the first `rows`;
    columns in `others` are skipped."""
    found: dict[str, str] = {}
    for place, name in enumerate(columns):
        cells = [row[place] for row in rows if len(row) == len(columns)]
        if name in others or not all(cells):
            continue
        if GROUPS.fullmatch(name) and FEWEST <= len(set(cells)) < len(cells):
            found.setdefault("group", name)
        elif len(set(cells)) > 1 and are_dates(cells) and not BIRTH.search(name):
            found.setdefault("time", name)
    why = {"group": "keeps the rows of each in one part", "time": "holds the newest out, and not a random fifth"}
    return [f"{comment(f'{key}: {inline_yaml(name)}'):<{WIDE}} # {why[key]}" for key, name in found.items()]


def are_dates(cells: Sequence[str]) -> bool:
    """Whether all are dates in one form; numbers are none."""
    try:
        return find_moments(cells).as_.startswith("dates")
    except NoOrder:
        return False
