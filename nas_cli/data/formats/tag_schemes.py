"""Converts tagging schemes (IOB1, IOB2, BIOES, BILOU, BMES) in their various spellings to IOB2."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

LETTERS = "BIESLUMW"
"""Begin, inside, end, single; last and unit of BILOU; middle of BMES; whole."""
BEGINS, ENDS = "BSUW", "ESLUW"
USUAL = re.compile(rf"[{LETTERS}]-.+", re.DOTALL)
BEFORE = re.compile(rf"([{LETTERS}])[-_:/](.+)", re.DOTALL | re.IGNORECASE)
BEHIND = re.compile(rf"(.+)[-_:/]([{LETTERS}])", re.DOTALL | re.IGNORECASE)
NO_TYPE = "ENTITY"


def is_chunk(tag: str) -> bool:
    """Whether a tag is O, or marks a part of an entity in the usual spelling."""
    return tag == "O" or USUAL.fullmatch(tag) is not None


def unifier(tags: Collection[str]) -> dict[str, str]:
    """Maps the different `tags` of a file to the usual spelling: `B_PER` and `PER-B` to `B-PER`, `b-per` to `B-per`.
    Only where all of them have such a spelling and O is among them; others, such as parts of speech, stay as they are.
    """
    outside = [tag for tag in tags if tag.upper() == "O"]
    others = [tag for tag in tags if tag.upper() != "O"]
    if not outside or not others or all(map(is_chunk, tags)):
        return {}
    usual = _usual(others)
    return {**usual, **dict.fromkeys(outside, "O")} if usual else {}


def _usual(tags: Sequence[str]) -> dict[str, str]:
    """Maps `tags`, none of which is O, to the usual spelling; {} where they share no spelling."""
    for spelling, letter, kind in ((BEFORE, 1, 2), (BEHIND, 2, 1)):
        matches = [spelling.fullmatch(tag) for tag in tags]
        if all(matches):
            return {m.string: f"{m[letter].upper()}-{m[kind]}" for m in matches if m}
    if all(len(tag) == 1 and tag.upper() in LETTERS for tag in tags):
        return {tag: f"{tag.upper()}-{NO_TYPE}" for tag in tags}
    return {}


def to_iob2(tags: Sequence[str]) -> list[str]:
    """One sentence's tags, of any scheme, in IOB2: an entity begins with B and continues with I."""
    found: list[str] = []
    before, ended = "", True
    for tag in tags:
        prefix, _, kind = tag.partition("-")
        if prefix == "O":
            found.append("O")
            before, ended = "", True
            continue
        begins = prefix in BEGINS or kind != before or ended
        found.append(f"{'B' if begins else 'I'}-{kind}")
        before, ended = kind, prefix in ENDS
    return found


def scheme_of(sentences: Sequence[Sequence[str]]) -> str:
    """The scheme of the tags of sentences, in the usual spelling; "" where no tag marks entities."""
    letters = {tag[0] for tags in sentences for tag in tags if tag != "O" and is_chunk(tag)}
    if not letters:
        return ""
    if letters & set("M"):
        return "BMES"
    if letters & set("LU"):
        return "BILOU"
    if letters & set("ESW"):
        return "BIOES"
    return "IOB2" if all(list(tags) == to_iob2(tags) for tags in sentences) else "IOB1"
