"""What every source keeps to whose examples an encoder makes inputs of: words of sentences, texts, rows of tables."""

from __future__ import annotations

import gzip
import importlib.util
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nas_cli.axes import only
from nas_cli.data import ENCODERS, SOURCES, Wanted, load_test, load_training, parse_data, portable
from nas_cli.errors import DataError

COUNT = 90
WANTED = {
    "conll": Wanted("sentences", "tags"),
    "csv": Wanted("table rows", "class"),
    "text": Wanted("texts", "class"),
}
EACH = pytest.mark.parametrize("source", list(WANTED))


def write_conll(folder: Path, part: str, numbers: range) -> None:
    rows = []
    for number in numbers:
        rows += [
            f"word{number}\tB-PER",
            f"is{number % 7}\tO",
            f"here{number % 3}\t{'B-LOC' if number % 2 else 'O'}",
            "",
        ]
    (folder / f"{part}.conll").write_text("\n".join(rows))


def write_csv(folder: Path, part: str, numbers: range) -> None:
    lines = ["size,colour,weight,label"]
    lines += [
        f"{number},{'red' if number % 4 else 'blue'},{number % 9},{'yes' if number % 3 else 'no'}" for number in numbers
    ]
    (folder / f"{part}.csv").write_text("\n".join(lines) + "\n")


def write_text(folder: Path, part: str, numbers: range) -> None:
    (folder / part).mkdir()
    for label in ("good", "bad"):
        lines = [f"film {number} was {label}" for number in numbers if (number % 2 == 0) == (label == "good")]
        (folder / part / f"{label}.txt").write_text("\n".join(lines) + "\n")


WRITE = {"conll": write_conll, "csv": write_csv, "text": write_text}


def make(source: str, folder: Path, divided: bool) -> dict[str, Any]:
    """The `data:` section of made-up data; every example is there once."""
    folder.mkdir()
    if divided:
        WRITE[source](folder, "train", range(60))
        WRITE[source](folder, "test", range(60, COUNT))
        return {"source": source, "path": str(folder)}
    WRITE[source](folder, "train", range(COUNT))
    return {"source": source, "path": str(folder / "train" if source == "text" else folder)}


def counted(*parts: Any) -> Counter[bytes]:
    """Inputs without the padding, which differs by part."""
    found: Counter[bytes] = Counter()
    for part in parts:
        for example in part.inputs:
            trimmed = example[:, : int((example[0] != 0).sum())] if example.ndim == 2 else example
            found[np.ascontiguousarray(trimmed).tobytes()] += 1
    return found


def test_every_source_is_held_to_one_suite() -> None:
    assert {*WANTED, "digits", "idx", "image-folder", "image-masks", "image-table", "npz"} == set(SOURCES)


@EACH
@pytest.mark.parametrize("divided", [False, True], ids=["whole", "divided"])
def test_every_example_is_in_one_part(source: str, tmp_path: Path, divided: bool) -> None:
    settings, wanted = parse_data(make(source, tmp_path / "data", divided)), WANTED[source]
    data = load_training(settings, 3, wanted=wanted)
    test = load_test(settings, 3, data.labels, wanted=wanted, fields=data.fields)
    assert len(data.train) + len(data.validation) + len(test) == COUNT
    assert data.train.inputs.dtype == data.encoder.axes.dtype
    assert data.train.inputs.ndim == 1 + len(only(data.inputs).shape)
    again = data.encoder.encode(settings.open().train.read(np.arange(5)))
    assert again.shape[0] == 5
    if divided:
        assert len(test) == 30
    else:
        assert len(test) == pytest.approx(18, abs=3)


@EACH
def test_the_seed_decides_the_split(source: str, tmp_path: Path) -> None:
    settings = parse_data(make(source, tmp_path / "data", False))
    first, again, other = (load_training(settings, seed, wanted=WANTED[source]) for seed in (1, 1, 2))
    assert np.array_equal(first.train.inputs, again.train.inputs)
    assert np.array_equal(first.validation.targets, again.validation.targets)
    assert not np.array_equal(first.train.inputs[:20], other.train.inputs[:20])


