"""Recognises files of other programs that are given as tables, with advice on how to convert them."""

from __future__ import annotations

import json
from pathlib import Path

from nas_cli.data.formats.archives import document_of, names_in
from nas_cli.data.formats.encodings import encoding_of
from nas_cli.errors import DataError

AS_CSV = "save it as CSV there"
PANDAS = "write it as CSV with pandas, say: pandas.{}({!r}).to_csv('table.csv', index=False)"
BEGINNINGS = (
    (b"PAR1", "a Parquet file", PANDAS.format("read_parquet", "…")),
    (b"ARROW1", "an Arrow file", PANDAS.format("read_feather", "…")),
    (b"FEA1", "a Feather file", PANDAS.format("read_feather", "…")),
    (b"ORC", "an ORC file", PANDAS.format("read_orc", "…")),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", PANDAS.format("read_hdf", "…")),
    (b"Obj\x01", "an Avro file", "write it as CSV"),
    (
        b"SQLite format 3\x00",
        "an SQLite database",
        "write one of its tables as CSV: sqlite3 -header -csv FILE 'select …'",
    ),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook or another Office document", AS_CSV),
    (b"%PDF", "a PDF document", "a table is a text file of rows"),
    (b"{\\rtf", "an RTF document", AS_CSV),
    (b"\x93NUMPY", "a NumPy array", "write it as CSV with numpy.savetxt"),
    (b"$FL2", "an SPSS file", PANDAS.format("read_spss", "…")),
    (b"<stata_dta>", "a Stata file", PANDAS.format("read_stata", "…")),
    (b"RDX", "an R file", "write it as CSV with write.csv"),
    (b"\x80\x04", "a pickle", "pickles are not read, since they run code: write it as CSV"),
    (b"\x80\x05", "a pickle", "pickles are not read, since they run code: write it as CSV"),
    (b"\x89PNG", "a PNG image", "a table is a text file of rows"),
    (b"\xff\xd8\xff", "a JPEG image", "a table is a text file of rows"),
    (b"BZh", "packed by bzip2", "unpack it, or pack it by gzip"),
    (b"\xfd7zXZ\x00", "packed by xz", "unpack it, or pack it by gzip"),
    (b"\x28\xb5\x2f\xfd", "packed by zstd", "unpack it, or pack it by gzip"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it"),
    (b"Rar!", "a RAR archive", "unpack it"),
    (b"\x1f\x8b", "gzipped twice", "unpack it once"),
)
"""(first bytes, name of the format, advice)."""
MARKUP = (
    (b"<!doctype html", "an HTML page", "a login or an error page, perhaps: fetch the table itself"),
    (b"<html", "an HTML page", "a login or an error page, perhaps: fetch the table itself"),
    (b"<?xml", "an XML document", "write it as CSV"),
    (b"@relation", "an ARFF file", "take away what stands above @data, and write the names of the columns there"),
)


def require_text(raw: bytes, file: Path, encoding: str) -> None:
    """Raises DataError where `raw`, the beginning of `file`, is another program's format instead of text."""
    start = raw.lstrip(b"\xef\xbb\xbf \t\r\n")
    if raw.startswith(b"PK\x03\x04"):
        raise DataError(f"{file} is {_archive(file)}")
    found = _program_of(raw, start, encoding)
    if found is not None:
        raise DataError(f"{file} is {found[0]}, and no table in a text file: {found[1]}")


def _program_of(raw: bytes, start: bytes, encoding: str) -> tuple[str, str] | None:
    """The format of a file that is no text, and the advice; `start` is its beginning without leading spaces. None for
    text."""
    for begin, what, remedy in BEGINNINGS:
        if raw.startswith(begin):
            return what, remedy
    for begin, what, remedy in MARKUP:
        if start[:20].lower().startswith(begin):
            return what, remedy
    if start[:1] in (b"{", b"[") and is_json(start):
        return "JSON", PANDAS.format("read_json", "…")
    if b"ustar" in raw[257:263]:
        return "a tar archive", "unpack it"
    if b"\0" in raw and not encoding_of(raw, encoding).startswith(("utf-16", "utf-32")):
        return "no text but a binary file: it has zeros", "a table is a text file of rows"
    return None


def _archive(file: Path) -> str:
    try:
        names = names_in(file)
    except DataError:
        return "a zip archive, and damaged or inside another file: unpack it"
    document = document_of(names)
    if document is not None:
        return f"{document}, and no table in a text file: {AS_CSV}"
    if any(name.endswith(".npy") for name in names):
        return "an archive of NumPy arrays, which the source npz reads"
    return f"a zip archive with {', '.join(names[:3]) or 'nothing in it'}: unpack it"


def is_json(start: bytes) -> bool:
    """Whether the first line, or the whole beginning, is a JSON object or a list of objects."""
    for text in (start.split(b"\n", 1)[0], start):
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            continue
        return isinstance(found, dict) or (isinstance(found, list) and all(isinstance(item, dict) for item in found))
    return start.split(None, 1)[:1] in ([b"["], [b"{"]) or start.startswith((b"[{", b'{"'))
