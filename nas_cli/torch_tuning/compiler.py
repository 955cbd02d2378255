"""Keeps torch's compiler out of processes that compile nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import FunctionType

MARK = "__dynamo_disable"


def leave_out(functions: Iterable[object]) -> None:
    """Has those of `functions` that are Python functions, and what they wrap, run without loading torch's compiler.

    torch marks some of its own functions as not to be compiled, and the first call of any of them loads the compiler
    only to tell it so: 1 to 1.4 s and 70 MB a process. Told here that they are kept out of it already, they do not.
    Where a version of torch keeps this elsewhere, they load it as before.
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
        except ValueError:  # it is empty
            continue
        if isinstance(inner, FunctionType):
            yield inner
