"""Tables that say by which columns they are divided: `group`, `time`, both; in every source that reads tables."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from nas_cli.data import TrainingData, Wanted, load_test, load_training, parse_data
from nas_cli.data.source import Part
from nas_cli.errors import DataError

ROWS = Wanted("table rows", "class")
USERS = [f"u{k // 6}" for k in range(60)]
"""Ten users of six rows each."""


def write(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([*([header] if header else []), *rows])
    return path


def table(path: Path, days: Sequence[object] | None = None, users: Sequence[object] = USERS) -> Path:
    """`x` is the number of the row, by which it is known again; `user`, `day` and a class."""
    days = days or [f"2024-{1 + k // 28:02}-{1 + k % 28:02}" for k in range(60)]
    rows = [[k, users[k], days[k], "ab"[k % 2]] for k in range(60)]
    return write(path, ["x", "user", "day", "y"], rows)


def load(path: Path, wanted: Wanted = ROWS, **keys: Any) -> tuple[TrainingData, Part]:
    settings = parse_data({"source": "csv", "path": str(path), "transform": "none", **keys})
    data = load_training(settings, 0, wanted=wanted)
    return data, load_test(settings, 0, data.labels, wanted=wanted, fields=data.fields)


def rows_of(part: Part) -> list[int]:
    return sorted(part.inputs[:, 0].astype(int).tolist())


def numbers(path: Path, **keys: Any) -> list[list[int]]:
    """The rows to learn from, to choose by, to test on; every row is in one of them."""
    data, test = load(path, numeric=["x"], **keys)
    parts = [rows_of(part) for part in (data.train, data.validation, test)]
    assert sorted(chain(*parts)) == list(range(60))
    return parts


def test_no_user_is_in_two_parts(tmp_path: Path) -> None:
    parts = numbers(table(tmp_path / "a.csv"), group="user", ignore=["day"])
    users = [{USERS[k] for k in part} for part in parts]
    assert [len(part) for part in users] == [6, 2, 2]
    assert sum(map(len, users)) == len(set(USERS))


def test_the_newest_are_tested_on(tmp_path: Path) -> None:
    learned, chosen, tested = numbers(table(tmp_path / "a.csv"), time="day")
    assert (learned[-1], chosen[0], chosen[-1], tested[0]) == (37, 38, 47, 48)


def test_the_newest_of_each_user_are_held_out(tmp_path: Path) -> None:
    days = [100 - k for k in range(60)]  # the first row is the newest
    learned, chosen, tested = numbers(table(tmp_path / "a.csv", days), group="user", time="day")
    assert all(k in tested for k in range(0, 60, 6))
    assert all(k in learned for k in range(5, 60, 6))
    for k in range(0, 60, 6):
        own = [[row for row in part if row // 6 == k // 6] for part in (tested, chosen, learned)]
        assert list(chain(*own)) == list(range(k, k + 6))


def test_what_divides_is_no_input_unless_that_is_said(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", [100 - k for k in range(60)])
    data, _ = load(path, group="user", time="day")
    assert [column["name"] for column in data.encoder.state()["numbers"]] == ["x"]
    assert not data.encoder.state()["categories"]
    assert "no inputs, since they divide the data: user, day; data.categorical takes one in" in data.notes
    data, _ = load(path, group="user", time="day", numeric=["day"], categorical=["user"])
    assert [column["name"] for column in data.encoder.state()["numbers"]] == ["x", "day"]
    assert [column["name"] for column in data.encoder.state()["categories"]] == ["user"]
    assert not any("no inputs" in note for note in data.notes)


def test_what_is_learned_is_the_last_column_that_does_not_divide(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", ["x", "y", "day"], [[k, "ab"[k % 2], 2000 + k] for k in range(60)])
    data, _ = load(path, time="day")
    assert data.labels == ("a", "b")


def test_parts_are_counted_in_notes(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv")
    assert (
        "divided by 'user', each group in one part: 36 examples of 6 groups to learn from, 12 examples of 2 groups to "
        "choose by, 12 examples of 2 groups to test on"
    ) in load(path, group="user")[0].notes
    assert (
        "divided by 'day' (read as dates (year, month, day)), the newest held out: 38 examples from 2024-01-01 to "
        "2024-02-10 to learn from, 10 examples from 2024-02-11 to 2024-02-20 to choose by, 12 examples from 2024-02-21 "
        "to 2024-03-04 to test on"
    ) in load(path, time="day")[0].notes
    notes = load(path, group="user", time="day")[0].notes
    assert any(note.startswith("divided by 'user' and 'day' (read as dates (year, month, day)), the") for note in notes)


def test_shares_that_whole_groups_do_not_allow_are_said(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", users=["u0", "u1", "u2"] * 20)
    notes = load(path, group="user", test=0.1, validation=0.5)[0].notes
    said = [note for note in notes if "and not" in note]
    assert said == [
        "the test part takes 20 of 60 examples, and not 0.1 of them, since what belongs together stays together"
    ]


def test_the_same_moment_is_in_one_part(tmp_path: Path) -> None:
    days = [2000 + k // 7 for k in range(60)]
    parts = numbers(table(tmp_path / "a.csv", days), time="day")
    years = [{days[k] for k in part} for part in parts]
    assert max(years[0]) < min(years[1])
    assert max(years[1]) < min(years[2])


def test_a_class_that_nothing_is_learned_of_is_said(tmp_path: Path) -> None:
    rows = [[k, 2000 + k, "old" if k < 40 else "new"] for k in range(60)]
    data, _ = load(write(tmp_path / "a.csv", ["x", "day", "y"], rows), time="day")
    assert "no examples to learn from of new" in data.notes


def test_small_groups_and_groups_of_one_moment_are_counted(tmp_path: Path) -> None:
    users = ["solo"] + ["same"] * 3 + ["u"] * 56
    days = [5, 7, 7, 7, *range(56)]
    notes = load(table(tmp_path / "a.csv", days, users), group="user", time="day")[0].notes
    assert "groups of 'user' too small for any of their examples to be held out: 1" in notes
    assert any("between examples of one moment, as the file has them in order: 1" in note for note in notes)


def test_groups_of_one_each_are_said(tmp_path: Path) -> None:
    data, _ = load(table(tmp_path / "a.csv"), group="x")
    assert "no two examples are of one group of 'x': it divides them as nothing would" in data.notes


# Parts of their own ---------------------------------------------------------------------------------------------------


def with_test(folder: Path, days: Sequence[object], users: Sequence[object]) -> Path:
    table(folder / "train.csv")
    rows = [[k, user, day, "ab"[k % 2]] for k, (user, day) in enumerate(zip(users, days, strict=True))]
    write(folder / "test.csv", ["x", "user", "day", "y"], rows)
    return folder


def test_groups_of_the_datas_own_test_part_are_counted(tmp_path: Path) -> None:
    path = with_test(tmp_path, ["2025-01-01"] * 4, ["u1", "u1", "u2", "new"])
    data, test = load(path, group="user")
    assert len(data.train) + len(data.validation) == 60
    assert test.notes == (
        f"groups of 'user' that are in the test part {path / 'test.csv'} and in the training part too: 2 of 3, with 3 "
        "of 4 examples: scores say less of groups that are new",
    )


def test_groups_that_are_new_need_no_word(tmp_path: Path) -> None:
    path = with_test(tmp_path, ["2025-01-01"] * 2, ["new", "newer"])
    assert load(path, group="user")[1].notes == ()
    assert load(path, time="day")[1].notes == ()
    assert load(path, group="user", time="day")[1].notes == ()


def test_what_is_older_in_the_datas_own_test_part_is_counted(tmp_path: Path) -> None:
    path = with_test(tmp_path, ["2024-03-04", "2024-02-01", "2025-01-01"], ["u0", "u9", "new"])
    assert load(path, time="day")[1].notes == (
        f"examples of the test part {path / 'test.csv'} that are not newer by 'day' than the newest to learn from: "
        "2 of 3",
    )
    assert "of their group of 'user': 1 of 3" in load(path, group="user", time="day")[1].notes[0]


def test_times_of_a_test_part_in_another_form_are_said(tmp_path: Path) -> None:
    path = with_test(tmp_path, ["04.03.2025", "05.03.2025"], ["u0", "u9"])
    assert "'day' in another form, or not everywhere" in load(path, time="day")[1].notes[0]


def test_a_validation_part_elsewhere_is_compared_too(tmp_path: Path) -> None:
    other = write(tmp_path / "other.csv", ["x", "user", "day", "y"], [[1, "u1", 1, "a"], [2, "n", 1, "b"]])
    data, _ = load(table(tmp_path / "a.csv"), group="user", validation=str(other))
    assert any("in the validation part" in note and "1 of 2, with 1 of 2" in note for note in data.notes)


# Wrong ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"group": "usr"}, "no column 'usr' to divide by (group); did you mean 'user'?"),
        ({"time": "days"}, "no column 'days' to divide by (time); did you mean 'day'?"),
        ({"group": "y"}, "group is 'y', the column of"),
        ({"time": "y"}, "time is 'y', the column of"),
        ({"group": "day", "time": "day"}, "group and time are both 'day'"),
        ({"time_format": "%Y"}, "time names none"),
        ({"time": "day", "time_format": "%Q"}, "time_format is '%Q', and takes signs of Python's strptime"),
        ({"time": "day", "time_format": "%d %d"}, "time_format is '%d %d'"),
        ({"time": "day", "time_format": "%d.%m.%Y"}, "a.csv:2: '2024-01-01' in the column 'day' is not written as"),
        ({"time": "user"}, "a.csv:2: 'u0' in the column 'user' is no moment that is understood: numbers, 2024-01-31,"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, keys: dict[str, str], said: str) -> None:
    with pytest.raises(DataError) as error:
        load(table(tmp_path / "a.csv"), target="y", **keys)
    assert said in str(error.value)


@pytest.mark.parametrize(("cell", "said"), [("", ""), ("NA", ": 'NA' is an empty cell by data.missing")])
@pytest.mark.parametrize("key", ["user", "day"])
def test_empty_cells_are_refused_with_their_line(tmp_path: Path, key: str, cell: str, said: str) -> None:
    path = tmp_path / "a.csv"
    lines = table(path).read_text().splitlines()
    for row in (7, 9):
        cells = lines[row].split(",")
        cells[["x", "user", "day", "y"].index(key)] = cell
        lines[row] = ",".join(cells)
    path.write_text("\n".join(["# a comment", "", *lines]))
    with pytest.raises(DataError) as error:
        load(path, **{"group" if key == "user" else "time": key})
    assert str(error.value) == (
        f"{path}:10: the row has no value in the column '{key}', by which the data is divided{said}, and 1 others have "
        "none either; fill it in or take it out"
    )


def test_lines_are_counted_where_cells_have_several(tmp_path: Path) -> None:
    rows = [["two\nlines", 1, "a"], ["one", 2, "b"], ["three\nlines\nhere", 3, "a"], ["x", "soon", "b"]]
    path = write(tmp_path / "a.csv", ["text", "day", "y"], rows)
    with pytest.raises(DataError, match=r"a\.csv:8: 'soon' in the column 'day' is not written as the cells above it"):
        load(path, time="day")


def test_one_user_cannot_be_divided(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", users=["me"] * 60)
    with pytest.raises(
        DataError, match=r"no test part can be held out of .*a\.csv: all 60 examples are of one group, 'me'"
    ):
        load(path, group="user")


def test_two_users_are_too_few_for_three_parts(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", users=["me", "you"] * 30)
    with pytest.raises(DataError, match=r"no validation part can be held out of .*one group"):
        load(path, group="user")


def test_columns_without_names_are_called_by_their_number(tmp_path: Path) -> None:
    rows = [[k, USERS[k], 2000 + k, "ab"[k % 2]] for k in range(60)]
    settings = parse_data(
        {"source": "csv", "path": str(write(tmp_path / "a.csv", [], rows)), "header": False, "group": 2, "time": 3}
    )
    assert settings.arguments["group"] == "2"
    assert parse_data(settings.written_out()) == settings
    data = load_training(settings, 0, wanted=ROWS)
    assert any(note.startswith("divided by '2' and '3' (read as numbers)") for note in data.notes)


def test_without_the_keys_the_division_is_what_it_was(tmp_path: Path) -> None:
    data, test = load(table(tmp_path / "a.csv"), numeric=["x"])
    assert rows_of(test) == [0, 5, 9, 10, 21, 22, 35, 47, 50, 52, 56, 59]
    assert rows_of(data.validation) == [13, 24, 30, 31, 32, 36, 40, 43, 45, 49]
    assert data.train.inputs[:5, 0].tolist() == [54, 57, 7, 16, 8]
