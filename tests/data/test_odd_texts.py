"""Texts as people have them: each gives a sound result, or a sentence that says what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nas_cli.data import Wanted, load_test, load_training, parse_data
from nas_cli.errors import DataError

WANTED = Wanted("texts", "class")
ROWS = "".join(f'"it was {"good" if k % 2 else "bad"}, {k % 9}",{"pos" if k % 2 else "neg"}\n' for k in range(80))


def load(path: Path, content: str, **settings: Any) -> Any:
    path.write_bytes(content.encode())
    return load_training(parse_data({"source": "text", "path": str(path), **settings}), 0, wanted=WANTED)


def test_a_text_that_is_empty_or_too_long_is_learned_from_and_noted(tmp_path: Path) -> None:
    more = "".join(f',pos\n"{"word " * 50}",neg\n' for _ in range(10))
    data = load(tmp_path / "a.csv", f"text,label\n{ROWS}{more}", max_length=20, validation=0.1, test=0.1)
    notes = " ".join(data.encoder.notes)
    assert "longer than max_length, so that only their first 20 words are read: " in notes
    assert "without any word: " in notes
    assert data.train.inputs.shape[2] == 20
    assert (data.train.inputs[:, 0] != 0).any(axis=1).all(), "an empty text is one unknown word"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"text,label\n{ROWS}hello,\n", "has 1 row without a label in the column 'label', the first is row 81"),
        ("text\nhello there\n", "has only the column 'text', and a text and a label column are needed"),
        ("text,label\n" + "a,pos\n" * 9, "only one class, 'pos'"),
        ("text,label\n", "has no rows below its header"),
        ("text,label\nhello, there,pos\n", r"a\.csv:2: 3 cells, and the header has 2"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        load(tmp_path / "a.csv", text)


def test_a_file_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.json is none of what can be read: a folder, a \.zip, a CSV or a TSV file"):
        load(tmp_path / "a.json", '{"text": "x", "label": "y"}')


def test_line_breaks_and_a_byte_order_mark_in_a_table_of_texts(tmp_path: Path) -> None:
    plain = load(tmp_path / "a.csv", f"text,label\n{ROWS}")
    marked = load(tmp_path / "b.csv", "\ufefftext,label\r\n" + ROWS.replace(" was ", "\nwas ").replace('\n"', '\r\n"'))
    assert np.array_equal(plain.train.inputs, marked.train.inputs)


def test_a_class_that_the_test_part_alone_has(tmp_path: Path) -> None:
    for part in ("train", "test"):
        (tmp_path / part).mkdir()
        for label in ("pos", "neg"):
            (tmp_path / part / f"{label}.txt").write_text("".join(f"{label} {k}\n" for k in range(20)))
    (tmp_path / "test" / "neutral.txt").write_text("so so\n")
    settings = parse_data({"source": "text", "path": str(tmp_path)})
    with pytest.raises(DataError, match="test has the class 'neutral', which the training part does not have"):
        load_training(settings, 0, wanted=WANTED)
    held_out = parse_data({"source": "text", "path": str(tmp_path), "test": 0.2})
    data = load_training(held_out, 0, wanted=WANTED)
    assert "is held out in its stead" in data.notes[0]
    assert len(load_test(held_out, 0, data.labels, wanted=WANTED, fields=data.fields)) == 8
