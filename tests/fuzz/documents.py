"""Pictures, texts, archives, tagged sentences and word vectors, sound ones and damaged: read as a search reads them."""

from __future__ import annotations

import gzip
import io
import json
import random
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from fields import images, single
from PIL import Image
from safetensors.numpy import save

from nas_cli.data import Reader, Wanted, load_test, load_training, parse_data
from nas_cli.data.formats.vectors import read_vectors
from nas_cli.data.kinds.words import fit_words
from nas_cli.describe.starter import survey
from nas_cli.errors import DataError

TEXTS, SENTENCES = Wanted("texts", "class"), Wanted("sentences", "tags")
NAMES = [
    "pos",
    "neg",
    "train",
    "Test",
    "None",
    "dev",
    "caf\u00e9",
    "cafe\u0301",
    "a\nb",
    ".x",
    "Thumbs.db",
    "1.0",
    "\u202e",
]
WORDS = [
    "film",
    "good",
    "bad",
    "\u0905\u091a\u094d\u091b\u0940",
    "e\u0301",
    "\u200d",
    "\x00",
    "\x85",
    "\ufeff",
    "'s",
    "👍🏽",
    "#",
]
TAGS = ["O", "B-PER", "I-PER", "S-LOC", "B_PER", "b-per", "PER-B", "NOUN", "B", "o", "", "_", "B-", "-", "E-x"]
MODES = ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F"]
KINDS = ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM"]


def action(rng: random.Random) -> None:
    """One input of a kind that is drawn."""
    with tempfile.TemporaryDirectory() as folder:
        rng.choice(READERS)(rng, Path(folder) / "data")


def wild(rng: random.Random) -> bool:
    """Whether to draw what is unusual; most of an input must be sound for what is not to be reached."""
    return rng.random() < 0.01


def name(rng: random.Random) -> str:
    return rng.choice(NAMES if wild(rng) else NAMES[:2])


def damaged(rng: random.Random, raw: bytes) -> bytes:
    """Sound as a rule; else with bytes changed, cut out or put in, or the end cut off."""
    content = bytearray(raw)
    for _ in range(rng.choice([1, 2, 5]) if wild(rng) else 0):
        place = rng.randrange(len(content) + 1)
        how = rng.randrange(4)
        if how == 0 and content:
            content[place % len(content)] = rng.randrange(256)
        elif how == 1:
            del content[place : place + rng.randrange(1, 40)]
        elif how == 2:
            content[place:place] = rng.choice(
                [b"\0", b"\xff\xfe", b"\n\n", b"9" * 400, b"\t", b"PK\x05\x06", b"\x7f\xff\xff\xff"]
            )
        else:
            del content[place:]
    return bytes(content)


def picture(rng: random.Random) -> bytes:
    mode, kind = rng.choice(MODES), rng.choice(KINDS)
    size = (rng.choice([1, 2, 8, 8, 8, 30]), rng.choice([1, 8, 8, 8, 30]))
    values = np.frombuffer(rng.randbytes(size[0] * size[1]), np.uint8).reshape(size)
    types = {"I;16": np.uint16, "I": np.int32, "F": np.float32}
    image = Image.fromarray(values.astype(types[mode]) * 9) if mode in types else Image.fromarray(values).convert(mode)
    stream = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = rng.randrange(0, 10)
    try:
        image.save(
            stream, kind, exif=exif, **({"save_all": True, "append_images": [image]} if rng.random() < 0.1 else {})
        )
    except (OSError, ValueError, TypeError, KeyError):  # not every format has every mode
        stream = io.BytesIO()
        image.convert("RGB").save(stream, "PNG")
    return damaged(rng, stream.getvalue())


def put(path: Path, content: bytes) -> None:
    """A name that cannot be there is left out."""
    if not path.exists() and all(not parent.is_file() for parent in path.parents):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def pictures(rng: random.Random, top: Path) -> None:
    top.mkdir()
    for _ in range(rng.randrange(8, 24)):
        place = [name(rng) for _ in range(rng.choice([1, 1, 1, 2, 2, 3]))]
        ending = rng.choice([".txt", ".heic", ".db"] if wild(rng) else [".png", ".PNG", ".jpg", ".tif", "", ".jfif"])
        put(top.joinpath(*place, f"{rng.randrange(9)}{ending}"), picture(rng))
    if rng.random() < 0.2:
        (top / rng.choice(["up", "pos"]) / "x").parent.mkdir(exist_ok=True)
        (top / rng.choice(["link", "pos/link"])).symlink_to(rng.choice(["..", ".", "pos", "nowhere", "/dev/zero"]))
    size = {"size": rng.choice([4, [3, 9]])} if rng.random() < 0.7 else {}
    section = {"source": "image-folder", "path": str(top), **size, "test": rng.choice([0.2, "auto"])}
    both(lambda place: survey("image-classification", place), top)
    both(predict_from_pictures, top)
    for file in sorted(file for file in top.rglob("*") if file.is_file())[:2]:
        both(predict_from_input, file)
    load_training(parse_data(section), 0)
    load_test(parse_data(section), 0)


def both(first: Callable[[Path], object], path: Path) -> None:
    """What `first` refuses, the reader after it is to refuse in a sentence too."""
    try:
        first(path)
    except DataError:
        return


def predict_from_pictures(path: Path) -> None:
    reader = Reader(parse_data({"source": "digits"}), images(8), ("0", "1"))
    assert list(reader.files([path]))


def predict_from_input(path: Path) -> None:
    reader = Reader(parse_data({"source": "digits"}), images(8), ("0", "1"))
    with path.open("rb") as file:
        assert list(reader.stream(file))


