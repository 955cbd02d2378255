"""What is to be predicted is read as the data was that was learned from, whatever lies in the file beside it."""

from __future__ import annotations

import gzip
import io
import os
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fields import images, single
from PIL import Image

from nas_cli.data import Asked, Reader, parse_data
from nas_cli.data.formats import pieces
from nas_cli.data.kinds.words import fit_words
from nas_cli.errors import DataError

TABLE = "Id,age,town,label\n" + "".join(f"{900 + k},{20 + k % 30},{'OR'[k % 2]},{'xy'[k % 2]}\n" for k in range(60))


def table_reader(folder: Path, text: str = TABLE, **settings: Any) -> Reader:
    (folder / "train.csv").write_text(text)
    data = parse_data({"source": "csv", "path": str(folder / "train.csv"), **settings})
    dataset = data.open()
    assert dataset.fit is not None
    return Reader(data, single(dataset.fit(dataset.train.read(np.arange(len(dataset.train.labels))))))


def text_reader(say: Any = lambda text: None, documents: bool = False, **settings: Any) -> Reader:
    encoder = fit_words("texts", ["a great film", "a bad film"])
    content = {**encoder.content, "documents": documents}
    data = parse_data({"source": "text", "path": "gone", **settings})
    return Reader(data, single(type(encoder)(content)), ("neg", "pos"), say)


def sentence_reader(**settings: Any) -> Reader:
    encoder = fit_words("sentences", [("Ann", "saw", "Rome")])
    return Reader(parse_data({"source": "conll", "path": "gone", **settings}), single(encoder), ("B-PER", "I-PER", "O"))


def image_reader() -> Reader:
    return Reader(parse_data({"source": "digits"}), images(4), ("0", "1"))


def read(reader: Reader, *paths: Path) -> list[Asked]:
    return list(reader.files(paths))


def texts(found: list[Asked]) -> list[Any]:
    return [one.raw[0] for one in found]


def test_tables_give_rows_ids_and_no_target(tmp_path: Path) -> None:
    reader = table_reader(tmp_path, ignore=["Id"])
    (tmp_path / "other.csv").write_text("town,age\nO,44\n")
    assert read(reader, tmp_path / "other.csv")[0].where == {
        "input": f"{tmp_path}/other.csv, row 1",
        "file": f"{tmp_path}/other.csv",
        "row": 1,
    }
    (tmp_path / "new.csv").write_text("town,age,Id\nO,44,17\nR,?,18\n")
    found = read(reader, tmp_path / "new.csv")
    assert [(one.where["row"], one.where["id"]) for one in found] == [(1, "17"), (2, "18")]
    assert found[0].where["input"] == f"{tmp_path}/new.csv, row 1"
    assert found[0].raw.tolist() == [["17", "44", "O", ""]]
    labelled = read(reader, tmp_path / "train.csv")
    assert len(labelled) == 60
    assert np.array_equal(
        reader.fields.encoder.encode(labelled[0].raw), reader.fields.encoder.encode(np.array([["", "20", "O", ""]]))
    )


@pytest.mark.parametrize("packed", [False, True])
def test_a_large_table_is_read_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packed: bool) -> None:
    reader = table_reader(tmp_path)
    text = "age,town,label,Id\n" + "".join(f'{k},"O\nR",x,{k}\n' for k in range(95))
    file = tmp_path / ("new.csv.gz" if packed else "new.csv")
    file.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    whole = read(reader, file)
    monkeypatch.setattr(pieces, "AT_ONCE", 10)
    monkeypatch.setattr(pieces, "PIECE", 10)
    found = read(reader, file)
    assert [one.where for one in found] == [one.where for one in whole]
    assert [one.raw.tolist() for one in found] == [one.raw.tolist() for one in whole]
    assert found[94].where["row"] == 95
    (tmp_path / "bad.csv").write_text(text + "1,2\n")
    with pytest.raises(DataError, match=r"bad\.csv"):
        read(reader, tmp_path / "bad.csv")


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    reader = table_reader(tmp_path)
    peaks = []
    for rows in (20_000, 60_000):
        with gzip.open(tmp_path / "new.csv.gz", "wt") as file:
            file.write("age,town,label,Id\n")
            file.writelines(f"{k},O,x,{k}\n" for k in range(rows))
        tracemalloc.start()
        assert sum(1 for _ in reader.files([tmp_path / "new.csv.gz"])) == rows
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".csv.gz"])
def test_tables_of_texts(tmp_path: Path, ending: str) -> None:
    mark = "\t" if ending == ".tsv" else ","
    rows = [["id", "Text", "label"], ["a1", '"a great film, indeed"', "pos"], ["a2", '"a bad film,\nalas"', ""]]
    text = "\n".join(mark.join(row) for row in rows) + "\n"
    file = tmp_path / f"new{ending}"
    file.write_bytes(gzip.compress(text.encode()) if ending.endswith(".gz") else text.encode())
    found = read(text_reader(), file)
    assert texts(found) == ["a great film, indeed", "a bad film,\nalas"]
    assert [one.where["id"] for one in found] == ["a1", "a2"]
    assert texts(read(text_reader(text_column="label"), file)) == ["pos", ""]
    wide = tmp_path / "wide.csv"
    wide.write_text(text.replace("\t", ","), encoding="utf-16-le")
    assert texts(read(text_reader(), wide)) == texts(found)
    with pytest.raises(DataError, match="no column of texts"):
        read(text_reader(text_column="words"), file)


