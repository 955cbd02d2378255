"""Makes text from files and users safe to write: to a terminal, a comment, a shell command, as UTF-8.

Every language that `nas` writes has one encoder: YAML `nas_cli.yaml_text`, HTML `deliver/report/html.py`, JSON
`json.dumps`, Python source `repr`, and for the others the functions here.
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePath

HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
"""Unicode categories that a terminal acts on or does not show: controls, direction marks, lone surrogates, …"""
JOINERS = "\u200c\u200d"
"""Format characters that are part of words in Persian and Hindi, and of emoji."""
LONGEST_NAME = 60
SAFE = re.compile(r"[A-Za-z0-9_@%+=:,./-]+")


def printable(text: object, *, lines: bool = False) -> str:
    """`text` with control characters as escapes (`\\x1b`), so that it cannot control a terminal or break a line.

    With `lines`, line breaks and tabs stay as they are.
    """
    kept = "\n\t" if lines else ""
    text = str(text)
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible(letter, kept) for letter in text)


def _visible(letter: str, kept: str = "") -> str:
    if letter in kept or letter in JOINERS or unicodedata.category(letter) not in HIDDEN:
        return letter
    code = ord(letter)
    if letter in "\n\r\t":
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}[letter]
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def shell(*words: object) -> str:
    """`words` as a command to copy into a shell: `nas plan 'my data.yaml'`.

    A path that begins with a dash gets a `./`, so that it is not read as an option.
    """
    return " ".join(_quoted(_no_option(word)) for word in words)


def _no_option(word: object) -> str:
    return f"./{word}" if isinstance(word, PurePath) and str(word).startswith("-") else str(word)


def _quoted(word: str) -> str:
    if SAFE.fullmatch(word):
        return word
    if printable(word) == word:
        return "'" + word.replace("'", "'\"'\"'") + "'"
    letters = []
    for letter in word:
        if letter in "\\'":
            letters.append("\\" + letter)
        elif 0xDC80 <= ord(letter) <= 0xDCFF:  # stands for a byte of a file name that is not UTF-8
            letters.append(f"\\x{ord(letter) - 0xDC00:02x}")
        elif 0x80 <= ord(letter) <= 0xFF and _visible(letter) != letter:  # to a shell \\x80 would be a byte
            letters.append(f"\\u{ord(letter):04x}")
        else:
            letters.append(_visible(letter))
    return "$'" + "".join(letters) + "'"


def run_name(text: str, otherwise: str = "my-data") -> str:
    """`text`, reduced to a valid `name:` of a spec: at most 60 of A-Z, a-z, 0-9, `.`, `_` and `-`."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._")[:LONGEST_NAME] or otherwise


def is_utf8(text: str) -> bool:
    """Whether UTF-8 can encode `text`: not with lone surrogates, which stand for other bytes in file names."""
    return re.search("[\ud800-\udfff]", text) is None


def utf8(text: str) -> bytes:
    """`text` as UTF-8; lone surrogates, which UTF-8 cannot encode, become U+FFFD."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text).encode("utf-8")


def sentence(text: str) -> str:
    """`text` with a capital letter and a full stop."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
