"""The encoder of YAML. Readers of YAML 1.1 and of YAML 1.2 read the same values from its output."""

from __future__ import annotations

import re
from typing import Any

import yaml

from nas_cli.words import printable

NUMBER_OR_WORD = re.compile(
    r"[-+]?(0o?[0-7_]+|0x[0-9a-f_]+|0b[01_]+|(\.[0-9_]+|[0-9][0-9_]*(\.[0-9_]*)?)(e[-+]?[0-9]+)?|\.inf)"
    r"|\.nan|~|null|true|false|yes|no|on|off|y|n|=|<<|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?",
    re.IGNORECASE,
)
"""Unquoted texts that YAML 1.1 or 1.2 reads as another type than text."""


def dump_yaml(content: Any) -> str:
    """YAML with short lists and mappings on one line, in the order given; floats read back as floats."""
    return _dumped(content, 120, None)


def inline_yaml(value: Any) -> str:
    """A value on one line of any length, to follow `key: `."""
    text = _dumped(value, 10**9, True)
    return text.removesuffix("\n").removesuffix("\n...")


def comment(text: object) -> str:
    """`text` as a comment of exactly one line, whatever characters it has."""
    return f"# {printable(text)}"


def _dumped(value: Any, width: int, flow: bool | None) -> str:
    text = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=width, default_flow_style=flow)
    # Texts with hidden letters are double-quoted, where YAML has the same escapes as `printable`.
    return printable(text, lines=True)


class _Dumper(yaml.SafeDumper):
    """Writes no aliases, numbers such as 1e-05 with a point, and quotes around texts that look like numbers."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _float(dumper: yaml.SafeDumper, value: float) -> yaml.ScalarNode:
    text = repr(value)
    if text in ("inf", "-inf", "nan"):
        text = text.replace("inf", ".inf").replace("nan", ".nan")
    elif "e" in text and "." not in text:
        text = text.replace("e", ".0e")
    return dumper.represent_scalar("tag:yaml.org,2002:float", text)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    hidden = printable(value) != value
    if hidden:
        style = '"'
    elif NUMBER_OR_WORD.fullmatch(value):
        style = "'"
    else:
        style = None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(float, _float)
_Dumper.add_representer(str, _text)