def test_lines_and_documents(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\n\n two \r\n")
    assert texts(read(text_reader(), tmp_path / "a.txt")) == ["one", "two"]
    assert [one.where["row"] for one in read(text_reader(), tmp_path / "a.txt")] == [1, 3]
    (found,) = read(text_reader(documents=True), tmp_path / "a.txt")
    assert found.raw[0] == "one\n\n two"
    assert found.where == {"input": f"{tmp_path}/a.txt", "file": f"{tmp_path}/a.txt"}


def test_folders_and_zips_are_read_through(tmp_path: Path) -> None:
    notes: list[str] = []
    folder = tmp_path / "docs"
    (folder / "pos" / "deep").mkdir(parents=True)
    (folder / "pos" / "1.txt").write_text("one\nmore")
    (folder / "pos" / "deep" / "2.txt").write_text("two")
    (folder / "neg.txt").write_text("three")
    (folder / ".DS_Store").write_bytes(b"\0\0")
    (folder / "picture.png").write_bytes(b"\x89PNG")
    os.symlink(folder, folder / "pos" / "round")
    with zipfile.ZipFile(tmp_path / "docs.zip", "w") as archive:
        for name in ("neg.txt", "picture.png", "pos/1.txt", "pos/deep/2.txt"):
            archive.write(folder / name, name)
        archive.writestr("__MACOSX/._1.txt", b"\0")
    for place in (folder, tmp_path / "docs.zip"):
        found = read(text_reader(notes.append, documents=True), place)
        assert sorted(texts(found)) == ["one\nmore", "three", "two"]
        names = sorted(one.where["file"] for one in found)
        assert names == [f"{place}/neg.txt", f"{place}/pos/1.txt", f"{place}/pos/deep/2.txt"]
        assert "picture.png" in notes.pop()
    with pytest.raises(DataError, match="no file of table"):
        read(table_reader(tmp_path), folder)
    (tmp_path / "docs.zip").write_bytes((tmp_path / "docs.zip").read_bytes()[:-30])
    with pytest.raises(DataError, match="docs"):
        read(image_reader(), tmp_path / "docs.zip")


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("new.conll", "Ann B-PER\nsaw O\n\nBob B-PER\n", [("Ann", "saw"), ("Bob",)]),
        ("new.txt", "-DOCSTART- O\n\nAnn B-PER\nsaw O\n\nBob B-PER", [("Ann", "saw"), ("Bob",)]),
        ("new.txt", "Ann\tNNP\tB-LOC\nsaw\tV\tO\n\n\n\nBob\tNNP\tO\n", [("Ann", "saw"), ("Bob",)]),
        ("new.txt", "Ann\nsaw\n\nBob\n", [("Ann", "saw"), ("Bob",)]),
        ("new.txt", "Ann saw Rome.\nBob saw it\n", [("Ann", "saw", "Rome", "."), ("Bob", "saw", "it")]),
        ("new.txt", "Ann saw\nBob left\n", [("Ann", "saw"), ("Bob", "left")]),
        ("new.bio", "Ann\nsaw\n", [("Ann", "saw")]),
    ],
)
def test_sentences_in_columns_and_in_lines(tmp_path: Path, name: str, text: str, wanted: Any) -> None:
    for packed in (False, True):
        file = tmp_path / (f"{name}.gz" if packed else name)
        file.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
        assert texts(read(sentence_reader(), file)) == wanted


def test_pictures_and_arrays(tmp_path: Path) -> None:
    pixels = np.arange(48, dtype=np.uint8).reshape(3, 4, 4)
    np.save(tmp_path / "a.npy", pixels)
    np.savez(tmp_path / "b.npz", x=pixels[:1])
    (tmp_path / "notes.txt").write_text("no picture")
    found = read(image_reader(), tmp_path)
    assert [one.where["input"] for one in found] == [*(f"{tmp_path}/a.npy[{k}]" for k in range(3)), f"{tmp_path}/b.npz"]
    assert [one.where.get("row") for one in found] == [0, 1, 2, None]
    assert all(np.array_equal(one.raw[0, 0], pixels[k % 3]) for k, one in enumerate(found))
    raw = io.BytesIO((tmp_path / "a.npy").read_bytes())
    assert [one.where["input"] for one in image_reader().stream(raw)] == ["-[0]", "-[1]", "-[2]"]


