"""Whatever stands in a text, each encoder makes of it what its language reads as that text and as nothing more."""

from __future__ import annotations

import subprocess

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from nas_cli.spec.load import parse_document
from nas_cli.words import printable, shell, utf8
from nas_cli.yaml_text import comment, dump_yaml, inline_yaml

HOSTILE = [
    "a\nplugins: [x]",
    "\x1b[2J",
    "\r",
    "\x85",
    "\u2028",
    "\u202e",
    "# x",
    "': {",
    "- ",
    "---",
    "08",
    "1e5",
    "0o7",
]
HOSTILE += [
    "yes",
    "~",
    "",
    " ",
    "1:30",
    "1_00",
    ".5",
    "!!python/name:os.system",
    "&a",
    "*a",
    "<<",
    "=",
    "2026-11-27",
    "é",
]
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.sampled_from(HOSTILE)


@given(TEXTS)
def test_a_comment_ends_with_its_line(text: str) -> None:
    assert yaml.safe_load(f"a: 1\n{comment(text)}\nb: 2\n") == {"a": 1, "b": 2}


@given(st.dictionaries(TEXTS, TEXTS | st.floats(allow_nan=False, allow_infinity=False), max_size=3))
def test_yaml_is_read_back_by_readers_of_both_versions(content: dict[str, str | float]) -> None:
    assert yaml.safe_load(dump_yaml(content)) == content
    assert printable(dump_yaml(content), lines=True) == dump_yaml(content)
    inline = "value: " + inline_yaml(content)
    assert "\n" not in inline
    assert yaml.safe_load(inline) == {"value": content}
    assert parse_document(inline, "t").data == {"value": content}


@pytest.mark.parametrize("value", [1e-05, 1e22, 0.1, -2.5e300, float("inf"), float("-inf")])
def test_floats_are_read_back_as_floats(value: float) -> None:
    assert yaml.safe_load(inline_yaml(value)) == value


@given(st.text(max_size=30) | st.sampled_from(HOSTILE))
def test_nothing_printable_acts_on_a_terminal(text: str) -> None:
    shown = printable(text)
    assert not any(ord(letter) < 32 or 0x7F <= ord(letter) < 0xA0 or 0xD800 <= ord(letter) < 0xE000 for letter in shown)
    assert len(shown.splitlines()) <= 1
    utf8(shown)


@settings(max_examples=25, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20))
def test_a_shell_reads_the_same_words(text: str) -> None:
    command = "printf '%s.' " + shell(text, "b c")
    assert printable(command) == command
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=True, env={"LC_ALL": "C.UTF-8"})
    assert done.stdout.decode() == f"{text}.b c."
