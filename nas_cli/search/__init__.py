"""What to try next and for how long. Importing the room registers its strategies and schedulers."""

from nas_cli.search.scheduler import SCHEDULERS
from nas_cli.search.schedulers import asha, hyperband
from nas_cli.search.strategies import evolution, genetic, grid, nsga2, optuna_sampler, random, reinforce
from nas_cli.search.strategy import STRATEGIES

__all__ = [
    "SCHEDULERS",
    "STRATEGIES",
    "asha",
    "evolution",
    "genetic",
    "grid",
    "hyperband",
    "nsga2",
    "optuna_sampler",
    "random",
    "reinforce",
]
