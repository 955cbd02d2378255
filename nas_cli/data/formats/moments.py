"""Reads times in a column: numbers, ISO 8601, or dates in one of the usual orders."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from nas_cli.data.portable import as_number
from nas_cli.data.source import Array

NUMBERS, ISO = "numbers", "year, month, day"
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
LONG = (
    *("january", "february", "march", "april", "june", "july", "august", "september", "october", "november"),
    *("december", "sept"),
)
NAME = rf"(?P<name>{'|'.join((*LONG, *MONTHS))})\.?"
DAY, MONTH, YEAR = r"(?P<day>\d{1,2})", r"(?P<month>\d{1,2})", r"(?P<year>\d{4}|\d\d)"
FULL_YEAR = r"(?P<year>\d{4})"
WEEKDAY = r"((mon|tues?|wed(nes)?|thu(rs)?|fri|sat(ur)?|sun)(day)?\.?,?\s+)?"
CLOCK = r"(?P<hour>\d{1,2}):?(?P<minute>\d\d)(:?(?P<second>\d\d)([.,](?P<fraction>\d+))?)?(\s*(?P<half>[ap])\.?m\.?)?"
ZONE = r"(\s*(?P<zone>z|utc|gmt|(utc|gmt)?[+-]\d\d(:?\d\d)?))?"
TIME = rf"((t|,?\s+|:){CLOCK}{ZONE})?"
ORDERS = {
    ISO: rf"{FULL_YEAR}(?P<mark>[-/. ]?){MONTH}(?P=mark){DAY}{TIME}",
    "day, month, year": rf"{DAY}(?P<mark>[-/. ]){MONTH}(?P=mark){YEAR}{TIME}",
    "month, day, year": rf"{MONTH}(?P<mark>[-/. ]){DAY}(?P=mark){YEAR}{TIME}",
    "day, month's name, year": rf"{WEEKDAY}{DAY}(st|nd|rd|th|\.)?[-/ ]?{NAME}[-/, ]*{YEAR}{TIME}",
    "month's name, day, year": rf"{WEEKDAY}{NAME}[-/ ]*{DAY}(st|nd|rd|th)?,?\s*[-/ ]?\s*{FULL_YEAR}{TIME}",
    "month's name, day, time, year": rf"{WEEKDAY}{NAME}\s+{DAY}\s+{CLOCK}{ZONE}\s+{FULL_YEAR}",
    "year, month": rf"{FULL_YEAR}[-/]{MONTH}",
    "month, year": rf"{MONTH}[-/.]{FULL_YEAR}",
    "month's name, year": rf"{NAME}[-/, ]*{YEAR}",
    "year, quarter": rf"{FULL_YEAR}[-/ ]?q(?P<quarter>[1-4])",
    "year, week": rf"{FULL_YEAR}-?w(?P<week>\d\d)(-?(?P<weekday>[1-7]))?",
}
"""Orders of day, month and year, each with its pattern, in lower case."""
KNOWN = "numbers, 2024-01-31, 2024-01-31 18:05:00, 31.01.2024, 01/31/2024 6:05 pm, 31 Jan 2024 and the like"
EPOCH = datetime(1970, 1, 1)
MICROSECOND = timedelta(microseconds=1)
PIVOT = 69
"""Years of two digits are 1969 to 2068, as in Python."""

Read = Callable[[str], float]
"""Maps a cell to a number that grows with time. Raises ValueError."""


class NoOrder(Exception):
    """The cell of the row `row`, counted from 0, cannot be ordered among the others: `why` completes "the column"."""

    def __init__(self, row: int, why: str) -> None:
        super().__init__(why)
        self.row, self.why = row, why


@dataclass(frozen=True)
class Moments:
    """`values` (N,), integers or float64, grow with time. `read` reads further cells of the same form, which `as_`
    names: "numbers", or "dates (day, month, year)"."""

    values: Array
    read: Read
    as_: str


def find_moments(cells: Sequence[str], form: str | None = None, decimal: str = ".") -> Moments:
    """The times in `cells`, and their common form. `form` is a format of Python's `strptime`.
    Raises NoOrder where a cell is empty or of another form than those above it, and where day and month are ambiguous.
    """
    rows: dict[str, int] = {}
    for row, cell in enumerate(cells):
        rows.setdefault(cell, row)
    if "" in rows:
        raise NoOrder(rows[""], "has no value")
    ways = {f"'{form}'": _by_form(form)} if form is not None else _ways(decimal)
    found = _that_read_all(ways, rows)
    name = next(iter(found))
    if name != NUMBERS:
        _require_clear(found, rows)
    values = np.array([found[name][cell] for cell in cells])
    return Moments(values, ways[name], name)


def _ways(decimal: str) -> dict[str, Read]:
    ways = {NUMBERS: _as_number_of(decimal)}
    for order in ORDERS:
        ways[f"dates ({order})"] = _in_order(order, zoned=False)
        ways[f"dates ({order}, time zone)"] = _in_order(order, zoned=True)
    return ways


def _that_read_all(ways: Mapping[str, Read], rows: Mapping[str, int]) -> dict[str, dict[str, float]]:
    """The values of all cells, for each of the `ways` that reads them all. Raises NoOrder at the first cell that no way
    reads."""
    found: dict[str, dict[str, float]] = {name: {} for name in ways}
    above = ""
    for cell, row in rows.items():
        read = {name: value for name in found if (value := _try(ways[name], cell)) is not None}
        if not read:
            raise NoOrder(row, _why_not(cell, above, list(found), ways))
        found = {name: found[name] for name in read}
        for name, value in read.items():
            found[name][cell] = value
        above = cell
    return found


def _why_not(cell: str, above: str, names: Sequence[str], ways: Mapping[str, Read]) -> str:
    if len(ways) == 1:
        return f"is not written as time_format says, {names[0]}"
    if not above:
        return f"is no moment that is understood: {KNOWN} are, and time_format says how others are written"
    return f"is not written as the cells above it are, '{above}' say, which are read as {' or '.join(names)}"


def _require_clear(found: Mapping[str, Mapping[str, float]], rows: Mapping[str, int]) -> None:
    """Raises NoOrder where two ways to read the cells order them differently, at a cell that they read differently."""
    orders = {np.unique(list(read.values()), return_inverse=True)[1].tobytes() for read in found.values()}
    if len(orders) == 1:
        return
    cell = next(cell for cell in rows if len({read[cell] for read in found.values()}) > 1)
    why = f"may be read as {' or as '.join(found)}, and no cell tells which"
    raise NoOrder(rows[cell], f'{why}: time_format: "%d/%m/%Y" or the like does')


def _try(read: Read, cell: str) -> float | None:
    try:
        return read(cell)
    except (ValueError, OverflowError):
        return None


# Ways to read a cell --------------------------------------------------------------------------------------------------


def _as_number_of(decimal: str) -> Read:
    def read(cell: str) -> float:
        if re.fullmatch(r"0\d.*[.,].*", cell):
            raise ValueError(cell)  # 01.2024 is a month
        if re.fullmatch(r"[+-]?\d+", cell, re.ASCII) and abs(whole := int(cell[:20])) < 2**63 and len(cell) <= 20:
            return whole  # nanoseconds have more digits than a float
        number = as_number(cell, decimal)
        if not math.isfinite(number):
            raise ValueError(cell)
        return number

    return read


def _by_form(form: str) -> Read:
    def read(cell: str) -> float:
        return _number(datetime.strptime(cell, form))

    return read


def _in_order(order: str, zoned: bool) -> Read:
    """Either all cells have a time zone (`zoned`) or none has: otherwise two times could not be ordered."""
    pattern = re.compile(ORDERS[order], re.ASCII)

    def read(cell: str) -> float:
        moment = _of_iso(cell) if order == ISO else None
        if moment is None:
            match = pattern.fullmatch(cell.lower())
            if match is None:
                raise ValueError(cell)
            moment = _moment({name: text for name, text in match.groupdict().items() if text})
        if (moment.tzinfo is not None) != zoned:
            raise ValueError(cell)
        return _number(moment)

    return read


def _of_iso(cell: str) -> datetime | None:
    """The time by Python's fast ISO reader; None where it reads none."""
    try:
        return datetime.fromisoformat(cell)
    except ValueError:
        return None


