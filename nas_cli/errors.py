"""Every exception that `nas` raises on purpose.

    NasError                    exit code 1: something went wrong while working
    ├── UserError               exit code 2: the input is wrong; the message says where, what and what is allowed
    │   ├── SpecError           ... in the spec; `path` locates the value (a tuple of keys and indices)
    │   ├── DataError           ... in the user's data
    │   ├── RunError            ... in a run directory: missing file, damaged journal or checkpoint, locked by another
    │   ├── PluginError         ... in a Python file that the spec names: a component that does not keep its contract
    │   └── MissingExtraError   an optional dependency is not installed; the message has the pip command
    ├── ExportError             an exported file does not compute what the model computes
    ├── Infeasible              a candidate that cannot be built; recorded with its reason, never trained
    └── TrialFailed             a candidate whose training failed (a NaN loss, say); recorded with its reason

A message is one sentence that a user can act on. No `NasError` leaves the CLI as a traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from nas_cli.words import printable

Path = tuple[str | int, ...]
MAX_WORD, MAX_LISTED = 100, 40
"""Characters of a word that are compared with others; words that a message lists."""


class NasError(Exception):
    """Its message is safe to print: control characters from names and files are escaped."""

    exit_code = 1

    def __init__(self, message: object = "") -> None:
        super().__init__(printable(message, lines=True))


class UserError(NasError):
    exit_code = 2


class SpecError(UserError):
    """A wrong value in the spec. `path` is its place in the document; `run/compose.py` turns it into file:line:column.

    `on_key` puts the place on the key of a mapping rather than on its value.
    """

    def __init__(self, message: str, path: Path = (), *, on_key: bool = False) -> None:
        message = printable(message)
        super().__init__(message)
        self.message = message
        self.path = path
        self.on_key = on_key

    def under(self, prefix: Path) -> SpecError:
        """The same error, its path continued upwards by `prefix`."""
        return SpecError(self.message, prefix + self.path, on_key=self.on_key)


class DataError(UserError):
    """Wrong data. `remedy` has keys and values for `data:` with which it could be read, if there are any."""

    def __init__(self, message: str, remedy: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.remedy = dict(remedy or {})


class RunError(UserError):
    pass


class PluginError(UserError):
    """A plugin's component breaks its contract. The message has the file, what it returned, and what is expected."""


class MissingExtraError(UserError):
    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs the package {package}: pip install 'nas-cli[{extra}]'")


class ExportError(NasError):
    pass


class Infeasible(NasError):
    pass


class TrialFailed(NasError):
    pass


def did_you_mean(word: object, allowed: Iterable[object]) -> str:
    """`; did you mean 'conv'?` for the nearest of `allowed`, or `; allowed: a, b, c` where nothing is near."""
    names = [str(name) for name in allowed]
    short = [name for name in names if len(name) <= MAX_WORD]
    near = difflib.get_close_matches(str(word)[:MAX_WORD], short, n=1, cutoff=0.6)
    if near:
        return f"; did you mean '{near[0]}'?"
    if not names:
        return ""
    more = f", … ({len(names) - MAX_LISTED:,} more)" if len(names) > MAX_LISTED else ""
    return f"; allowed: {', '.join(name[:MAX_WORD] for name in names[:MAX_LISTED])}{more}"
