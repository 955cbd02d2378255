"""The strategies on NAS-Bench-Macro with few repetitions; `make bench` has the full one."""

from __future__ import annotations

import statistics

import pytest
from bench import macro

pytestmark = pytest.mark.skipif(not macro.DATA.exists(), reason="../shared/data/nas-bench-macro.json is absent")
SEARCHES = {"random": 40, "evolution": 20, "genetic": 20, "reinforce": 10}


@pytest.mark.parametrize("name", macro.GOALS)
def test_goal_within_three_standard_errors(name: str) -> None:
    score = macro.Score.of([macro.search(name, seed) for seed in range(SEARCHES[name])])
    assert score.mean + 3 * score.error >= macro.GOALS[name]
    if name != "random":
        assert score.mean > macro.GOALS["random"] + 0.08, "far above random search"


def test_the_front_within_three_standard_errors() -> None:
    found = [macro.search_front("nsga2", seed) for seed in range(12)]
    for queries, goal in macro.FRONT_GOALS.items():
        scores = [each[queries] for each in found]
        error = statistics.stdev(scores) / len(scores) ** 0.5
        assert statistics.fmean(scores) + 3 * error >= goal
    assert found[0][400] > macro.search_front("random", 0)[400] + 0.02, "far above random search"