def _moment(pieces: Mapping[str, str]) -> datetime:
    """The time of the matched `pieces`. Raises ValueError where there is no such day or time."""
    year, half = int(pieces["year"]), pieces.get("half")
    if len(pieces["year"]) == 2:
        year += 1900 if year >= PIVOT else 2000
    hour = int(pieces.get("hour", 0))
    if half:
        if not 1 <= hour <= 12:
            raise ValueError(f"{hour} {half}m")
        hour = hour % 12 + (12 if half == "p" else 0)
    date = _date(year, pieces)
    fraction = pieces.get("fraction", "")[:6].ljust(6, "0")
    moment = date.replace(
        hour=hour,
        minute=int(pieces.get("minute", 0)),
        second=int(pieces.get("second", 0)),
        microsecond=int(fraction),
    )
    zone = pieces.get("zone")
    if zone is None:
        return moment
    sign = re.search(r"([+-])(\d\d):?(\d\d)?", zone)
    away = timedelta()
    if sign:
        away = timedelta(hours=int(sign[2]), minutes=int(sign[3] or 0)) * (-1 if sign[1] == "-" else 1)
    return (moment - away).replace(tzinfo=UTC)


def _date(year: int, pieces: Mapping[str, str]) -> datetime:
    if "week" in pieces:
        return datetime.fromisocalendar(year, int(pieces["week"]), int(pieces.get("weekday", 1)))
    if "quarter" in pieces:
        return datetime(year, 3 * int(pieces["quarter"]) - 2, 1)
    month = MONTHS.index(pieces["name"][:3]) + 1 if "name" in pieces else int(pieces["month"])
    return datetime(year, month, int(pieces.get("day", 1)))


def _number(moment: datetime) -> int:
    """Microseconds since 1970; in UTC where the time has a zone."""
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return (moment - EPOCH) // MICROSECOND


def read_others(cells: Iterable[str], moments: Moments) -> Array | None:
    """The times in cells of another part, read in the form of `moments`; None where a cell has another form."""
    found = [_try(moments.read, cell) for cell in cells]
    return None if None in found else np.array(found)