@EACH
def test_training_reads_no_more_of_the_test_part_than_its_first_example(source: str, tmp_path: Path) -> None:
    settings = parse_data(make(source, tmp_path / "data", True))
    before = load_training(settings, 0, wanted=WANTED[source])
    for file in (tmp_path / "data").rglob("*"):
        if file.is_file() and "test" in str(file.relative_to(tmp_path / "data")):
            head = b"".join(file.read_bytes().splitlines(keepends=True)[:2])  # tells whether it can be evaluated
            file.write_bytes(head + b"\xff\xfe broken\n" * 99)
    after = load_training(settings, 0, wanted=WANTED[source])
    assert np.array_equal(before.train.inputs, after.train.inputs)
    with pytest.raises(DataError, match="test"):
        load_test(settings, 0, wanted=WANTED[source], fields=before.fields)


@EACH
def test_the_encoder_is_fitted_on_the_training_part_alone(source: str, tmp_path: Path) -> None:
    """What only the validation part has is unknown, as it will be in what comes later."""
    data = load_training(parse_data(make(source, tmp_path / "data", False)), 0, wanted=WANTED[source])
    again = type(data.encoder)
    assert isinstance(data.encoder, again)
    if data.train.inputs.ndim == 3:
        assert portable.UNKNOWN not in data.train.inputs[:, 0] or source == "text"
        assert portable.UNKNOWN in data.validation.inputs[:, 0]


@EACH
def test_an_encoder_and_its_state_encode_alike(source: str, tmp_path: Path) -> None:
    settings = parse_data(make(source, tmp_path / "data", False))
    data = load_training(settings, 0, wanted=WANTED[source])
    state = json.loads(json.dumps(data.encoder.state()))
    restored = ENCODERS[state["kind"]](state)
    raw = settings.open().train.read(np.arange(7))
    assert np.array_equal(restored.encode(raw), data.encoder.encode(raw))
    assert restored.axes == data.encoder.axes
    assert restored.facts == data.encoder.facts
    assert restored.state() == data.encoder.state()


