"""Sentences in columns are predicted from by the words that a tagger learns from; what columns are is found alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fields import single

from nas_cli.data import Reader, TrainingData, load_training, parse_data
from nas_cli.data.formats.tagged_lines import read_tagged
from nas_cli.data.kinds.words import fit_words
from nas_cli.data.wanted import Wanted
from nas_cli.errors import DataError

WANTED = Wanted("sentences", "tags")
LABELS = ("B-PER", "I-PER", "O")
SAID = [[("Ann", "B-PER"), ("saw", "O"), ("Bob", "B-PER")], [("She", "O"), ("left", "O")]] * 5


def predicted(path: Path, labels: tuple[str, ...] = LABELS) -> list[list[str]]:
    encoder = fit_words("sentences", [("Ann", "saw", "Rome")])
    reader = Reader(parse_data({"source": "conll", "path": "gone"}), single(encoder), labels)
    return [list(one.raw[0]) for one in reader.files([path])]


def load(path: Path, text: str, **more: Any) -> TrainingData:
    path.write_text(text)
    return load_training(parse_data({"source": "conll", "path": str(path), **more}), 0, wanted=WANTED)


def numbered(mark: str, tags: bool) -> str:
    blocks = []
    for sentence in SAID:
        rows = [[str(k), word, *([tag] if tags else [])] for k, (word, tag) in enumerate(sentence, 1)]
        blocks.append("\n".join(mark.join(row) for row in rows))
    return "\n\n".join(blocks) + "\n"


WORDS = [[word for word, _ in sentence] for sentence in SAID]
UNIVERSAL = "\n\n".join(
    "# sent_id = 1\n# text = so\n1-2\tAnnsaw"
    + "\t_" * 8
    + "\n"
    + "\n".join(f"{k}\t{word}\t_\tNOUN" + "\t_" * 6 for k, (word, _) in enumerate(sentence, 1))
    + "\n8.1\tno\t_\tX"
    + "\t_" * 6
    for sentence in SAID
)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.conll", numbered("\t", True)),
        ("a.conll", numbered(" ", True)),
        ("a.conll", numbered("\t", False)),
        ("a.conllu", UNIVERSAL),
        ("a.txt", numbered(" ", True)),
        ("a.txt", "word tag\n" + "\n\n".join("\n".join(f"{w} {t}" for w, t in s) for s in SAID)),
        ("a.conll", "Token\tNER\n" + "\n\n".join("\n".join(f"{w}\t{t}" for w, t in s) for s in SAID)),
        ("a.conll", "-DOCSTART- O\n\n# sent_id = 4\n" + "\n\n".join("\n".join(f"{w} {t}" for w, t in s) for s in SAID)),
        ("a.conll", "\n\n".join("\n".join(w for w, _ in s) for s in SAID)),
    ],
)
def test_words_are_predicted_from_and_not_their_numbers_comments_or_headers(
    tmp_path: Path, name: str, text: str
) -> None:
    (tmp_path / name).write_text(text)
    assert predicted(tmp_path / name) == WORDS


@pytest.mark.parametrize("text", [numbered("\t", True), UNIVERSAL, "form\ttag\nnew\u00a0york\tO\nAnn\tB-PER\n"])
def test_learned_and_predicted_words_are_the_same(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.conll").write_text(text)
    assert read_tagged(tmp_path / "a.conll", "utf-8", None).sentences == predicted(tmp_path / "a.conll")


def test_numbers_with_tags_are_words(tmp_path: Path) -> None:
    (tmp_path / "a.conll").write_text("1 O\n2 O\n3 B-PER\n\n1 O\n2 O\n")
    assert predicted(tmp_path / "a.conll") == [["1", "2", "3"], ["1", "2"]]


def test_a_column_of_tags_that_is_not_the_last_is_found_and_said(tmp_path: Path) -> None:
    text = "\n\n".join("\n".join(f"{w} {t} 0.{len(w)}" for w, t in s) for s in SAID)
    data = load(tmp_path / "a.conll", text)
    assert data.labels == ("B-PER", "O")
    assert any("of 3 columns the tag's is 1" in note for note in data.notes)
    with pytest.raises(DataError, match="begin with its word"):
        load(tmp_path / "a.conll", "\n\n".join("\n".join(f"{t} {w}" for w, t in s) for s in SAID))


def test_names_of_columns_are_no_word(tmp_path: Path) -> None:
    text = "Token POS\n" + "\n\n".join("\n".join(f"{w} {'NV'[t == 'O']}" for w, t in s) for s in SAID)
    data = load(tmp_path / "a.conll", text)
    assert data.labels == ("N", "V")
    assert any("'Token POS', is taken for the names of its columns" in note for note in data.notes)
    (tmp_path / "test.conll").write_text(text)
    (tmp_path / "train.conll").write_text(text)
    (tmp_path / "a.conll").unlink()
    data = load_training(parse_data({"source": "conll", "path": str(tmp_path)}), 0, wanted=WANTED)
    assert len(data.train) + len(data.validation) == 10, "the test part can be evaluated"


def test_sentences_that_are_cut_and_tags_that_hardly_differ_are_said(tmp_path: Path) -> None:
    long = "\n".join(f"w{k} {'B-Per' if k % 7 == 0 else 'B-PER' if k % 5 == 0 else 'O'}" for k in range(400))
    data = load(tmp_path / "a.conll", long, max_length=20)
    assert "into pieces: 1 sentences; no empty line divides the file" in "\n".join(data.notes)
    assert "'B-PER', 'B-Per' are 2 tags, and hardly differ" in "\n".join(data.notes)
