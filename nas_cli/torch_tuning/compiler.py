"""Keeps torch from loading its compiler in processes that compile nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import FunctionType

MARK = "__dynamo_disable"


def leave_out(functions: Iterable[object]) -> None:
    """Marks the Python functions among `functions`, and the functions they wrap, as excluded from torch's compiler.

    torch excludes some of its own functions from compilation, and the first call of any of them loads the compiler just
    to register that: 1 to 1.4 s and 70 MB for each process. With the mark set already, the call does not. In a version
    of torch without this mark, functions load the compiler as before.
    """
    waiting = [function for function in functions if isinstance(function, FunctionType)]
    while waiting:
        function = waiting.pop()
        if MARK in vars(function):
            continue
        setattr(function, MARK, function)
        waiting += _wrapped(function)


def _wrapped(function: FunctionType) -> Iterator[FunctionType]:
    for cell in function.__closure__ or ():
        try:
            inner = cell.cell_contents
        except ValueError:  # an empty cell
            continue
        if isinstance(inner, FunctionType):
            yield inner
