"""A number for each row of a table."""

from __future__ import annotations

from nas_cli.data.wanted import Wanted
from nas_cli.task.base import task
from nas_cli.task.regression import Regression


@task("table-regression")
class TableRegression(Regression):
    """Numbers for each row of a table."""

    wanted = Wanted("table rows", "number")
