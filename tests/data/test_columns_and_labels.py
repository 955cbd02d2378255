"""What columns and labels of real tables are taken for, and what is said of those that know the answer."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nas_cli.data import Wanted, load_training, parse_data, portable
from nas_cli.data.kinds.numbers import find_numbers
from nas_cli.data.source import Examples
from nas_cli.describe.starter import survey
from nas_cli.errors import DataError

CLASS, NUMBER = Wanted("table rows", "class"), Wanted("table rows", "number")
RNG = np.random.default_rng(0)
NOISE = RNG.normal(size=(300, 3)).round(3)


def load(path: Path, columns: dict[str, Any], wanted: Wanted = CLASS, **settings: Any) -> Any:
    lines = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return load_training(parse_data({"source": "csv", "path": str(path), **settings}), 0, wanted=wanted)


def numeric(data: Any) -> list[str]:
    return [column["name"] for column in data.encoder.state()["numbers"]]


def said(data: Any) -> str:
    return "\n".join(data.notes)


LABELS = ["ab"[k % 2] for k in range(300)]
V = [k % 9 for k in range(300)]


def spoilt(odd: str, every: int = 100) -> list[Any]:
    return [odd if k % every == 3 else NOISE[k, 0] for k in range(300)]


@pytest.mark.parametrize("odd", ["#N/A", "<NA>", "inf", "-Infinity", "unknown", "*", "n/a", "1e300", "--"])
def test_a_few_cells_that_are_no_numbers_lose_no_column(tmp_path: Path, odd: str) -> None:
    data = load(tmp_path / "a.csv", {"u": spoilt(odd), "v": V, "label": LABELS})
    assert numeric(data) == ["u", "v"]
    assert portable.encode_rows(data.encoder.state(), [{"u": odd, "v": "1"}])[0, 2] == 1  # the column of its gaps
    if odd not in ("#N/A", "<NA>", "n/a"):
        assert f"'{odd}' (3)" in said(data)


@pytest.mark.parametrize("odd", ["12a", "1_00", "\u0661\u0662", "0x10"])
def test_a_column_that_is_left_out_for_one_cell_names_it(tmp_path: Path, odd: str) -> None:
    data = load(tmp_path / "a.csv", {"u": spoilt(odd), "v": V, "label": LABELS})
    assert numeric(data) == ["v"]
    assert f"297 of 300 cells are numbers, and others are not, such as '{odd}' in row 4" in said(data)


def test_codes_are_no_numbers(tmp_path: Path) -> None:
    codes = [f"{k % 40:05}" for k in range(300)]
    long = [str(10**17 + k) for k in range(300)]
    data = load(
        tmp_path / "a.csv", {"zip": codes, "card": long, "month": [f"{k % 12:02}" for k in range(300)], "label": LABELS}
    )
    assert numeric(data) == ["month"]
    assert "'zip' is read as categories: codes, since '00000' begins with 0" in said(data)
    assert "card (whole numbers of more digits than 64 bits hold)" in said(data)


@pytest.mark.parametrize(
    ("cells", "value"),
    [
        ([f"${k}.50" for k in range(300)], ("$7.50", 7.5)),
        ([f"{k} %" for k in range(300)], ("7 %", 7)),
        ([f'"${k + 1:,}.00"' if k % 2 else f'"${k * 5000:,}.00"' for k in range(300)], ("$1,000.00", 1000)),
    ],
)
def test_signs_around_numbers(tmp_path: Path, cells: list[str], value: tuple[str, float]) -> None:
    data = load(tmp_path / "a.csv", {"pay": cells, "label": LABELS})
    state = data.encoder.state()["numbers"][0]
    assert portable.as_floats([value[0]], set(), "pay", ".", state["marks"]).tolist() == [value[1]]
    assert "numbers of 'pay' are read without" in said(data)


def test_a_shuffled_index_is_left_out_and_said(tmp_path: Path) -> None:
    index = RNG.permutation(400)[:300].tolist()
    for name, called in (("", "column 1"), ("Unnamed: 0", "Unnamed: 0"), ("PassengerId", "PassengerId")):
        data = load(tmp_path / "a.csv", {name: index, "u": NOISE[:, 0], "label": LABELS})
        assert numeric(data) == ["u"]
        assert f"left out: {called} (numbers the rows)" in said(data)


def test_columns_that_know_the_answer_are_named(tmp_path: Path) -> None:
    target = np.sort(RNG.normal(size=300))
    data = load(tmp_path / "a.csv", {"when": range(5, 305), "u": NOISE[:, 0], "y": target}, NUMBER)
    assert "the column 'when' alone explains the target nearly whole (R² 0.9" in said(data)
    assert "the column 'when' orders the rows" in said(data)
    copy = {"again": ["xy"[k % 2] for k in range(300)], "u": NOISE[:, 0], "label": LABELS}
    assert "the column 'again' alone explains the target nearly whole (accuracy 1.0000)" in said(
        load(tmp_path / "b.csv", copy)
    )
    score = {"score": [k % 2 + 0.3 * abs(NOISE[k, 1]) / 4 for k in range(300)], "u": NOISE[:, 0], "label": LABELS}
    assert "'score' alone explains" in said(load(tmp_path / "c.csv", score))
    strong = {"u": NOISE[:, 0] + [k % 2 * 2 for k in range(300)], "v": V, "label": LABELS}
    assert "alone explains" not in said(load(tmp_path / "d.csv", strong))


def test_rows_that_are_in_two_parts_are_counted(tmp_path: Path) -> None:
    half = NOISE[:150, 0].tolist()
    data = load(tmp_path / "a.csv", {"u": half + half, "label": LABELS[:150] * 2})
    assert "of 48 rows to choose by are among the rows to learn from too" in said(data)
    assert "among the rows" not in said(load(tmp_path / "b.csv", {"u": NOISE[:, 0], "label": LABELS}))


# Labels ---------------------------------------------------------------------------------------------------------------


def test_labels_that_are_the_same_number_are_one_class(tmp_path: Path) -> None:
    labels = [("0", "1", "1.0")[k % 3] for k in range(300)]
    data = load(tmp_path / "a.csv", {"u": NOISE[:, 0], "label": labels})
    assert data.labels == ("0", "1")
    assert "the labels '1', '1.0' are one class, '1'" in said(data)
    codes = load(tmp_path / "b.csv", {"u": NOISE[:, 0], "label": [("01", "1", "2")[k % 3] for k in range(300)]})
    assert codes.labels == ("01", "1", "2")
    assert "'01', '1' are 2 classes, and hardly differ" in said(codes)


def test_letters_are_the_same_however_they_are_typed(tmp_path: Path) -> None:
    forms = [unicodedata.normalize(("NFC", "NFD")[k % 2], "café" if k % 3 else "thé") for k in range(300)]
    place = [unicodedata.normalize(("NFC", "NFD")[k % 2], ("Zürich", "Genève", "Bern")[k % 3]) for k in range(300)]
    columns = {unicodedata.normalize("NFD", "où"): place, "u": NOISE[:, 0], "label": forms}
    data = load(tmp_path / "a.csv", columns, categorical=["où"])
    assert data.labels == ("café", "thé")
    assert sorted(data.encoder.state()["categories"][0]["words"]) == ["Bern", "Genève", "Zürich"]
    rows = [
        {unicodedata.normalize(form, "où"): unicodedata.normalize(form, "Zürich"), "u": "1"} for form in ("NFC", "NFD")
    ]
    encoded = portable.encode_rows(data.encoder.state(), rows)
    assert encoded[0].tolist() == encoded[1].tolist()
    assert encoded[0, -1] >= portable.FIRST


def test_case_alone_is_named_and_not_merged(tmp_path: Path) -> None:
    data = load(tmp_path / "a.csv", {"u": NOISE[:, 0], "label": [("yes", "Yes", "no")[k % 3] for k in range(300)]})
    assert data.labels == ("Yes", "no", "yes")
    assert "'Yes', 'yes' are 2 classes" in said(data)


@pytest.mark.parametrize("word", ["None", "NA", "-", "null"])
def test_a_word_for_nothing_may_be_a_class(tmp_path: Path, word: str) -> None:
    labels = [(word, "EU", "AS")[k % 3] for k in range(300)]
    with pytest.raises(
        DataError, match=rf"By data.missing '{word}' \(100\) is an empty cell; if it is a class"
    ) as caught:
        load(tmp_path / "a.csv", {"u": NOISE[:, 0], "label": labels})
    assert word not in caught.value.remedy["missing"]
    found = survey("table-classification", tmp_path / "a.csv")
    assert "3 classes: " in found.what
    assert "missing: " in " ".join(found.notes)
    rare = [word if k == 7 else "ab"[k % 2] for k in range(300)]
    with pytest.raises(DataError, match="1 row without a value in the target's column") as caught:
        load(tmp_path / "a.csv", {"u": NOISE[:, 0], "label": rare})
    assert caught.value.remedy == {}


def test_one_long_label_makes_no_other_longer(tmp_path: Path) -> None:
    labels = ["yn"[k % 2] for k in range(298)] + ["x" * 100_000] * 2
    assert len(load(tmp_path / "a.csv", {"u": NOISE[:, 0], "label": labels}).labels) == 3


def test_a_class_with_most_of_the_rows_is_said_and_the_objective_counts_all(tmp_path: Path) -> None:
    data = load(tmp_path / "a.csv", {"u": NOISE[:, 0], "label": ["p" if k % 50 == 7 else "n" for k in range(300)]})
    assert "98 % of the examples are of the class 'n': an answer that is always 'n' has an accuracy of 0.98" in said(
        data
    )
    assert "maximize: macro_f1" in survey("table-classification", tmp_path / "a.csv").text
    load(tmp_path / "b.csv", {"u": NOISE[:, 0], "label": LABELS})
    assert "maximize: accuracy" in survey("table-classification", tmp_path / "b.csv").text


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        ([f"{k}e300" for k in range(40)], "beyond the numbers of 32 bits"),
        ([f"{k}e38" for k in range(40)], "beyond the numbers of 32 bits"),
        ([str(10**18 + 100 * k) for k in range(40)], "64 bits are 128 apart there: subtract"),
        (["5"] * 40, "there is nothing to learn"),
        (["1_0"] * 40, "target '1_0', which is no number"),
        (["inf"] * 40, "target 'inf', which is no number"),
    ],
)
def test_targets_that_networks_cannot_compute_with(targets: list[str], words: str) -> None:
    with pytest.raises(DataError, match=words):
        find_numbers(Examples("a.csv", np.array(targets, object), lambda rows: rows))


@pytest.mark.parametrize(("low", "step"), [(1.7e9, 0.5), (1.7e9, 900.0), (-4e12, 1000.0), (1.0, 1e-9)])
def test_targets_far_from_zero_are_learned_from_where_they_lie(low: float, step: float) -> None:
    values = low + step * np.arange(96)
    examples = Examples("a.csv", np.array([repr(float(value)) for value in values], object), lambda rows: rows)
    found = find_numbers(examples)
    assert found.facts["target_mean"] == 0.0
    kept = found.encode(examples).astype(np.float64) + found.facts["target_origin"]
    assert kept == pytest.approx(values, rel=0, abs=1e-4 * step)
    assert find_numbers(examples, 0.0).facts["target_mean"] == pytest.approx(values.mean()), "of a run from before"


def test_targets_that_32_bits_hold_are_learned_as_they_are() -> None:
    examples = Examples("a.csv", np.arange(96) + 1000, lambda rows: rows)
    assert find_numbers(examples).facts.keys() == {"target_mean", "target_deviation"}
    assert find_numbers(examples).encode(examples).tolist() == examples.labels.tolist()


# Parts ----------------------------------------------------------------------------------------------------------------


def test_parts_are_whole_words_of_names_and_are_said(tmp_path: Path) -> None:
    text = "u,label\n" + "".join(f"{NOISE[k, 0]},{LABELS[k]}\n" for k in range(300))
    for name in ("Train.csv", "latest.csv", "evaluation.csv", "contrast.csv", "my-dev.csv"):
        (tmp_path / name).write_text(text)
    data = load_training(parse_data({"source": "csv", "path": str(tmp_path)}), 0, wanted=CLASS)
    assert len(data.validation) == 300
    assert "Train.csv to learn from, my-dev.csv to choose by" in said(data)
    assert "contrast.csv, evaluation.csv, latest.csv" in said(data)
    (tmp_path / "train_2.csv").write_text(text)
    with pytest.raises(DataError, match=r"several files for train: Train\.csv, train_2\.csv; name one"):
        load_training(parse_data({"source": "csv", "path": str(tmp_path)}), 0, wanted=CLASS)
