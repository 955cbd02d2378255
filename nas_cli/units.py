"""Parses durations and sizes, such as 10m and 2GB."""

from __future__ import annotations

import re
from typing import Annotated

from nas_cli.arguments import Parsed, check

MOST_DAYS = 10_000
SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
BYTES = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12, "kib": 2**10, "mib": 2**20, "gib": 2**30}


def parse_duration(value: object) -> float:
    """`90s`, `10m`, `1h30m` or a number of seconds, as seconds. Raises ValueError."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds: float = check(float, value)
    elif isinstance(value, str) and re.fullmatch(r"([0-9]+(\.[0-9]+)?[smhd])+", value.replace(" ", "")):
        parts = re.findall(r"([0-9]+(?:\.[0-9]+)?)([smhd])", value)
        seconds = sum(float(number) * SECONDS[unit] for number, unit in parts)
    else:
        raise ValueError("a duration such as 90s, 10m or 1h30m")
    if not 0 < seconds < MOST_DAYS * SECONDS["d"]:
        raise ValueError(f"a duration above 0 and of less than {MOST_DAYS:,} days")
    return seconds


def parse_size(value: object) -> int:
    """`500MB`, `2 GB`, `1.5GiB` or a number of bytes, as bytes. Raises ValueError."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        size = check(float, value)
    elif isinstance(value, str) and (match := re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([a-z]+)", value.strip().lower())):
        number, unit = match.groups()
        if unit not in BYTES:
            raise ValueError(f"a size in {', '.join(('KB', 'MB', 'GB', 'TB', 'KiB', 'MiB', 'GiB'))}")
        size = float(number) * BYTES[unit]
    else:
        raise ValueError("a size such as 500MB or 2GB")
    if not 1 <= size < 1e18:
        raise ValueError("a size of at least 1 byte and less than 1,000,000 TB")
    return int(size)


Duration = Annotated[float, Parsed(parse_duration)]
"""An argument that is a duration, in seconds."""
Bytes = Annotated[int, Parsed(parse_size)]
"""An argument that is a size, in bytes."""
