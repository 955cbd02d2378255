"""Every seed of a run, derived from the spec's one seed."""

from __future__ import annotations

import numpy as np


def trial_seed(seed: int, number: int) -> int:
    """The seed of trial `number`, for its weights, batches and augmentation."""
    return derive(seed, 1, number)


def final_seed(seed: int, repetition: int) -> int:
    """The seed of the final trainings numbered `repetition`: the same for every candidate, for a paired comparison."""
    return derive(seed, 2, repetition)


def derive(*parts: int) -> int:
    """A seed below 2^63, independent of the seeds of other `parts`."""
    return int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0] >> np.uint64(1))
