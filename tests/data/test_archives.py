"""Zip files that are damaged, encrypted, nested, documents or oddly named: to learn from and to predict from."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fields import images, single
from PIL import Image

from nas_cli.data import Asked, Reader, load_training, parse_data
from nas_cli.data.formats import unfold
from nas_cli.data.formats.archives import Member, is_archive, open_archive
from nas_cli.data.formats.folders import PassedOver
from nas_cli.data.kinds.words import fit_words
from nas_cli.data.wanted import Wanted
from nas_cli.errors import DataError


def packed(path: Path, *members: tuple[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that are there twice
        for name, content in members:
            archive.writestr(name, content)
    return path


def texts_in(path: Path, say: Callable[[str], None] = lambda note: None) -> list[str]:
    encoder = fit_words("texts", ["a great film", "a bad film"])
    reader = Reader(parse_data({"source": "text", "path": "gone"}), single(encoder), ("neg", "pos"), say)
    return [asked.raw[0] for asked in reader.files([path])]


def pictures_in(path: Path, say: Callable[[str], None] = lambda note: None) -> list[Asked]:
    return list(Reader(parse_data({"source": "digits"}), images(4), ("0", "1"), say).files([path]))


def png() -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.arange(16, dtype=np.uint8).reshape(4, 4)).save(out, "PNG")
    return out.getvalue()


def flipped(raw: bytes) -> bytes:
    return raw[:45] + bytes(255 - byte for byte in raw[45:60]) + raw[60:]


def encrypted(raw: bytes) -> bytes:
    directory = raw.index(b"PK\1\2")
    return raw[:6] + b"\1" + raw[7 : directory + 8] + b"\1" + raw[directory + 9 :]


def strangely_packed(raw: bytes) -> bytes:
    directory = raw.index(b"PK\1\2")
    return raw[:8] + b"\x62" + raw[9 : directory + 10] + b"\x62" + raw[directory + 11 :]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (flipped, "a.txt in .*d.zip is damaged"),
        (encrypted, "a.txt in .*d.zip is encrypted"),
        (strangely_packed, "a.txt in .*d.zip is packed in a way that is not read"),
        (lambda raw: raw[:-30], "d.zip cannot be read as a zip file"),
        (lambda raw: b"PK\3\4" + raw[:20], "d.zip cannot be read as a zip file"),
        (lambda raw: b"no zip", "d.zip cannot be read as a zip file"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, damage: Callable[[bytes], bytes], words: str) -> None:
    file = packed(tmp_path / "d.zip", ("a.txt", b"hello wide world " * 500))
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(DataError, match=words):
        texts_in(file)


def test_more_than_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unfold, "UNPACKED", 100_000)
    bomb = packed(tmp_path / "b.zip", *((f"{k}.txt", b"0" * 40_000) for k in range(3)))
    with pytest.raises(DataError, match="unpacks to 120,000, more than such data does"):
        texts_in(bomb)
    assert len(texts_in(packed(tmp_path / "s.zip", ("a.txt", b"0" * 90_000)))) == 1


def test_documents_and_other_files_are_no_texts(tmp_path: Path) -> None:
    notes: list[str] = []
    sheet = packed(tmp_path / "t.xlsx", ("[Content_Types].xml", b"<x/>"), ("xl/sheet1.xml", b"<a>hello</a>"))
    packed(tmp_path / "t.odt", ("mimetype", b"x"), ("content.xml", b"<x/>"))
    (tmp_path / "scan.pdf").write_bytes(b"%PDF-1.4 plain letters")
    (tmp_path / "a.txt").write_text("a text")
    with pytest.raises(DataError, match=r"t\.xlsx is no text"):
        texts_in(sheet)
    assert texts_in(tmp_path, notes.append) == ["a text"]
    assert any("nothing of texts: 3 (scan.pdf, t.odt, t.xlsx)" in note for note in notes)
    assert not is_archive(sheet)
    assert is_archive(packed(tmp_path / "word.dat", ("word/1.txt", b"a folder that is called word")))


def test_an_archive_in_an_archive_is_passed_over(tmp_path: Path) -> None:
    notes: list[str] = []
    inner = packed(tmp_path / "inner.zip", ("deep.txt", b"deep"))
    outer = packed(tmp_path / "outer.zip", ("inner.zip", inner.read_bytes()), ("a.txt", b"flat"))
    assert texts_in(outer, notes.append) == ["flat"]
    assert notes == [f"passed over in {outer}, archives in an archive: 1 (inner.zip)"]
    folder = tmp_path / "folder"
    folder.mkdir()
    outer.rename(folder / "outer.zip")
    assert texts_in(folder, notes.append) == ["flat"]
    assert "outer.zip/inner.zip" in notes[-1]


def test_odd_names(tmp_path: Path) -> None:
    notes: list[str] = []
    file = packed(
        tmp_path / "odd.zip",
        ("/etc/absolute.txt", b"absolute"),
        ("../../up.txt", b"up"),
        ("a\\backslash.txt", b"backslash"),
        ("Thumbs.db", b"\xd0\xcf\x11\xe0"),
        ("__MACOSX/._a.txt", b"\0"),
        ("x" * 300 + ".txt", b"long"),
        ("twice.txt", b"first"),
        ("twice.txt", b"last"),
        ("empty.txt", b""),
    )
    assert texts_in(file, notes.append) == ["backslash", "absolute", "last", "long"]
    assert any("hidden or of a file manager: 3 (../../up.txt, Thumbs.db, __MACOSX/._a.txt)" in note for note in notes)
    assert any("there twice, of which the last is read: 1 (twice.txt)" in note for note in notes)
    assert any("empty: 1 (empty.txt)" in note for note in notes)
    assert not (tmp_path.parent / "up.txt").exists()


def test_pictures_in_archives_are_told_by_what_they_are(tmp_path: Path) -> None:
    notes: list[str] = []
    members = [("cat/a.png", png()), ("cat/none", png()), ("cat/b.txt", b"text"), ("c.npy", b"")]
    file = packed(tmp_path / "p.dat", *members)
    assert [asked.where["file"] for asked in pictures_in(file, notes.append)] == [
        f"{file}/cat/a.png",
        f"{file}/cat/none",
    ]
    assert len(notes) == 2
    both = tmp_path / "polyglot.png"
    both.write_bytes(png() + file.read_bytes())
    assert [asked.where["file"] for asked in pictures_in(both)] == [str(both)]
    np.savez(tmp_path / "arrays", x=np.zeros((2, 4, 4), np.uint8))
    (tmp_path / "arrays.npz").rename(tmp_path / "arrays.dat")
    assert len(pictures_in(tmp_path / "arrays.dat")) == 2


def test_an_empty_class_folder_in_a_zip_is_refused_as_on_disk(tmp_path: Path) -> None:
    members = [(f"docs/{name}/{k}.txt", b"some words") for name in ("pos", "neg") for k in range(9)]
    file = packed(tmp_path / "docs.zip", *members, ("docs/neutral/", b""))
    settings = parse_data({"source": "text", "path": str(file)})
    with pytest.raises(DataError, match=r"the class 'neutral' in .* has no texts"):
        load_training(settings, 0, wanted=Wanted("texts"))
    packed(file, *members)
    assert load_training(settings, 0, wanted=Wanted("texts")).labels == ("neg", "pos")


def test_places_of_files_and_folders(tmp_path: Path) -> None:
    passed = PassedOver()
    file = packed(tmp_path / "a.zip", ("b/2.txt", b"two"), ("a/", b""), ("b/.hidden", b""), ("/", b""))
    archive = open_archive(file, "a.zip", 10, passed)
    assert (list(archive.members), list(archive.folders)) == ([("b", "2.txt")], [("a",)])
    assert archive.read(("b", "2.txt")) == b"two"
    assert passed.found == {"hidden or of a file manager": ["b/.hidden"]}


def test_members_are_told_apart_as_paths_are(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("one/a.PNG", b"1")
        archive.writestr("two/a.PNG", b"2")
    opened = open_archive(tmp_path / "a.zip", "a.zip", 1000, PassedOver())
    first, second, again = (Member(opened, place) for place in (("one", "a.PNG"), ("two", "a.PNG"), ("one", "a.PNG")))
    assert len({first, second, again}) == 2
    assert (str(first), first.name, first.suffix) == ("a.zip/one/a.PNG", "a.PNG", ".PNG")
    assert second.open("rb").read() == second.read_bytes() == b"2"