@EACH
def test_the_exported_code_encodes_alike(source: str, tmp_path: Path) -> None:
    """`nas export` puts a copy of `portable` beside the network: it needs nothing of nas."""
    settings = parse_data(make(source, tmp_path / "data", False))
    data = load_training(settings, 0, wanted=WANTED[source])
    assert portable.__file__ is not None
    spec = importlib.util.spec_from_file_location("preprocess", portable.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert "nas_cli" not in Path(portable.__file__).read_text()
    raw = settings.open().train.read(np.arange(7))
    examples = raw.tolist()
    if source == "csv":
        examples = [dict(zip(data.encoder.state()["header"], row, strict=True)) for row in raw]
    assert np.array_equal(module.encode(data.encoder.state(), examples), data.encoder.encode(raw))


@EACH
def test_the_settings_read_back(source: str, tmp_path: Path) -> None:
    settings = parse_data({**make(source, tmp_path / "data", False), "validation": 0.3})
    written = settings.written_out()
    assert Path(written["path"]).is_absolute()
    assert parse_data(written).written_out() == written


@EACH
def test_a_missing_or_empty_path_is_named(source: str, tmp_path: Path) -> None:
    wanted = WANTED[source]
    with pytest.raises(DataError, match=r"there is no (file|folder).*nowhere"):
        load_training(parse_data({"source": source, "path": str(tmp_path / "nowhere")}), 0, wanted=wanted)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty"):
        load_training(parse_data({"source": source, "path": str(tmp_path / "empty")}), 0, wanted=wanted)
    (tmp_path / "file.csv").touch()
    with pytest.raises(DataError, match=r"file\.csv"):
        load_training(parse_data({"source": source, "path": str(tmp_path / "file.csv")}), 0, wanted=wanted)


@EACH
def test_a_task_for_other_data_is_refused(source: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"source {source} gives .*learns from images"):
        load_training(parse_data(make(source, tmp_path / "data", False)), 0)


@EACH
def test_wrong_bytes_are_named_by_file_and_line(source: str, tmp_path: Path) -> None:
    section = make(source, tmp_path / "data", False)
    file = next(file for file in sorted((tmp_path / "data").rglob("*")) if file.is_file())
    file.write_bytes(file.read_bytes() + b"caf\xe9,1,2,3\n")
    with pytest.raises(DataError, match=rf"{file.name}:\d+: byte 0xe9 is no utf-8"):
        load_training(parse_data(section), 0, wanted=WANTED[source])


# Sentences ------------------------------------------------------------------------------------------------------------


def tagged(tmp_path: Path, text: str, **settings: Any) -> Any:
    (tmp_path / "train.txt").write_text(text)
    return load_training(
        parse_data({"source": "conll", "path": str(tmp_path / "train.txt"), **settings}), 0, wanted=WANTED["conll"]
    )


@pytest.mark.parametrize(
    ("given", "unified"),
    [
        ("I-PER I-PER O I-LOC", "B-PER I-PER O B-LOC"),  # IOB1
        ("I-PER B-PER O", "B-PER B-PER O"),
        ("B-PER E-PER S-LOC O", "B-PER I-PER B-LOC O"),  # BIOES
        ("S-PER S-PER I-LOC E-LOC", "B-PER B-PER B-LOC I-LOC"),
        ("B-PER I-PER I-LOC O", "B-PER I-PER B-LOC O"),
    ],
)
def test_tags_of_any_scheme_become_iob2(given: str, unified: str) -> None:
    from nas_cli.data.sources.conll import to_iob2

    assert to_iob2(given.split()) == unified.split()


def test_columns_by_spaces_document_marks_and_a_byte_order_mark(tmp_path: Path) -> None:
    text = "\ufeff-DOCSTART- -X- -X- O\n\nEU NNP B-NP B-ORG\nrejects VBZ B-VP O\n\n\nPeter NNP B-NP B-PER\n"
    data = tagged(tmp_path, text * 4)
    assert data.labels == ("B-ORG", "B-PER", "O")
    assert len(data.train) + len(data.validation) < 8
    assert data.facts["places"] == 2


def test_parts_of_speech_are_tags_too(tmp_path: Path) -> None:
    data = tagged(tmp_path, "Dogs NOUN\nbark VERB\n\n" * 10)
    assert data.labels == ("NOUN", "VERB")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("EU B-ORG\nis O\n\nalone\n", r"train\.txt:4: one column, 'alone'"),
        ("EU NNP B-ORG\nis O\n", r"train\.txt:2: 2 columns, and the lines before have 3"),
        ("EU B-ORG\nis B_LOC\n", r"train\.txt:2: 'B_LOC' is no tag"),
        ("EU O\nis O\n", "only one tag, 'O'"),
        ("\n\n", "has no sentences"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        tagged(tmp_path, text)


def test_a_sentence_that_is_too_long_is_cut_into_pieces(tmp_path: Path) -> None:
    long = "".join(f"w{k} {'B-PER' if k % 2 else 'O'}\n" for k in range(25))
    data = tagged(tmp_path, f"{long}\n" * 4, max_length=10, test=0.25)
    assert data.train.inputs.shape[2] == 10
    sizes = sorted({int((row[0] != 0).sum()) for row in data.train.inputs})
    assert sizes == [5, 10]
    assert data.train.targets.shape == data.train.inputs[:, 0].shape


def test_a_tag_that_the_test_part_alone_has(tmp_path: Path) -> None:
    (tmp_path / "train.conll").write_text("Ann B-PER\nis O\n\n" * 10)
    (tmp_path / "test.conll").write_text("Oslo B-LOC\nis O\n\n")
    settings = parse_data({"source": "conll", "path": str(tmp_path)})
    data = load_training(settings, 0, wanted=WANTED["conll"])
    test = load_test(settings, 0, data.labels, wanted=WANTED["conll"], fields=data.fields)
    assert test.others == ("B-LOC",)
    assert test.targets.tolist() == [[2, 1]]


# Tables ---------------------------------------------------------------------------------------------------------------


def table(tmp_path: Path, text: str, learned: Any = "class", **settings: Any) -> Any:
    (tmp_path / "rows.csv").write_text(text)
    wanted = Wanted("table rows", learned)
    return load_training(
        parse_data({"source": "csv", "path": str(tmp_path / "rows.csv"), **settings}), 0, wanted=wanted
    )


MIXED = "name;age;city;same;label\n" + "".join(
    f'"Lee, {k}";{k if k % 5 else "?"};{"Rome" if k % 3 else "Oslo"};1;{"yes" if k % 2 else "no"}\n' for k in range(100)
)


def test_columns_are_told_apart(tmp_path: Path) -> None:
    data = table(tmp_path, MIXED)
    state = data.encoder.state()
    assert [column["name"] for column in state["numbers"]] == ["age"]
    assert state["numbers"][0]["gaps"]
    assert [column["name"] for column in state["categories"]] == ["city"]
    assert only(data.inputs).shape == (3,)
    assert data.facts["categories"] == [4]
    notes = " ".join(data.encoder.notes)
    assert "name (" in notes
    assert "same (constant)" in notes
    assert "target: label" in notes


def test_roles_by_the_spec(tmp_path: Path) -> None:
    data = table(tmp_path, MIXED, categorical=["age"], ignore=["city"], missing=["-"])
    state = data.encoder.state()
    assert [column["name"] for column in state["categories"]] == ["age"]
    assert state["numbers"] == []


def test_quantiles_are_scikit_learns(tmp_path: Path) -> None:
    from sklearn.preprocessing import QuantileTransformer

    from nas_cli.data.kinds.row import fit_number

    rng = np.random.default_rng(0)
    values = np.exp(rng.normal(size=3000))
    column = fit_number("x", values, "quantile")
    found = portable._interpolate(values, column["knots"], column["values"])
    reference = QuantileTransformer(n_quantiles=256, output_distribution="normal").fit(values[:, None])
    inner = (values > np.quantile(values, 0.01)) & (values < np.quantile(values, 0.99))
    assert np.abs(found - reference.transform(values[:, None])[:, 0])[inner].max() < 0.02
    standard = fit_number("x", values, "standard")
    scaled = portable._interpolate(values, standard["knots"], standard["values"])
    assert (scaled.mean(), scaled.std()) == pytest.approx((0.0, 1.0), abs=1e-9)


def test_unseen_categories_empty_cells_and_new_extremes(tmp_path: Path) -> None:
    data = table(tmp_path, MIXED)
    raw = np.array([["x", "9999", "Paris", "1", ""], ["x", "?", "", "1", ""]], object)
    far, empty = data.encoder.encode(raw)
    assert far[2] == 0
    assert empty[2] == portable.MISSING
    assert (far[1], empty[1]) == (0, 1)
    assert abs(far[0]) < 4


@pytest.mark.parametrize(
    ("text", "settings", "words"),
    [
        ("a,b\n1,2\n3\n", {}, r"rows\.csv:3: 1 cell, and the header has 2"),
        ("a,b\n1,2\n", {"target": "c"}, r"has no column 'c' to learn"),
        ("a,b\n1,2\n", {"numeric": ["ab"]}, r"has no column 'ab'"),
        ("a,a\n1,2\n", {}, "two columns are called 'a'"),
        ("a,b\n", {}, "has no rows"),
        ("a,b\n" + "1,x\n1,y\n" * 10, {}, r"no column is left to learn 'b' from: a \(constant\)"),
        ("a,b\n" + "x,1\n2,0\n" * 10, {"numeric": ["a"]}, "column 'a' is numeric and has the cell 'x'"),
        ("a,b\n" + "1,x\n2,\n" * 10, {}, "10 rows without a value in the target's column 'b', the first is row 2"),
    ],
)
def test_a_wrong_table_is_named(tmp_path: Path, text: str, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(DataError, match=words):
        table(tmp_path, text, **settings)


def test_numbers_to_learn(tmp_path: Path) -> None:
    rows = "".join(f"{k},{2 * k + 1}\n" for k in range(50))
    data = table(tmp_path, f"a,b\n{rows}", learned="number")
    assert data.train.targets.dtype == np.float32
    assert data.labels == ()
    assert data.facts["target_mean"] == pytest.approx(50, abs=1)
    with pytest.raises(DataError, match="target 'x', which is no number"):
        table(tmp_path, f"a,b\n{rows}1,x\n", learned="number")
    with pytest.raises(DataError, match=r"every target .* is 1"):
        table(tmp_path, "a,b\n" + "3,1\n4,1\n" * 9, learned="number")


def test_gzipped_tables_without_a_header(tmp_path: Path) -> None:
    rows = "".join(f"{k}\t{k % 4}\t{'u' if k % 2 else 'v'}\n" for k in range(60))
    (tmp_path / "train.tsv.gz").write_bytes(gzip.compress(rows.encode()))
    section = {"source": "csv", "path": str(tmp_path), "header": False}
    data = load_training(parse_data(section), 0, wanted=WANTED["csv"])
    assert data.labels == ("u", "v")
    (tmp_path / "new.tsv").write_text("5\t1\n")
    ((name, raw),) = data.encoder.read([str(tmp_path / "new.tsv")])
    assert name.endswith("row 1")
    assert data.encoder.encode(raw).shape == (1, 2)


# Texts ----------------------------------------------------------------------------------------------------------------


def load_texts(path: Path, **settings: Any) -> Any:
    return load_training(parse_data({"source": "text", "path": str(path), **settings}), 0, wanted=WANTED["text"])


def test_a_file_a_class_by_its_ending(tmp_path: Path) -> None:
    for label in ("pos", "neg"):
        (tmp_path / f"rt-polarity.{label}").write_bytes(
            "".join(f"un caf\xe9 {label} {k}\n" for k in range(20)).encode("latin-1")
        )
    (tmp_path / "README.txt").write_text("not a class")
    data = load_texts(tmp_path, encoding="latin-1")
    assert data.labels == ("neg", "pos")
    with pytest.raises(DataError, match="say encoding: latin-1"):
        load_texts(tmp_path)


def test_a_folder_a_class_and_a_zip(tmp_path: Path) -> None:
    import shutil

    for label in ("good", "bad"):
        (tmp_path / "reviews" / label).mkdir(parents=True)
        for k in range(12):
            (tmp_path / "reviews" / label / f"{k}.txt").write_text(f"this was {label}\nand long {k}")
    shutil.make_archive(str(tmp_path / "reviews"), "zip", tmp_path, "reviews")
    folder, archive = load_texts(tmp_path / "reviews"), load_texts(tmp_path / "reviews.zip")
    assert folder.labels == archive.labels == ("bad", "good")
    assert np.array_equal(folder.train.inputs, archive.train.inputs)


def test_a_table_of_texts(tmp_path: Path) -> None:
    rows = "".join(f'"well, number {k}",{"a" if k % 2 else "b"}\n' for k in range(40))
    (tmp_path / "texts.csv").write_text(f"review,stars\n{rows}")
    with pytest.raises(DataError, match="columns review, stars: say which is the label"):
        load_texts(tmp_path / "texts.csv")
    assert load_texts(tmp_path / "texts.csv", label_column="stars").labels == ("a", "b")
    with pytest.raises(DataError, match="has no column 'star'; did you mean 'stars'"):
        load_texts(tmp_path / "texts.csv", label_column="star")


@pytest.mark.parametrize("tokenizer", ["word", "character", "bpe"])
def test_every_tokenizer(tmp_path: Path, tokenizer: str) -> None:
    if tokenizer == "bpe":
        pytest.importorskip("tokenizers")
    section = make("text", tmp_path / "data", False)
    data = load_texts(Path(section["path"]), tokenizer=tokenizer, max_length=12)
    assert data.train.inputs.shape[2] <= 12
    raw = np.array(["film 3 was good", "", "ζωή " * 50], object)
    encoded = data.encoder.encode(raw)
    assert (encoded[1, 0] != 0).sum() == 1, "an empty text is one unknown word"
    assert encoded.shape[2] == 12
    restored = ENCODERS["texts"](json.loads(json.dumps(data.encoder.state())))
    assert np.array_equal(restored.encode(raw), encoded)


def test_an_empty_text_is_not_predicted(tmp_path: Path) -> None:
    data = load_texts(Path(make("text", tmp_path / "data", False)["path"]))
    with pytest.raises(DataError, match="an empty text"):
        data.encoder.read(["  "])
    (tmp_path / "two.txt").write_text("one text\n\nanother one\n")
    assert [name for name, _ in data.encoder.read([str(tmp_path / "two.txt"), "a third"])] == [
        "one text",
        "another one",
        "a third",
    ]
