"""How files hold what a user wants predicted. Importing the folder registers a form for each kind of example."""

from nas_cli.data.asking import images, records, rows, texts

__all__ = ["images", "records", "rows", "texts"]
