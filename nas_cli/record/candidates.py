"""Names of the networks in the final phase, and of their files: `trial-12`, `baseline-plain`."""

from __future__ import annotations

import re

TRIAL, BASELINE = "trial-", "baseline-"
PATTERN = r"^(trial-[0-9]{1,15}|baseline-[\w-]{1,200})\Z"
"""Names that are safe as file names."""
_NAME = re.compile(PATTERN)


def is_candidate(value: object) -> bool:
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def trial_candidate(number: int) -> str:
    return f"{TRIAL}{number}"


def baseline_candidate(name: str) -> str:
    return f"{BASELINE}{name}"


def trial_of(candidate: str) -> int | None:
    """The number of the candidate's trial; None for a baseline."""
    number = candidate.removeprefix(TRIAL)
    return int(number) if candidate.startswith(TRIAL) and number.isdecimal() else None


def baseline_of(candidate: str) -> str | None:
    """The baseline's name in the spec; None for a trial."""
    return candidate.removeprefix(BASELINE) if candidate.startswith(BASELINE) else None


def spoken(candidate: str) -> str:
    """`trial-12` as `trial 12`, `baseline-two-layers` as `baseline two-layers`."""
    return candidate.replace("-", " ", 1)


def training(candidate: str, seed: int | None = None) -> str:
    """The label of a training: `trial 12` in the search, `trial 12, seed 1` in the final phase."""
    return spoken(candidate) if seed is None else f"{spoken(candidate)}, seed {seed}"
