"""Words of every script are whole: vowel signs, accents and joiners stay with their letters, here and in exports."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nas_cli.data.kinds.marks import known_marks
from nas_cli.data.kinds.words import fit_words
from nas_cli.data.portable import encode, tokenize
from nas_cli.data.source import ENCODERS

STATE = {"tokenizer": "word", "marks": known_marks()}
OLD = {"tokenizer": "word"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("यह फिल्म बहुत अच्छी है।", ["यह", "फिल्म", "बहुत", "अच्छी", "है", "।"]),
        ("বাংলা ভাষা", ["বাংলা", "ভাষা"]),
        ("தமிழ் மொழி", ["தமிழ்", "மொழி"]),
        ("สวัสดี ครับ", ["สวัสดี", "ครับ"]),
        ("مُحَمَّدٌ رَسُول", ["مُحَمَّدٌ", "رَسُول"]),
        ("שָׁלוֹם, עֲלֵיכֶם", ["שָׁלוֹם", ",", "עֲלֵיכֶם"]),
        ("می\u200cخواهم", ["می\u200cخواهم"]),
        ("\u200fשלום\u200f!", ["שלום", "!"]),
        ("cafe\u0301 co\u00adop", ["caf\u00e9", "coop"]),
        ("don't it’s well-known 3.14", ["don't", "it’s", "well", "-", "known", "3", ".", "14"]),
        (
            "👩\u200d👩\u200d👧 👍🏽! 🇩🇪🇫🇷 1\ufe0f\u20e3",
            ["👩\u200d👩\u200d👧", "👍🏽", "!", "🇩🇪", "🇫🇷", "1\ufe0f\u20e3"],
        ),
        ("", []),
    ],
)
def test_words_of_many_scripts(text: str, words: list[str]) -> None:
    wanted = [unicodedata.normalize("NFC", word) for word in words]
    assert tokenize(STATE, text) == wanted


def by_definition(text: str) -> list[str]:
    """Letters and digits with the marks after them, runs of them joined, apostrophes within; else a sign with its."""
    text = unicodedata.normalize("NFC", text)
    kinds = ["w" if c.isalnum() or c == "_" else "m" if unicodedata.category(c)[0] == "M" else "s" for c in text]
    found: list[str] = []
    open_word = False
    for place, (letter, kind) in enumerate(zip(text, kinds, strict=True)):
        after = kinds[place + 1] if place + 1 < len(kinds) else ""
        joins = open_word and letter in "'’" and after == "w"
        if letter.isspace():
            open_word = False
        elif (kind == "w" and open_word) or joins or (kind == "m" and place and not text[place - 1].isspace()):
            found[-1] += letter
            open_word = open_word or joins
        else:
            found.append(letter)
            open_word = kind == "w"
    return found


LETTERS = st.sampled_from("ab1_ '’.-\u0301\u0308\u093f\u094d\u0915\u0e2a\u0e34\u05e9\u05b8\u0645\u064e😀\u1100\u1161")


@settings(max_examples=300, deadline=None)
@given(st.text(LETTERS, max_size=12))
@example("a\u0301'b")
def test_words_by_the_categories_of_unicode(text: str) -> None:
    assert tokenize(STATE, text) == by_definition(text)


@given(st.text(st.characters(codec="latin-1", exclude_characters="\xad"), max_size=20))
def test_texts_without_marks_have_the_words_they_always_had(text: str) -> None:
    assert tokenize(STATE, text) == tokenize(OLD, text)


def test_a_network_from_before_cuts_as_it_did() -> None:
    assert tokenize(OLD, "अच्छी e\u0301") == ["अच", "\u094d", "छ", "\u0940", "e", "\u0301"]
    old = fit_words("texts", ["अच्छी है"] * 2).state()
    del old["marks"]
    again = ENCODERS["texts"](json.loads(json.dumps(old)))
    assert "marks" not in again.state()


def test_one_word_in_two_forms_is_one_and_exports_read_it_so() -> None:
    encoder = fit_words("texts", ["caf\u00e9 ole", "cafe\u0301 ole"])
    assert encoder.content["words"] == ["caf\u00e9", "ole"]
    state = json.loads(json.dumps(encoder.state()))
    assert encode(state, ["cafe\u0301"]).tolist() == encode(state, ["caf\u00e9"]).tolist() == [[[2]]]
    tagged = fit_words("sentences", [("caf\u00e9", "x"), ("cafe\u0301", "x")], characters=4)
    assert tagged.content["words"] == ["caf\u00e9", "x"]
    assert (
        encode(tagged.state(), [("cafe\u0301",)])[0, 0].tolist()
        == encode(tagged.state(), ["cafe\u0301"])[0, 0].tolist()
    )


@pytest.mark.parametrize("marks", ["x-y", "0300-036f-0400", "110000-110001", "0400-0300", "-", 5.5])
def test_damaged_marks_are_refused(marks: Any) -> None:
    state = {**fit_words("texts", ["a b"]).state(), "marks": marks}
    with pytest.raises(ValueError, match=r"marks are ranges|invalid literal"):
        ENCODERS["texts"](state)


@pytest.mark.parametrize(("text", "noted"), [("我们喜欢这部电影", True), ("สวัสดีครับ", True), ("यह फिल्म", False)])
def test_scripts_without_spaces_are_said(text: str, noted: bool) -> None:
    assert any("no spaces between words" in note for note in fit_words("texts", [text]).notes) is noted
