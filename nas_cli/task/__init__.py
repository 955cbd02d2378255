"""Tasks. Importing the room registers them, with their references and recipes."""

from nas_cli.task import (
    boosting,
    image_classification,
    image_regression,
    mask_recipe,
    otsu,
    segmentation,
    sequence_labelling,
    table_classification,
    table_recipe,
    table_regression,
    text_classification,
)
from nas_cli.task.base import TASKS, Direction, Scorer, Task, Written, name_of, open_task, scored
from nas_cli.task.blocks import Block, Curve, Matrix, Table
from nas_cli.task.recipes import RECIPES, Recipe
from nas_cli.task.references import REFERENCES

__all__ = [
    "RECIPES",
    "REFERENCES",
    "TASKS",
    "Block",
    "Curve",
    "Direction",
    "Matrix",
    "Recipe",
    "Scorer",
    "Table",
    "Task",
    "Written",
    "boosting",
    "image_classification",
    "image_regression",
    "mask_recipe",
    "name_of",
    "open_task",
    "otsu",
    "scored",
    "segmentation",
    "sequence_labelling",
    "table_classification",
    "table_recipe",
    "table_regression",
    "text_classification",
]
