"""Tables of pictures, and images with masks, in folders and zips, sound ones and damaged, read as a search does."""

from __future__ import annotations

import io
import random
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from fuzz.documents import damaged, picture, put, wild
from PIL import Image

from nas_cli.data import Wanted, load_test, load_training, parse_data
from nas_cli.errors import DataError

NUMBERS, CLASSES, MASKS = Wanted("images", "number"), Wanted("images", "class"), Wanted("images", "mask")
CELLS = ["", "NA", "1e400", "nan", "x", "1,5", "-0.25", "7", "\x1b[31m", "'", '"', "\u0663"]
SPELLINGS = [
    "{}",
    "C:\\data\\{}",
    "/home/me/{}",
    "../{}",
    "./{}",
    "https://host/{}",
    "x" * 5000 + "{}",
    "{}\0",
    "{}/",
    "~/{}",
]
LEGENDS: list[Any] = [
    None,
    ["a", "b"],
    ["a", "b", "c"],
    {"a": 0, "b": 1},
    {"a": 0, "b": "rest"},
    {"a": [0, 0, 0], "b": [255, 255, 255]},
    {"a": [0, 0, 0], "b": "rest"},
    {"a": [[0, 0, 0], 3], "b": {}},
    "legend.txt",
    "nowhere.txt",
]
LINES = [
    "a,0,0,0",
    "b,255,255,255",
    "r,g,b",
    "0 0 0 c",
    "d:1,2,3::",
    "e=4",
    ",,,",
    "999,999,999 x",
    "\u202e,1,2,3",
    "# x",
]


def action(rng: random.Random) -> None:
    with tempfile.TemporaryDirectory() as folder:
        rng.choice([tables, masks])(rng, Path(folder) / "data")


def tables(rng: random.Random, top: Path) -> None:
    spelling, mark = rng.choice(SPELLINGS if rng.random() < 0.3 else SPELLINGS[:1]), rng.choice(",,,;\t| ")
    for part in rng.choice([[""], ["train", "test"], ["train", "val", "test"]]):
        lines = [mark.join(["file", "number", "other"])] if not wild(rng) else []
        for k in range(rng.randrange(12, 24)):
            ending = rng.choice([".png", ".jpg", ".tif", ""] if wild(rng) else [".png"])
            if not wild(rng):
                put(top / part / "images" / f"{k}{ending}", small(rng))
            cells = [rng.choice(CELLS) if wild(rng) else str(rng.randrange(9)) for _ in range(2)]
            lines.append(mark.join([spelling.format(f"images/{k}{ending}"), *cells]))
        put(top / part / rng.choice(["labels.csv", "t.tsv"]), damaged(rng, "\n".join(lines).encode()))
    section: dict[str, Any] = {
        "source": "image-table",
        "path": str(packed(rng, top)),
        "size": 4,
        "test": rng.choice([0.2, "auto"]) if wild(rng) else "auto",
        "missing_files": rng.choice([0.1, 1.0]),
        "target": rng.choice([None, "number", "2", "file", []] if wild(rng) else [None, "number"]),
        "image": rng.choice(["1", "number", "other"]) if wild(rng) else rng.choice([None, "file"]),
        "images": rng.choice([None, None, None, "images", "..", "/", "\0"]) if wild(rng) else None,
        "header": rng.choice(["auto", True, False]) if wild(rng) else "auto",
    }
    read(section, rng.choice([NUMBERS, CLASSES]))


def masks(rng: random.Random, top: Path) -> None:
    names = rng.choice([("images", "masks"), ("img", "gt"), (".", "masks"), (".", "."), ("x", "y")])
    kinds = rng.choice([[0, 1], [0, 255], [0, 1, 255], [0, 128, 255], list(range(256))])
    mode = rng.choice(["L", "L", "P", "RGB", "1", "I;16", "LA", "RGBA", "F"])
    for part in rng.choice([[""], ["train", "test"], ["train", "val", "test"], ["val"]]):
        for k in range(rng.randrange(8, 16)):
            size = (8, 8) if not wild(rng) else (rng.randrange(1, 30), 8)
            put(top / part / names[0] / f"{k}.png", small(rng, size))
            suffix = "_mask" if names[0] == "." or wild(rng) else ""
            ending = rng.choice(["png", "tif", "gif", "jpg"]) if wild(rng) else "png"
            put(top / part / names[1] / f"{k}{suffix}.{ending}", drawn(rng, kinds, mode, size))
    put(top / "legend.txt", damaged(rng, "\n".join(rng.choices(LINES, k=4)).encode()))
    section: dict[str, Any] = {
        "source": "image-masks",
        "path": str(packed(rng, top)),
        "size": rng.choice([None, 4, [3, 9]]),
        "fit": rng.choice(["stretch", "crop", "pad"]),
        "classes": rng.choice(LEGENDS) if rng.random() < 0.4 else None,
        "ignore": rng.choice(["none", 255, 0, [255, 255, 255], -1]) if rng.random() < 0.2 else "auto",
        "images": rng.choice(["", ".", "/", "\0"]) if wild(rng) else {"x": "x"}.get(names[0]),
        "masks": rng.choice(["", ".", ".."]) if wild(rng) else {"y": "y"}.get(names[1]),
        "test": rng.choice([0.2, "auto"]) if wild(rng) else "auto",
    }
    read(section, MASKS)


def read(section: dict[str, Any], wanted: Wanted) -> None:
    settings = parse_data({key: value for key, value in section.items() if value is not None})
    data = load_training(settings, 0, wanted=wanted)
    if wanted is MASKS:
        assert data.train.targets.shape[1:] == data.train.inputs.shape[2:]
        assert set(np.unique(data.train.targets)) <= {*range(len(data.labels)), 255}
    assert settings.as_found(data.facts).open().names in (None, data.labels)
    load_test(settings, 0, wanted=wanted, labels=data.labels, fields=data.fields)


def small(rng: random.Random, size: tuple[int, int] = (8, 8)) -> bytes:
    if wild(rng):
        return picture(rng)
    stream = io.BytesIO()
    Image.fromarray(np.frombuffer(rng.randbytes(size[0] * size[1]), np.uint8).reshape(size)).save(stream, "PNG")
    return damaged(rng, stream.getvalue())


def drawn(rng: random.Random, kinds: list[int], mode: str, size: tuple[int, int]) -> bytes:
    values = np.array(rng.choices(kinds, k=size[0] * size[1]), np.uint8).reshape(size)
    image = Image.fromarray(values)
    if mode == "P":
        image = image.convert("P")
        image.putpalette(rng.randbytes(768) if wild(rng) else bytes(range(256)) * 3)
    elif mode in ("I;16", "F"):
        image = Image.fromarray(values.astype({"I;16": np.uint16, "F": np.float32}[mode]))
    else:
        image = image.convert(mode)
    stream = io.BytesIO()
    image.save(stream, "TIFF" if mode == "F" else "PNG")
    return damaged(rng, stream.getvalue())


def packed(rng: random.Random, top: Path) -> Path:
    if rng.random() < 0.7:
        return top
    path = top.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(top.rglob("*")):
            if file.is_file():
                archive.write(file, str(file.relative_to(top)))
    path.write_bytes(damaged(rng, path.read_bytes()))
    return path


def sound(number: int) -> bool:
    """Whether input `number` is read, and not refused."""
    try:
        action(random.Random(f"labelled_pictures {number}"))
    except DataError:
        return False
    return True
