"""What is learned. Importing the room registers its tasks."""

from nas_cli.task import image_classification
from nas_cli.task.base import TASKS, Direction, Table, Task

__all__ = ["TASKS", "Direction", "Table", "Task", "image_classification"]
