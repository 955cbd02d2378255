"""The strategies on NAS-Bench-Macro with few repetitions; `make bench` has the full one."""

from __future__ import annotations

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
