"""What is learned. Importing the room registers its tasks."""

from nas_cli.task import (
    image_classification,
    sequence_labelling,
    table_classification,
    table_regression,
    text_classification,
)
from nas_cli.task.base import TASKS, Direction, Table, Task

__all__ = [
    "TASKS",
    "Direction",
    "Table",
    "Task",
    "image_classification",
    "sequence_labelling",
    "table_classification",
    "table_regression",
    "text_classification",
]
