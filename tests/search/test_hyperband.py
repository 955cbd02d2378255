"""Hyperband deals trials to brackets as its table says, and each bracket halves by itself."""

from __future__ import annotations

from collections import Counter

import pytest
from journals import tell

from nas_cli.errors import SpecError
from nas_cli.search.schedulers.hyperband import Hyperband
from nas_cli.trial import History


def test_the_brackets_of_the_papers_table() -> None:
    """R = 81, eta = 3: 81, 34, 15, 8 and 5 trials start at 1, 3, 9, 27 and 81 epochs (Li et al. 2018, Table 1)."""
    hyperband = Hyperband(81)
    assert hyperband.rungs == (1, 3, 9, 27, 81)
    dealt = Counter(hyperband.first_rung(number) for number in range(81 + 34 + 15 + 8 + 5))
    assert dealt == {0: 81, 1: 34, 2: 15, 3: 8, 4: 5}
    early = Counter(hyperband.first_rung(number) for number in range(20))
    assert early[0] in range(9, 14), "every bracket gets its share from the start"
    assert set(early) >= {0, 1, 2}


def finish(history: History, number: int, rung: int, reward: float, rungs: int) -> None:
    end = {"number": number, "rung": rung, "measurement": {}, "reward": reward, "last": rung == rungs - 1}
    tell(history, {"event": "trial_finished", **end})


def test_trials_compete_within_their_bracket_only() -> None:
    hyperband, history = Hyperband(9), History()
    for number in range(40):
        first = hyperband.first_rung(number)
        tell(history, {"event": "trial_started", "number": number, "genotype": {"x": number}, "rung": first})
        finish(history, number, first, number / 100, 3)
    promoted = []
    while (promotion := hyperband.next(history)) is not None:
        number, rung = promotion
        promoted.append(number)
        trial = history.trials[number]
        assert rung == trial.rung + 1
        bracket = [t for t in history if hyperband.first_rung(t.number) == hyperband.first_rung(number)]
        rivals = [t.number for t in bracket if any(ended == trial.rung for ended, _, _ in t.rungs)]
        assert sorted(rivals, reverse=True).index(number) < len(rivals) // 3
        tell(history, {"event": "trial_started", "number": number, "rung": rung})
        finish(history, number, rung, number / 100, 3)
    assert {hyperband.first_rung(number) for number in promoted} == {0, 1}
    assert all(history.trials[n].status == "paused" for n in hyperband.needed(history, None))
    assert hyperband.needed(history, 3) == []


def test_too_many_first_epochs() -> None:
    with pytest.raises(SpecError, match="min_epochs is 10, and a training has 9 epochs") as caught:
        Hyperband(9, min_epochs=10)
    assert caught.value.path == ("hyperband", "min_epochs")
