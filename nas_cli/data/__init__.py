"""The user's files as arrays, and how they are divided. Importing the room registers its sources."""

from nas_cli.data import asking, portable
from nas_cli.data.asked import Asked, Reader
from nas_cli.data.cache import Cache
from nas_cli.data.fields import Fields, restore
from nas_cli.data.inputs import read_inputs
from nas_cli.data.kinds import masks, numbers, words
from nas_cli.data.kinds.targets import IGNORED
from nas_cli.data.load import TrainingData, load_test, load_training
from nas_cli.data.other import load_other
from nas_cli.data.repeated import about_repeated
from nas_cli.data.settings import DataSettings, parse_data, source_params
from nas_cli.data.source import ENCODERS, SOURCES, Dataset, Encoder, Examples, Levels, Part
from nas_cli.data.sources import conll, csv_table, digits, idx, image_folder, image_masks, image_table, npz, text
from nas_cli.data.split import by_group, by_order, by_position, latest_of_group
from nas_cli.data.wanted import Wanted

__all__ = [
    "ENCODERS",
    "IGNORED",
    "SOURCES",
    "Asked",
    "Cache",
    "DataSettings",
    "Dataset",
    "Encoder",
    "Examples",
    "Fields",
    "Levels",
    "Part",
    "Reader",
    "TrainingData",
    "Wanted",
    "about_repeated",
    "asking",
    "by_group",
    "by_order",
    "by_position",
    "conll",
    "csv_table",
    "digits",
    "idx",
    "image_folder",
    "image_masks",
    "image_table",
    "latest_of_group",
    "load_other",
    "load_test",
    "load_training",
    "masks",
    "npz",
    "numbers",
    "parse_data",
    "portable",
    "read_inputs",
    "restore",
    "source_params",
    "text",
    "words",
]
