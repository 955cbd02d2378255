"""A fuzzer of tables (CSV, TSV, gzipped or not, in several encodings) and of arrays (.npz, IDX): hostile cells, and
bytes that are damaged.

What is made without damage has a known number of rows: those that are read and those that are named as passed over are
all of them.
"""

from __future__ import annotations

import csv
import gzip
import io
import random
import struct
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from fields import images

from nas_cli.data import Reader, Wanted, load_test, load_training, parse_data
from nas_cli.data.formats.csv_file import first_rows, read_table
from nas_cli.errors import DataError

CELLS = (
    *(
        "",
        " ",
        "0",
        "1",
        "1.0",
        "-3.5",
        "1e300",
        "-1e-300",
        "1e999",
        "inf",
        "nan",
        "NaN",
        "#N/A",
        "<NA>",
        "None",
        "null",
    ),
    *("1_00", "0x10", "00501", "12345678901234567", "1,5", "1.234,5", "1,234,567", "$5", "7%", "½", "\u0661\u0662"),
    *(
        '"',
        '5" disk',
        'say ""',
        "'",
        "a b",
        "é",
        "e\u0301",
        "Zürich",
        "\u200b",
        "\u202eabc",
        "\x1b[2J",
        "\x07",
        "\ufeff",
    ),
    *("true", "train", "=1+1", "@x", "#", "# no", "-", "?", "\U0001f600", "x" * 300, "\\", "a\\nb", "%", "{}", "&amp;"),
)
SEPARATORS = (",", ";", "\t", "|", ":", " ")
ENCODINGS = ("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "latin-1", "cp1252", "utf-16-le", "utf-32")
TASKS = (Wanted("table rows", "class"), Wanted("table rows", "number"))


def action(rng: random.Random) -> None:
    with tempfile.TemporaryDirectory(prefix="fuzz-tables-") as folder:
        kind = rng.choice((_clean_table, _damaged_table, _damaged_table, _damaged_arrays, _loose_marks))
        kind(rng, Path(folder))


def _table(rng: random.Random, separator: str) -> tuple[str, int]:
    """A table by `csv.writer`, and its rows."""
    columns, count = rng.randint(1, 6), rng.randint(1, 80)
    kinds = [rng.choice(("number", "word", "hostile", "index", "code")) for _ in range(columns)]
    out = io.StringIO()
    quoting = rng.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC))
    writer = csv.writer(out, delimiter=separator, quoting=quoting, lineterminator=rng.choice(("\n", "\r\n")))
    writer.writerow([rng.choice((f"c{k}", f"{rng.choice(CELLS)}{k}")) for k in range(columns)] + ["label"])
    label = rng.choice(("ab", "01", ("1", "1.0"), ("None", "a"), "abc"))
    for row in range(count):
        writer.writerow([_cell(rng, kind, row) for kind in kinds] + [rng.choice(label)])
    return out.getvalue(), count


def _cell(rng: random.Random, kind: str, row: int) -> str:
    if kind == "hostile" or rng.random() < 0.01:
        return rng.choice(CELLS)
    if kind == "number":
        return f"{rng.gauss(0, 10):.3f}"
    if kind == "word":
        return rng.choice(("red", "green", "blue"))
    return str(row) if kind == "index" else f"{rng.randrange(10**4):05}"


def _write(rng: random.Random, path: Path, content: bytes) -> Path:
    if rng.random() < 0.2:
        path = path.with_name(path.name + ".gz")
        content = gzip.compress(content, mtime=0)
    path.write_bytes(content)
    return path


def _load(path: Path, rng: random.Random, **settings: Any) -> None:
    wanted = rng.choice(TASKS)
    section = parse_data({"source": "csv", "path": str(path), **settings})
    data = load_training(section, 0, wanted=wanted)
    assert np.isfinite(data.train.inputs).all()
    assert np.isfinite(data.validation.inputs).all()
    load_test(section, 0, data.labels, wanted=wanted, fields=data.fields)


