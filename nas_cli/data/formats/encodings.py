"""Decodes a file's bytes: finds their encoding, and handles bytes that are invalid in it."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from pathlib import Path

from nas_cli.errors import DataError

Say = Callable[[str], None]
NO_TEXTS = ("idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape")
"""Codecs of Python that are no encodings of text files."""
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks. UTF-32 comes first, since its mark begins with that of UTF-16."""
HIGH = re.compile(rb"[\x80-\xff]+")
LETTERS = re.compile(rb"[\x80\x85\x91-\x97\xa0\xa3\xa7\xa9\xab\xae\xb0-\xb5\xb7\xba-\xcf\xd1-\xdd\xdf-\xef\xf1-\xfd]")
"""Bytes of non-ASCII characters in Western texts (Latin-1, Windows-1252): é, ß, °, €, quotation marks, …"""
SEVERAL = ("gb18030", "shift_jis", "euc_kr", "cp1251")
"""Encodings of other scripts, tried on bytes that are neither UTF-8 nor a Western text."""
PEEKED = 4096
MOST_NAMED = 3


def decode(raw: bytes, encoding: str, origin: Path, say: Say | None = None) -> str:
    """A file's bytes as text, without a byte order mark.

    UTF-16 and UTF-32 are recognised by their marks, and UTF-16 also by its zeros. A few invalid bytes in a UTF-8 file
    become U+FFFD, and `say` is told of their lines; without `say` they are an error. Raises DataError where the bytes
    are invalid in `encoding`, with the line, and with the key `encoding` as a remedy where another fits.
    """
    require_codec(encoding)
    found = encoding_of(raw, encoding)
    if found.startswith("utf-16-") and say is not None:
        say(f"{origin} is read as {found}, as the zeros between its letters tell")
    try:
        return with_line_feeds(raw.decode(found).removeprefix("\ufeff"))
    except UnicodeError as error:
        place = error.start if isinstance(error, UnicodeDecodeError) else 0
    if codecs.lookup(found).name != "utf-8":
        line = raw[:place].count(b"\n") + 1
        raise DataError(
            f"{origin}:{line}: byte {raw[place]:#04x} is no {found}; common encodings are utf-8 and latin-1"
        )
    return with_line_feeds(_mended(raw, origin, place, say))


def with_line_feeds(text: str) -> str:
    """`text` with the line ends of old Macs, single carriage returns, replaced by line feeds."""
    return text if "\n" in text else text.replace("\r", "\n")


def glimpse(raw: bytes, encoding: str) -> str:
    """The beginning of a file as text; invalid bytes become U+FFFD."""
    require_codec(encoding)
    return with_line_feeds(raw.decode(encoding_of(raw, encoding), "replace").removeprefix("\ufeff"))


def encoding_of(raw: bytes, said: str) -> str:
    """UTF-16 or UTF-32 where the bytes begin with its mark, as in texts from Excel, or where every other byte is zero;
    else the encoding `said` in the spec."""
    marked = next((name for mark, name in MARKS if raw.startswith(mark)), None)
    if marked is not None:
        return marked
    start = raw[:PEEKED]
    if b"\0" in start and codecs.lookup(said).name == "utf-8":
        even, odd = start[::2].count(0), start[1::2].count(0)
        if min(even, odd) * 8 < max(even, odd) > len(start) // 4:
            return "utf-16-le" if odd > even else "utf-16-be"
    return said


def require_codec(encoding: str) -> None:
    """Raises DataError where Python has no such text encoding."""
    try:
        known = codecs.lookup(encoding)
    except (LookupError, ValueError):
        known = None
    if known is None or known.name.replace("-", "_") in NO_TEXTS or not known._is_text_encoding:
        raise DataError(f"encoding is '{encoding}', which is not known; common ones are utf-8 and latin-1")


def _mended(raw: bytes, origin: Path, place: int, say: Say | None) -> str:
    """Decodes bytes that are no valid UTF-8 from `place` on: UTF-8 with a few broken bytes, a Western text, or another
    encoding."""
    line = raw[:place].count(b"\n") + 1
    wrong = f"{origin}:{line}: byte {raw[place]:#04x} is no utf-8"
    text = raw.decode("utf-8", "replace").removeprefix("\ufeff")
    broken = text.count("\ufffd") - raw.count(b"\xef\xbf\xbd")
    whole = len(text) - len(text.encode("ascii", "ignore")) - text.count("\ufffd")
    if whole < broken:
        _require_mendable(raw, broken, wrong)
    if say is None:
        raise DataError(f"{wrong}, as the rest of the file is: mend or take out that byte")
    lines = [number for number, content in enumerate(text.split("\n"), 1) if "\ufffd" in content]
    where = ", ".join(str(number) for number in lines[:MOST_NAMED]) + (", …" if len(lines) > MOST_NAMED else "")
    one = broken == 1
    say(
        f"{broken:,} byte{'' if one else 's'} of {origin} {'is' if one else 'are'} no UTF-8, as the rest of it is, and "
        f"read as '\ufffd' (line{'' if len(lines) == 1 else 's'} {where}): mend the file, or say data.encoding"
    )
    return text


def _require_mendable(raw: bytes, broken: int, wrong: str) -> None:
    """Raises DataError where more of the bytes are `broken` than whole, with an encoding that fits them."""
    western = _western(raw)
    if western is not None:
        raise DataError(f"{wrong}; say encoding: {western}", {"encoding": western})
    if broken > MOST_NAMED and broken > len(raw) / 100:
        others = [name for name in SEVERAL if _is(raw, name)]
        fits = f"; it can be read as {', '.join(others)}" if others else ""
        raise DataError(f"{wrong}, and neither is much of the rest: say data.encoding{fits}")


def _western(raw: bytes) -> str | None:
    """The text in Latin-1 or Windows-1252 where the bytes beyond ASCII are characters of Western texts, alone or in
    pairs between ASCII; in other scripts they form long runs. Else None."""
    runs = HIGH.findall(raw)
    high = sum(map(len, runs))
    alone = sum(len(run) for run in runs if len(run) <= 2)
    if alone * 2 < high or len(LETTERS.findall(raw)) < 0.9 * high:
        return None
    return "cp1252" if re.search(rb"[\x80-\x9f]", raw) and _is(raw, "cp1252") else "latin-1"


def _is(raw: bytes, encoding: str) -> bool:
    try:
        raw.decode(encoding)
    except UnicodeError:
        return False
    return True
