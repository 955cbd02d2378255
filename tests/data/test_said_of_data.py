"""What makes scores doubtful, what is hardly seen, and what is no label is said before a search."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nas_cli.axes import only
from nas_cli.data import Reader, TrainingData, load_test, load_training, parse_data
from nas_cli.data.formats.encodings import decode
from nas_cli.data.kinds.classes import Classes, find_classes
from nas_cli.data.kinds.numbers import find_numbers
from nas_cli.data.source import Examples
from nas_cli.data.wanted import Wanted
from nas_cli.describe.starter import survey
from nas_cli.errors import DataError

CLASS, NUMBER = Wanted("table rows", "class"), Wanted("table rows", "number")
TEXT = Wanted("texts", "class")
NOISE = np.random.default_rng(0).normal(size=(400, 2)).round(4)


def load(path: Path, rows: list[list[Any]], names: str = "u,v,y", wanted: Wanted = CLASS, **more: Any) -> TrainingData:
    path.write_text("\n".join([names, *[",".join(map(str, row)) for row in rows]]) + "\n", encoding="utf-8")
    source = "text" if wanted.inputs == "texts" else "csv"
    return load_training(parse_data({"source": source, "path": str(path), **more}), 0, wanted=wanted)


def rows(count: int, label: Any) -> list[list[Any]]:
    return [[*NOISE[k].tolist(), label(k)] for k in range(count)]


def said(data: TrainingData) -> str:
    return "\n".join(data.notes)


def examples(labels: list[str]) -> Examples:
    return Examples("a.csv", np.array(labels, object), lambda rows: rows)


# Labels ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (["1", "1.0", "True", "0"], ("0", "1", "True")),
        (["1", "+1", "1.", "01"], ("01", "1")),
        ([".5", "0.5", "half"], (".5", "half")),
        (["10", "1e1", "ten"], ("10", "ten")),
        (["1_0", "10", "1,0"], ("1,0", "10", "1_0")),
        (["123456789012345678901234567890", "123456789012345678901234567891"], None),
    ],
)
def test_labels_that_are_the_same_number_are_one_class_beside_words(
    labels: list[str], names: tuple[str, ...] | None
) -> None:
    found = find_classes(examples(labels * 4))
    assert found.names == (tuple(labels) if names is None else names)
    again = [found.names[place] for place in found.encode(examples(labels))]
    assert set(again) == set(found.names)


def test_runs_from_before_keep_both_classes() -> None:
    both = ("1", "1.0", "x")
    assert Classes(both, both).encode(examples(["1.0", "1", "x"])).tolist() == [1, 0, 2]


@pytest.mark.parametrize("pair", [("Yes", "yes"), ("True", "1"), ("new york", "new  york"), ("a", "a\u200b")])
def test_categories_and_classes_that_hardly_differ_are_said(tmp_path: Path, pair: tuple[str, str]) -> None:
    data = load(tmp_path / "a.csv", [[pair[k % 3 == 0], NOISE[k, 0], pair[k % 2]] for k in range(80)])
    assert f"'{pair[1]}' are 2 classes, and hardly differ" in said(data) or "2 classes, and hardly" in said(data)
    assert "are 2 categories of 'u', and hardly differ" in said(data)
    assert "hardly differ" not in said(load(tmp_path / "b.csv", rows(80, lambda k: "ab"[k % 2])))


# Parts ----------------------------------------------------------------------------------------------------------------


def test_parts_that_are_not_what_was_asked_for_are_said(tmp_path: Path) -> None:
    data = load(tmp_path / "a.csv", rows(200, lambda k: f"c{k % 99}"))
    assert "the test part takes 99 of 200 examples, and not 0.2 of them" in said(data)
    assert "no more than 2 examples to choose by" in said(data)
    data = load(tmp_path / "b.csv", rows(200, lambda k: f"c{k % 5}"))
    assert "examples to choose by" not in said(data)
    assert "takes" not in said(data)


def test_a_validation_part_with_other_classes_and_categories(tmp_path: Path) -> None:
    lines = {"train": ("xyz", "abc"), "valid": ("XYx", "ab")}
    for part, (cells, labels) in lines.items():
        content = "".join(f"{cells[k % len(cells)]},{NOISE[k, 0]},{labels[k % len(labels)]}\n" for k in range(60))
        (tmp_path / f"{part}.csv").write_text("u,v,y\n" + content)
    data = load_training(parse_data({"source": "csv", "path": str(tmp_path)}), 0, wanted=CLASS)
    assert "no examples to choose by of c" in said(data)
    assert "valid.csv that are none of the categories learned, by column: 'u': 40 ('X' say)" in said(data)
    assert "to choose by of" not in said(load(tmp_path / "train.csv", rows(80, lambda k: "ab"[k % 2])))


@pytest.mark.parametrize("wanted", [TEXT, Wanted("sentences", "tags")])
def test_examples_that_are_learned_from_and_chosen_by_are_counted(tmp_path: Path, wanted: Wanted) -> None:
    for part, first in (("train", 0), ("dev", 10), ("test", 0)):
        texts = [f"a{k} film" for k in range(first, first + 40)]
        if wanted == TEXT:
            content = "text,label\n" + "".join(f"{text},{'pn'[k % 2]}\n" for k, text in enumerate(texts))
            (tmp_path / f"{part}.csv").write_text(content)
        else:
            (tmp_path / f"{part}.conll").write_text("\n\n".join(f"{text[:-5]} B-X\nfilm O" for text in texts))
    source = "text" if wanted == TEXT else "conll"
    data = load_training(parse_data({"source": source, "path": str(tmp_path)}), 0, wanted=wanted)
    assert f"30 of 40 {wanted.inputs} to choose by are among the {wanted.inputs} to learn from too" in said(data)


@pytest.mark.parametrize(
    ("train", "test", "fault"),
    [
        (["p", "n"], ["p", "n", ""], "has rows without a value, row 3 say, in the column 'y'"),
        (["p", "n"], ["NA"], "has no value in the column 'y'"),
        (["p", "n"], ["p", "n", "m"], "the label 'm', which the training part does not have"),
        (["1", "0"], ["?"], "has no value in the column 'y'"),
        (["1", "0"], ["1", "unknown"], "the label 'unknown'"),
        (["1", "0"], ["1.0", "0.0"], None),
        (["p", "1"], ["1.0", "p"], None),
    ],
)
def test_a_test_part_is_looked_at_by_its_first_rows(
    tmp_path: Path, train: list[str], test: list[str], fault: str | None
) -> None:
    load(tmp_path / "test.csv", rows(60, lambda k: train[k % 2]))
    content = "\n".join(["u,v,y", *[f"{u},{v},{test[k % len(test)]}" for k, (u, v) in enumerate(NOISE[:60])]])
    (tmp_path / "test.csv").write_text(content)
    (tmp_path / "train.csv").write_text(
        "\n".join(["u,v,y", *[f"{u},{v},{train[k % 2]}" for k, (u, v) in enumerate(NOISE)]])
    )
    settings = parse_data({"source": "csv", "path": str(tmp_path)})
    if fault is None:
        data = load_training(settings, 0, wanted=CLASS)
        assert len(load_test(settings, 0, data.labels, wanted=CLASS, fields=data.fields)) == 60
    else:
        with pytest.raises(DataError, match=fault):
            load_training(settings, 0, wanted=CLASS)


def test_a_test_part_of_numbers_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("u;y\n" + "".join(f"{k};{k},5\n" for k in range(60)))
    settings = parse_data({"source": "csv", "path": str(tmp_path), "decimal": ","})
    for label in ("NA", "to come"):
        (tmp_path / "test.csv").write_text("u;y\n" + f"1;2,5\n2;{label}\n")
        with pytest.raises(DataError, match="the test part cannot be evaluated"):
            load_training(settings, 0, wanted=NUMBER)
    (tmp_path / "test.csv").write_text("u;y\n1;2,5\n2;3\n")
    load_training(settings, 0, wanted=NUMBER)


# Numbers --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("odd", ["1e30", "-99999", "1e9"])
def test_a_target_that_decides_scores_alone_is_said(odd: str) -> None:
    labels = [f"{value:.3f}" for value in NOISE[:, 0]]
    assert find_numbers(examples(labels)).notes == ()
    (note,) = find_numbers(examples([*labels, odd])).notes
    assert "in row 401 lies" in note
    assert find_numbers(examples([repr(float(np.exp(3 * value))) for value in NOISE[:, 0]])).notes == ()


@pytest.mark.parametrize("form", ["\u2212{}", "-{}"])
def test_a_printed_minus_is_one(tmp_path: Path, form: str) -> None:
    cells = [form.format(abs(u)) if u < 0 else str(u) for u in NOISE[:80, 0]]
    data = load(tmp_path / "a.csv", [[cell, 0.5 * k, "ab"[k % 2]] for k, cell in enumerate(cells)])
    assert [column["name"] for column in data.encoder.state()["numbers"]] == ["u", "v"]
    assert data.encoder.state()["numbers"][0]["knots"][0] == pytest.approx(min(NOISE[:80, 0]), abs=0.6)


def test_a_printed_minus_is_one_in_targets_and_names(tmp_path: Path) -> None:
    labels = [f"{value}".replace("-", "\u2212") for value in NOISE[:80, 0]]
    assert find_numbers(examples(labels)).encode(examples(labels)) == pytest.approx(NOISE[:80, 0], abs=1e-6)
    rows = "".join(f"\u2212{k},\u2212{k + 3},{k % 2}\n" for k in range(1, 60))
    (tmp_path / "a.csv").write_text(rows, encoding="utf-8")
    assert "header: false" in survey("table-classification", tmp_path / "a.csv").text


def test_a_dot_is_an_empty_cell_and_long_cells_are_cut_in_notes(tmp_path: Path) -> None:
    cells = ["." if k % 5 == 0 else str(u) for k, u in enumerate(NOISE[:80, 0])]
    data = load(tmp_path / "a.csv", [[cell, 0.5 * k, "ab"[k % 2]] for k, cell in enumerate(cells)])
    assert only(data.inputs).shape == (3,), "two numbers, and where one is empty"
    cells[1] = "w" * 100_000
    data = load(tmp_path / "b.csv", [[cell, 0.5 * k, "ab"[k % 2]] for k, cell in enumerate(cells)])
    assert max(map(len, data.notes)) < 500


# Texts ----------------------------------------------------------------------------------------------------------------


def test_labels_that_say_elsewhere_that_there_is_none_are_said(tmp_path: Path) -> None:
    data = load(
        tmp_path / "a.csv", [[f"a film {k}", ["p", "n", "NA"][k % 3]] for k in range(60)], "text,label", wanted=TEXT
    )
    assert "classes like others: 'NA' (20)" in said(data)


def test_columns_of_texts_without_usual_names(tmp_path: Path) -> None:
    spam = "v1,v2,,,\n" + "".join(f"{['ham', 'spam'][k % 2]},this is message {k},,,\n" for k in range(60))
    (tmp_path / "spam.csv").write_text(spam)
    found = survey("text-classification", tmp_path / "spam.csv").text
    assert "text_column: v2" in found
    assert "label_column: v1" in found
    same = "".join(f"{k % 2},NO_QUERY,user{k},so this is a text {k}\n" for k in range(60))
    (tmp_path / "tweets.csv").write_text(same)
    found = survey("text-classification", tmp_path / "tweets.csv").text
    assert "label_column: '1'" in found
    assert "text_column: '4'" in found


def test_commas_in_a_file_called_tsv(tmp_path: Path) -> None:
    data = load(tmp_path / "a.tsv", [[f"a film {k}", "pn"[k % 2]] for k in range(60)], "text,label", wanted=TEXT)
    assert data.labels == ("n", "p")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
def test_lines_of_old_macs(tmp_path: Path, encoding: str) -> None:
    assert decode("a\rb\r".encode(encoding), encoding, tmp_path) == "a\nb\n"
    assert decode("a\rb\n".encode(encoding), encoding, tmp_path) == "a\rb\n"
    for name in ("pos", "neg"):
        (tmp_path / f"{name}.txt").write_bytes("\r".join(f"{name} {k}" for k in range(30)).encode(encoding))
    settings = parse_data({"source": "text", "path": str(tmp_path), "encoding": encoding})
    assert len(load_training(settings, 0, wanted=TEXT).train) == 38


def test_texts_of_two_classes_are_counted(tmp_path: Path) -> None:
    same = [["so what", "pn"[k % 2]] for k in range(30)] + [[f"film {k}", "pn"[k % 2]] for k in range(30)]
    assert "texts to learn from that are of two classes or more: 1" in said(
        load(tmp_path / "a.csv", same, "text,label", wanted=TEXT)
    )
    assert "two classes or more" not in said(load(tmp_path / "b.csv", same[30:], "text,label", wanted=TEXT))


def test_lines_of_json_are_said(tmp_path: Path) -> None:
    for name in ("pos", "neg"):
        (tmp_path / f"{name}.jsonl").write_text("".join(f'{{"text": "{name} {k}"}}\n' for k in range(30)))
    settings = parse_data({"source": "text", "path": str(tmp_path)})
    data = load_training(settings, 0, wanted=TEXT)
    assert said(data).count(".jsonl are JSON, and are read as they stand") == 2
    notes: list[str] = []
    reader = Reader(settings, data.fields, data.labels, notes.append)
    assert len(list(reader.files([tmp_path / "pos.jsonl"]))) == 30
    assert "pos.jsonl are JSON" in notes[0]


@pytest.mark.parametrize("mark", ["\t", ",", ";"])
def test_a_table_of_texts_is_known_by_its_first_line(tmp_path: Path, mark: str) -> None:
    content = (
        mark.join(("id", "text", "label"))
        + "\n"
        + "".join(f"{k}{mark}film {k}{mark}{'pn'[k % 2]}\n" for k in range(60))
    )
    (tmp_path / "a.csv").write_text(content)
    settings = parse_data({"source": "text", "path": str(tmp_path / "a.csv")})
    data = load_training(settings, 0, wanted=TEXT)
    (tmp_path / "new.txt").write_text(content)
    reader = Reader(settings, data.fields, data.labels)
    assert [one.raw[0] for one in reader.files([tmp_path / "new.txt"])] == [f"film {k}" for k in range(60)]
    for line in ("a text", "some more, text", "good film; text\nthat; text, again"):
        (tmp_path / "lines.txt").write_text(line)
        assert [one.raw[0] for one in reader.files([tmp_path / "lines.txt"])] == line.split("\n")
    (tmp_path / "lines.txt").write_text("text\nis what this is, text or not\n")
    assert [one.raw[0] for one in reader.files([tmp_path / "lines.txt"])] == ["text", "is what this is, text or not"]
