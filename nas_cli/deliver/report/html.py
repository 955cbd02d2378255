"""Renders the page's templates. All values are escaped as text; only the templates contain markup."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from nas_cli.words import printable, sentence

FOLDER = Path(__file__).with_name("templates")


def fill(template: str, **values: Any) -> str:
    """Renders templates/`template`. Every expression is formatted by `written` and then escaped; a name that is not
    among `values` is an error.
    """
    return _environment().get_template(template).render(values)


@functools.cache
def _environment() -> Environment:
    """The environment, which compiles each template once: a search writes its page many times."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=written,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["sentence"] = sentence
    return environment


def written(value: Any) -> str:
    """Formats a value: floats with up to three decimals; control, invisible and bidi characters as escapes."""
    if isinstance(value, Markup):  # the output of a macro of ours
        return value
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    return printable(value, lines=True)
