"""The page's templates: whatever they are given is text, escaped; markup stands in the templates alone."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from nas_cli.words import printable, sentence

FOLDER = Path(__file__).with_name("templates")


def fill(template: str, **values: Any) -> str:
    """The text of templates/`template`. Every expression in it is written by `written`, then escaped; a name that is
    not among `values` is an error.
    """
    return _environment().get_template(template).render(values)


@functools.cache
def _environment() -> Environment:
    """Reads and compiles each template once: a search writes its page again and again."""
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
    """Letters that turn the direction of what follows, or show as nothing, as escapes; numbers with three places."""
    if isinstance(value, Markup):  # what a macro of ours gave
        return value
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    return printable(value, lines=True)