def test_standard_input_is_told_by_what_it_holds(tmp_path: Path) -> None:
    assert texts(list(text_reader().stream(io.BytesIO(b"one\ntwo\n")))) == ["one", "two"]
    assert texts(list(text_reader().stream(io.BytesIO(b'id,text\n1,"one, two"\n')))) == ["one, two"]
    assert texts(list(text_reader(documents=True).stream(io.BytesIO(b"one\ntwo\n")))) == ["one\ntwo"]
    assert texts(list(sentence_reader().stream(io.BytesIO(b"Ann O\nsaw O\n\n")))) == [("Ann", "saw")]
    (found,) = table_reader(tmp_path).stream(io.BytesIO(b"age,town,Id\n44,O,\n"))
    assert found.where == {"input": "-, row 1", "file": "-", "row": 1}
    with pytest.raises(DataError, match="nothing on standard input"):
        list(text_reader().stream(io.BytesIO(b"")))
    with pytest.raises(DataError, match="- has no column"):
        list(table_reader(tmp_path).stream(io.BytesIO(b"age\n44\n")))


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    for name, content in (
        ("empty.txt", b""),
        ("bytes.txt", b"ok\n\xff\xfe\xfa"),
        ("cut.csv.gz", gzip.compress(b"text\na" * 99)[:20]),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=name.replace(".", r"\.")):
            read(text_reader(), tmp_path / name)
    assert texts(read(text_reader(encoding="latin-1"), tmp_path / "bytes.txt")) == ["ok", "ÿþú"]
    with pytest.raises(DataError, match="an empty text"):
        list(text_reader().texts(["good", " "]))


def test_folders_are_read_as_those_to_learn_from_are(tmp_path: Path) -> None:
    notes: list[str] = []
    folder, elsewhere = tmp_path / "docs", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    (elsewhere / "linked.txt").write_text("linked")
    (folder / "a.txt").write_text("first")
    (folder / "empty.txt").write_text("")
    for name in ("Thumbs.db", "desktop.ini", "~$a.docx"):
        (folder / name).write_text("junk")
    os.mkfifo(folder / "pipe")
    os.symlink(elsewhere, folder / "more")
    os.symlink(tmp_path / "gone", folder / "broken")
    assert texts(read(text_reader(notes.append), folder)) == ["first", "linked"]
    text = "\n".join(notes)
    for words in ("hidden or of a file manager: 3", "broken links: 1 (broken)", "neither files nor folders: 1 (pipe)"):
        assert words in text
    assert "empty: 1 (empty.txt)" in text
    for wrong in (folder / "pipe", Path("/dev/null")):
        with pytest.raises(DataError, match="is a pipe or a device, and no file"):
            read(text_reader(), wrong)


def test_pictures_are_looked_at_as_those_to_learn_from_were(tmp_path: Path) -> None:
    notes: list[str] = []
    reader = Reader(parse_data({"source": "digits"}), images(4), ("0", "1"), notes.append)
    pixels = np.arange(16, dtype=np.uint8).reshape(4, 4)
    Image.fromarray(pixels).save(tmp_path / "without", "PNG")
    Image.fromarray(pixels.astype(np.uint16) * 100).save(tmp_path / "deep.png")
    Image.fromarray(pixels).save(tmp_path / "moving.gif", save_all=True, append_images=[Image.fromarray(pixels.T)])
    Image.fromarray(np.dstack([pixels] * 4)).save(tmp_path / "clear.png")
    (tmp_path / "photo.heic").write_bytes(b"another format")
    assert len(read(reader, tmp_path)) == 4
    text = "\n".join(notes)
    assert "nothing of images: 1 (photo.heic)" in text
    assert "more than 8 bits: 1, and the network learned from none" in text
    assert "files of several pictures, animations say: 1; the first of each is read" in text
    assert "pictures that may be transparent: 1" in text


def test_standard_input_of_any_size_and_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = Image.fromarray(np.arange(16, dtype=np.uint8).reshape(4, 4))
    for kind in ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM"):
        raw = io.BytesIO()
        pixels.save(raw, kind)
        raw.seek(0)
        assert [one.where["file"] for one in image_reader().stream(raw)] == ["-"]
    for content, words in ((b"\n\n \n", "- has nothing"), (b"PK\3\4 cut short", "- cannot be read as a zip file")):
        with pytest.raises(DataError, match=words):
            list(text_reader().stream(io.BytesIO(content)))
    monkeypatch.setattr("nas_cli.data.asked.UNPACKED", 1000)
    with pytest.raises(DataError, match="standard input has more than 1,000 bytes"):
        list(text_reader().stream(io.BytesIO(b"one\n" * 1000)))


def test_a_first_row_without_an_id_hides_no_others(tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("Id,age,town\n,44,O\n7,45,O\n")
    assert [one.where["id"] for one in read(table_reader(tmp_path), tmp_path / "new.csv")] == ["", "7"]
