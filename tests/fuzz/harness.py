"""What every fuzzer holds the product to: an error is a sentence, nothing hangs, nothing takes memory without bound.

A fuzzer makes inputs from seeds: input number n is made of `random.Random(f"{name} {n}")` alone, so that a failure
names all that is needed to see it again.
"""

from __future__ import annotations

import random
import resource
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nas_cli.errors import NasError
from nas_cli.words import printable

SECONDS_OF_CPU = 5.0
"""Of the process, not of the wall: a machine that does other things beside this is no reason to fail."""
SECONDS = 120.0
"""Of the wall: an action that waits for what never comes uses no processor."""
BYTES = 2 * 10**9
"""What an action may allocate beyond what the process had before."""

Action = Callable[[random.Random], object]


class Hang(BaseException):
    """No Exception: nothing that catches those may swallow it."""


@contextmanager
def limited() -> Iterator[None]:
    """Raises Hang or MemoryError within the block where it goes beyond the limits. For the main thread."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    handlers = {number: signal.signal(number, _hang) for number in (signal.SIGALRM, signal.SIGPROF)}
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + BYTES, before[1]))
    signal.setitimer(signal.ITIMER_PROF, SECONDS_OF_CPU)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_AS, before)
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _hang(number: int, frame: Any) -> None:
    raise Hang("no answer in time")


def complaint(action: Callable[[], object]) -> str:
    """What is wrong with how `action` ended; "" where it ended well or with an error that a person can act on."""
    try:
        with limited():
            action()
    except NasError as error:
        message = str(error)
        if not message.strip():
            return f"{type(error).__name__} without a message"
        if printable(message, lines=True) != message:
            return f"a message with control characters: {message!r}"
    except SystemExit as error:
        if error.code not in (None, 0, 1, 2):
            return f"exit code {error.code}"
    except (Exception, Hang):  # noqa: BLE001 - what it is, is the answer
        return traceback.format_exc(limit=-6)
    return ""


def fuzz(name: str, action: Action, numbers: range) -> list[str]:
    """The complaints about inputs `numbers` of the fuzzer `name`, each with the number of its input."""
    found = []
    for number in numbers:
        said = complaint(lambda number=number: action(random.Random(f"{name} {number}")))  # type: ignore[misc]
        if said:
            found.append(f"{name} {number}: {said}")
    return found
