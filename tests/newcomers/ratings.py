"""Two inputs: a user and an item come in, and the stars that the one gave the other are learned."""

import csv
from pathlib import Path
from typing import Annotated

import numpy as np
from torch import nn

from nas_cli.arguments import FromData
from nas_cli.axes import Axes
from nas_cli.data import Dataset, Examples, Wanted
from nas_cli.plugins import encoder, op, source, task
from nas_cli.task.regression import Regression

PAIR = {"user": "names", "item": "names"}


class Names:
    axes = Axes("int32", (1,))

    def __init__(self, known):
        self.known = {name: number for number, name in enumerate(known, 1)}
        self.facts = {"names": len(known) + 1}

    def encode(self, raw):
        return np.array([[self.known.get(name, 0)] for name in raw], np.int32)

    def read(self, given):
        return [(name, np.array([name], object)) for name in given]

    def state(self):
        return {"kind": "names", "known": list(self.known)}


encoder("names")(lambda state: Names(state["known"]))


@source("ratings")
def ratings(path: Path) -> Dataset:
    """A CSV file with the columns user, item and stars."""
    rows = list(csv.DictReader(path.open()))
    columns = {field: np.array([row[field] for row in rows], object) for field in PAIR}
    stars = np.array([float(row["stars"]) for row in rows])
    examples = Examples(str(path), stars, lambda rows: {field: column[rows] for field, column in columns.items()})
    return Dataset(examples, inputs=PAIR, fit=dict.fromkeys(PAIR, lambda raw: Names(sorted(set(raw)))))


@op("lookup")
def lookup(shape, names: Annotated[int, FromData("names")], units: int = 8) -> nn.Module:
    """A vector for each name."""
    return nn.Sequential(nn.Embedding(names, units), nn.Flatten())


@task("rating")
class Rating(Regression):
    wanted = Wanted(PAIR, "number")