def predict_from_texts(path: Path) -> None:
    encoder = fit_words("texts", ["good film", "bad film"])
    reader = Reader(parse_data({"source": "text", "path": "gone"}), single(encoder), ("neg", "pos"))
    assert list(reader.files([path]))


def some_text(rng: random.Random) -> bytes:
    lines = [" ".join(rng.choices(WORDS, k=rng.randrange(1, 9))) for _ in range(rng.randrange(1, 12))]
    return damaged(rng, "\n".join(lines).encode(rng.choice(["utf-16", "utf-32"]) if wild(rng) else "utf-8"))


def texts(rng: random.Random, top: Path) -> None:
    top.mkdir()
    depth = rng.choice([0, 1, 1, 2])
    for _ in range(rng.randrange(1, 40)):
        place = [name(rng) for _ in range(rng.choice([0, 1, 2] if wild(rng) else [depth]))]
        ending = rng.choice(["tsv", "csv"]) if wild(rng) else "txt"
        put(top.joinpath(*place, f"{rng.choice(['pos', 'neg', '0', '1', '2', 'train'])}.{ending}"), some_text(rng))
    read_texts(rng, top)


def archives(rng: random.Random, top: Path) -> None:
    stream = io.BytesIO()
    packing = zipfile.ZIP_LZMA if wild(rng) else rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
    depth = rng.choice([1, 1, 2])
    with zipfile.ZipFile(stream, "w", packing) as archive:
        for place in range(rng.randrange(8, 40)):
            names = ["..", "", "train"] if wild(rng) else [name(rng) for _ in range(depth)]
            archive.writestr("/".join([*names, f"{place}.txt"]), some_text(rng))
        if wild(rng):
            archive.writestr("pos/bomb.txt", b" " * 10**8)
    path = top.with_suffix(".zip")
    path.write_bytes(damaged(rng, damaged(rng, stream.getvalue())))
    read_texts(rng, path)


def tables(rng: random.Random, top: Path) -> None:
    rows = []
    for _ in range(30):
        words = " ".join(rng.choices([*WORDS, '"'] if wild(rng) else WORDS, k=4))
        rows.append(",".join([words, rng.choice(["pos", "neg"]), *(["x"] if wild(rng) else [])]))
    path = top.with_suffix(rng.choice([".csv", ".csv", ".csv.gz"]))
    raw = damaged(rng, damaged(rng, "\n".join([*([] if wild(rng) else ["text,label"]), *rows]).encode()))
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    read_texts(rng, path)


def read_texts(rng: random.Random, path: Path) -> None:
    both(predict_from_texts, path)
    tokenizer = rng.choice(["word", "word", "character"])
    section = {"source": "text", "path": str(path), "tokenizer": tokenizer, "test": rng.choice([0.2, "auto"])}
    data = load_training(parse_data(section), 0, wanted=TEXTS)
    load_test(parse_data(section), 0, wanted=TEXTS, fields=data.fields)


def tagged(rng: random.Random, top: Path) -> None:
    top.mkdir()
    tags = rng.choices(TAGS, k=4) if wild(rng) else rng.choice([TAGS[:4], ["O", "B_PER"], ["NOUN", "VERB"], ["B", "O"]])
    for name in rng.choice([["train.conll"], ["a.train", "a.dev", "a.testb"], ["x-train.conllu", "x-dev.conllu"]]):
        lines = []
        for _ in range(rng.randrange(20, 60)):
            mark = rng.choice([" ", "\t"]) if rng.random() < 0.02 else "\t"
            lines.append(
                rng.choice([mark.join([rng.choice(WORDS), rng.choice(tags)])] * 6 + ["", "# a = b", "-DOCSTART- O"])
            )
        put(top / name, damaged(rng, "\n".join(lines).encode()))
    section = {
        "source": "conll",
        "path": str(top),
        "test": rng.choice([0.2, "auto"]),
        "max_length": rng.choice([2, 150]),
    }
    data = load_training(parse_data(section), 0, wanted=SENTENCES)
    load_test(parse_data(section), 0, wanted=SENTENCES, fields=data.fields)


def vectors(rng: random.Random, top: Path) -> None:
    size = rng.randrange(0 if wild(rng) else 1, 5)
    numbers = ["0.5", "-1", "nan", "1e400", "x", "1_0"]
    rows = []
    for _ in range(9):
        cells = [rng.choice(numbers if rng.random() < 0.01 else numbers[:2]) for _ in range(size)]
        rows.append((rng.choice(WORDS), cells))
    if rng.random() < 0.3:
        named = json.dumps([word for word, _ in rows]) if not wild(rng) else "[" * 20_000
        raw = save({"vectors": np.zeros((9, size), rng.choice([np.float32, np.float16]))}, {"words": named})
        path = top.with_suffix(".safetensors")
    else:
        said = f"{rng.choice([10, 10**30])} {rng.choice([10**9, '9' * 5000])}" if wild(rng) else f"9 {size}"
        head = rng.choice([[], [said]])
        raw = "\n".join([*head, *(" ".join([word, *cells]) for word, cells in rows)]).encode()
        path = top.with_suffix(rng.choice([".txt", ".vec.gz"]))
    raw = damaged(rng, raw)
    if path.suffix == ".gz":
        raw = damaged(rng, gzip.compress(b" " * 10**8 if rng.random() < 0.02 else raw))
    path.write_bytes(raw)
    read_vectors(path, {"film", "good"}, rng.choice([0, 20_000]))


READERS = [pictures, texts, archives, tables, tagged, vectors]
