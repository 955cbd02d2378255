"""Moments as people write them: which forms are read, in which order they come out, and what is refused where."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas_cli.data.formats.moments import NoOrder, find_moments, read_others

MOMENTS = st.lists(st.datetimes(datetime(1970, 1, 1), datetime(2068, 12, 31)), min_size=1, max_size=20)
FORMS = (
    "%Y-%m-%d %H:%M:%S.%f",
    "%Y/%m/%dT%H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d %b %Y, %H:%M:%S",
    "%B %d, %Y %I:%M %p",
    "%a %b %d %H:%M:%S %Y",
    "%A, %d %B %Y",
    "%d-%b-%y",
    "%Y-%m",
    "%b %Y",
    "%G-W%V-%u",
)


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=30)
@given(MOMENTS)
def test_what_python_writes_is_put_in_its_order(form: str, moments: list[datetime]) -> None:
    days = [*moments, datetime(2024, 1, 31), datetime(2023, 12, 13)]  # the 31st can be no month
    cells = [f"{moment:{form}}" for moment in days]
    found = find_moments(cells)
    expected = [datetime.strptime(cell, form) for cell in cells]
    for value, moment in zip(found.values.tolist(), expected, strict=True):
        assert timedelta(microseconds=value) == moment - datetime(1970, 1, 1)


@pytest.mark.parametrize(
    ("cells", "as_"),
    [
        (["2023-01-01T00:00:00.123456789", "2024-01-31", "2024-02-01 10:00:00"], "dates (year, month, day)"),
        (["2024-01-31T10:30:00+01:00", "2024-01-31T10:00:00Z"], "dates (year, month, day, time zone)"),
        (["31/01/2024", "01/02/2024"], "dates (day, month, year)"),
        (["01/31/2024 6:05 PM", "02/01/2024 12:05 AM"], "dates (month, day, year)"),
        (["25/12/23", "3/1/24"], "dates (day, month, year)"),
        (["10.2024", "12.2024", "01.2025"], "dates (month, year)"),
        (
            ["Sun Apr 05 22:19:45 UTC 2009", "Mon Apr 06 22:19:45 UTC 2009"],
            "dates (month's name, day, time, year, time",
        ),
        (["05/Apr/2009:22:19:45 +0000", "06/Apr/2009:22:19:45 +0000"], "dates (day, month's name, year, time zone)"),
        (["March 1st, 2023", "Sept. 30, 2023", "Jan 5, 2024"], "dates (month's name, day, year)"),
        (["2023-Q4", "2024Q1"], "dates (year, quarter)"),
        (["-3e4", "1.5", "2"], "numbers"),
        (["1700000000000000000", "1700000000000000001"], "numbers"),
        (["20231231", "20240101"], "numbers"),
        (["1999", "2024"], "numbers"),
    ],
)
def test_usual_forms(cells: list[str], as_: str) -> None:
    """The cells are in their order."""
    found = find_moments(cells)
    assert found.as_.startswith(as_)
    assert (np.diff(found.values) > 0).all()


@pytest.mark.parametrize(
    ("cells", "row", "why"),
    [
        (["01/02/2024", "03/01/2024"], 0, "may be read as dates (day, month, year) or as dates (month, day, year)"),
        (["2024-01-31T10:00:00Z", "2024-01-31T10:30:00"], 1, "as the cells above it are, '2024-01-31T10:00:00Z' say"),
        (["30.02.2024"], 0, "is no moment that is understood: numbers, 2024-01-31,"),
        (["12:30"], 0, "is no moment"),
        (["Tuesday"], 0, "is no moment"),
        (["1", "1e400"], 1, "is not written as the cells above it are, '1' say, which are read as numbers"),
        (["2024", "2023-01-01"], 1, "is not written as"),
        (["31.01.2024", "31.01.2024", "n/a"], 2, "is not written as"),
        (["5", ""], 1, "has no value"),
        (["2024-01-01 25:00"], 0, "is no moment"),
        (["1/1/2024 13:05 pm"], 0, "is no moment"),
    ],
)
def test_what_cannot_be_ordered_is_refused_at_its_row(cells: list[str], row: int, why: str) -> None:
    with pytest.raises(NoOrder) as error:
        find_moments(cells)
    assert error.value.row == row
    assert why in error.value.why


PIECES = st.sampled_from([*"31-/.:TZ", "31", "2024", "24", "+01:00", "pm", "Jan", "Q1", "W05", "٣"])
CELLS = st.one_of(st.text(max_size=12), st.lists(PIECES, max_size=7).map("".join))


@given(st.lists(CELLS, min_size=1, max_size=4), st.sampled_from(".,"))
def test_whatever_stands_in_a_column_is_ordered_or_refused(cells: list[str], decimal: str) -> None:
    try:
        found = find_moments(cells, decimal=decimal)
    except NoOrder:
        return
    assert np.isfinite(found.values.astype(float)).tolist() == [True] * len(cells)


def test_two_readings_of_one_order_are_no_question() -> None:
    assert (np.diff(find_moments(["01/02/2024", "02/03/2024"]).values) > 0).all()


def test_a_format_says_what_cannot_be_known() -> None:
    cells = ["03/01/2024", "01/02/2024"]
    assert (np.diff(find_moments(cells, "%d/%m/%Y").values) > 0).all()
    assert (np.diff(find_moments(cells, "%m/%d/%Y").values) < 0).all()
    twitter = ["Sun Apr 05 22:19:45 PDT 2009", "Mon Apr 06 22:19:45 PDT 2009"]
    assert (np.diff(find_moments(twitter, "%a %b %d %H:%M:%S PDT %Y").values) > 0).all()
    with pytest.raises(NoOrder, match="is not written as time_format says, '%d/%m/%Y'"):
        find_moments([*cells, "5"], "%d/%m/%Y")


def test_numbers_have_their_decimal_mark() -> None:
    assert find_moments(["1,5", "1,25"], decimal=",").values.tolist() == [1.5, 1.25]


def test_other_parts_are_read_alike() -> None:
    moments = find_moments(["31/01/2024", "01/02/2024"])
    found = read_others(["05/02/2024"], moments)
    assert found is not None
    assert found[0] > moments.values[1]
    assert read_others(["2024-02-05"], moments) is None
    assert read_others([""], moments) is None
