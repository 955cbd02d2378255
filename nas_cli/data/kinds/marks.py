"""Classes of characters in words, from Unicode's database."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from itertools import pairwise

JOINERS = (0x200C, 0x200D)
"""Joiners (zero width), within words of Persian and Hindi, and in emoji."""
EMOJI_PARTS = (*range(0x1F3FB, 0x1F400), *range(0xE0020, 0xE0080))
"""Skin tones, and the tag letters of regional flags."""
WITHOUT_SPACES = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN")
"""Prefixes of the Unicode names of letters of scripts without spaces between words."""


@lru_cache
def known_marks() -> str:
    """All characters that belong to the letter or sign before them, as ranges: `0300-036f 0483-0489 …`.

    They are kept with a network: another version of Unicode has others.
    """
    codes = [code for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)).startswith("M")]
    codes = sorted({*codes, *JOINERS, *EMOJI_PARTS})
    starts = [codes[0], *(after for before, after in pairwise(codes) if after != before + 1)]
    ends = [*(before for before, after in pairwise(codes) if after != before + 1), codes[-1]]
    return " ".join(f"{first:04x}-{last:04x}" for first, last in zip(starts, ends, strict=True))


def without_spaces(words: Mapping[str, int]) -> bool:
    """Whether most letters of `words`, with their counts, are of scripts that put no spaces between words."""
    letters: dict[str, int] = {}
    for word, count in words.items():
        for letter in word:
            letters[letter] = letters.get(letter, 0) + count
    letters = {letter: count for letter, count in letters.items() if letter.isalpha()}
    spaceless = [n for letter, n in letters.items() if unicodedata.name(letter, "").startswith(WITHOUT_SPACES)]
    return sum(spaceless) * 2 > sum(letters.values()) > 0