def _clean_table(rng: random.Random, folder: Path) -> None:
    """No damage: each row is read."""
    separator = rng.choice(SEPARATORS[:4])
    text, count = _table(rng, separator)
    path = _write(rng, folder / "a.csv", text.encode("utf-8"))
    try:
        _, rows = read_table(path, separator, True)
    except DataError as error:
        if "two columns are called" in str(error):
            return
        raise AssertionError(f"refused: {error}") from error
    assert len(rows) == count, (len(rows), count)
    _load(path, rng, separator=separator)


def _loose_marks(rng: random.Random, folder: Path) -> None:
    """Quotation marks that open and are not closed, and comments: a line is a row, or named as passed over."""
    count = rng.randint(2, 60)
    lines = []
    for row in range(count):
        text = rng.choice(("plain", '"open', 'middle " mark', '"said" he', 'end"', "'single'", '""'))
        lines.append(f"{text} {row}\t{rng.random():.3f}\t{rng.choice('ab')}")
    comments = rng.randint(0, 3)
    for _ in range(comments):
        lines.insert(rng.randint(0, len(lines)), "# a comment")
    path = _write(rng, folder / "a.tsv", ("text\tsize\tlabel\n" + "\n".join(lines) + "\n").encode())
    said: list[str] = []
    _, rows = read_table(path, "\t", True, say=said.append)
    assert len(rows) == count, (len(rows), count, said)
    if comments:
        assert f"{comments} line" in said[-1], said


def _damaged_table(rng: random.Random, folder: Path) -> None:
    separator = rng.choice(SEPARATORS)
    text, _ = _table(rng, separator)
    raw = _damage(rng, text.encode(rng.choice(ENCODINGS), "replace"))
    path = _write(rng, folder / "a.csv", raw)
    first_rows(path, "utf-8")
    settings: dict[str, Any] = {"separator": rng.choice(("auto", separator)), "header": rng.random() < 0.8}
    settings |= rng.choice(({}, {"decimal": ","}, {"encoding": rng.choice(ENCODINGS)}, {"transform": "none"}))
    if rng.random() < 0.3:
        path.rename(folder / "train.csv")
        (folder / "test.csv").write_bytes(_damage(rng, raw))
        path = folder
    _load(path, rng, **settings)


def _damage(rng: random.Random, raw: bytes) -> bytes:
    """Bytes changed, taken out, doubled or put in; the end cut off."""
    content = bytearray(raw)
    for _ in range(rng.choice((0, 1, 1, 2, 5, 30))):
        place = rng.randrange(len(content) + 1)
        way = rng.randrange(5)
        if way == 0:
            content[place:place] = bytes([rng.randrange(256)])
        elif way == 1:
            content[place : place + 1] = bytes([rng.choice((0, 10, 13, 34, 44, 127, 128, 255, rng.randrange(256)))])
        elif way == 2:
            del content[place : place + rng.choice((1, 3, 50))]
        elif way == 3:
            content[place:place] = content[max(0, place - 40) : place]
        elif rng.random() < 0.2:
            del content[place:]
    return bytes(content)


def _damaged_arrays(rng: random.Random, folder: Path) -> None:
    count = rng.randint(2, 30)
    pixels = np.arange(count * 16).reshape(count, 4, 4).astype(np.uint8)
    labels = rng.choice((np.arange(count) % 2, np.arange(count) % 2 * 1.0, np.array(["a", "b"] * count)[:count]))
    if rng.random() < 0.5:
        path = folder / "a.npz"
        save = rng.choice((np.savez, np.savez_compressed))
        save(path, x=pixels, y=labels)
        path.write_bytes(_damage(rng, path.read_bytes()))
        section = {"source": "npz", "path": str(path)}
    else:
        for name, array in (("images-idx3", pixels), ("labels-idx1", (np.arange(count) % 2).astype(np.uint8))):
            header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
            for part in ("train", "t10k"):
                _write(rng, folder / f"{part}-{name}-ubyte", _damage(rng, header + array.tobytes()))
        section = {"source": "idx", "path": str(folder)}
    settings = parse_data(section)
    with suppress(DataError):
        assert list(Reader(settings, images(4)).files([folder]))
    load_training(settings, 0)
    load_test(settings, 0)
