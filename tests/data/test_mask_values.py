"""What the pixels of masks mean: indices, grey values, colours, blurred ones, and ignored ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nas_cli.data import Wanted, load_training, parse_data
from nas_cli.data.source import Dataset
from nas_cli.errors import DataError

COUNT = 4
SIZE = (16, 16)
Pixels = np.ndarray[Any, Any]
RED, BLUE, BLACK = [255, 0, 0], [0, 0, 255], [0, 0, 0]


def kinds(number: int) -> Pixels:
    """Stripes of the classes 0, 1, …, `number` - 1."""
    rows = np.arange(SIZE[0]) * number // SIZE[0]
    return np.repeat(rows[:, None], SIZE[1], axis=1).astype(np.uint8)


def draw(folder: Path, mask: Pixels | Image.Image, ending: str = "png", **more: Any) -> Path:
    for k in range(COUNT):
        for kind in ("images", "masks"):
            (folder / kind).mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full(SIZE, k, np.uint8)).save(folder / "images" / f"{k}.png")
        (mask if isinstance(mask, Image.Image) else Image.fromarray(mask)).save(
            folder / "masks" / f"{k}.{ending}", **more
        )
    return folder


def opened(path: Path, **more: Any) -> Dataset:
    return parse_data({"source": "image-masks", "path": str(path), **more}).open()


def refused(path: Path, **more: Any) -> str:
    with pytest.raises(DataError) as caught:
        opened(path, **more)
    return str(caught.value)


def in_values(mask: Pixels, values: Sequence[Any], dtype: Any = np.uint8) -> Pixels:
    return np.array(values, dtype)[mask]


def indexed(mask: Pixels, palette: Sequence[int]) -> Image.Image:
    image = Image.fromarray(mask).convert("P")
    image.putdata(mask.reshape(-1).tolist())
    image.putpalette([*palette, *[0] * (768 - len(palette))])
    return image


@pytest.mark.parametrize(
    ("values", "more", "names", "expected"),
    [
        ([0, 1], {}, ("0", "1"), [0, 1]),
        ([0, 255], {}, ("0", "255"), [0, 1]),
        ([0, 255], {"classes": ["sky", "cell"]}, ("sky", "cell"), [0, 1]),
        ([0, 128, 255], {}, ("0", "128", "255"), [0, 1, 2]),
        ([0, 128, 255], {"classes": ["a", "b", "c"]}, ("a", "b", "c"), [0, 1, 2]),
        ([0, 1, 3], {}, ("0", "1", "3"), [0, 1, 2]),
        ([0, 1, 3], {"classes": ["a", "b", "c", "d"]}, ("a", "b", "c", "d"), [0, 1, 3]),
        ([1, 2, 3], {"classes": ["a", "b", "c"]}, ("a", "b", "c"), [0, 1, 2]),
        ([0, 1, 255], {}, ("0", "1"), [0, 1, 255]),
        ([0, 1, 255], {"ignore": "none"}, ("0", "1", "255"), [0, 1, 2]),
        ([0, 1, 255], {"classes": ["a", "b", "c"]}, ("a", "b", "c"), [0, 1, 2]),
        ([0, 1, 255], {"classes": ["a", "b"]}, ("a", "b"), [0, 1, 255]),
        ([0, 7, 255], {"classes": [f"c{k}" for k in range(9)], "ignore": 255}, None, [0, 7, 255]),
        ([0, 9, 255], {"ignore": 9}, ("0", "255"), [0, 255, 1]),
        ([0, 100, 200], {"classes": {"b": 200, "a": 0, "c": 100}}, ("b", "a", "c"), [1, 2, 0]),
        ([0, 100, 200], {"classes": {"b": 200, "a": 0}, "ignore": 100}, ("b", "a"), [1, 255, 0]),
        ([0, 1, 2], {"classes": {"ground": 0, "object": "rest"}}, ("ground", "object"), [0, 1, 1]),
        ([0, 1, 255], {"classes": {"object": "rest", "ground": 0}, "ignore": 255}, ("object", "ground"), [1, 0, 255]),
        ([0, 100, 200], {"classes": {"b": [200, 200, 200], "a": BLACK, "c": [100] * 3}}, ("b", "a", "c"), [1, 2, 0]),
    ],
)
def test_grey_values_are_classes(
    tmp_path: Path, values: list[int], more: dict[str, Any], names: tuple[str, ...] | None, expected: list[int]
) -> None:
    mask = kinds(len(values))
    dataset = opened(draw(tmp_path, in_values(mask, values)), **more)
    assert names is None or dataset.names == names
    for label in dataset.train.labels:
        np.testing.assert_array_equal(label, in_values(mask, expected))


@pytest.mark.parametrize(
    ("make", "ending"),
    [
        (lambda mask: Image.fromarray(mask.astype(bool)), "png"),
        (lambda mask: Image.fromarray(mask.astype(np.uint16) * 65535), "png"),
        (lambda mask: Image.fromarray(mask.astype(np.int32)), "tif"),
        (lambda mask: Image.fromarray(mask.astype(np.float32)), "tif"),
        (lambda mask: Image.fromarray(np.repeat(255 * mask[..., None], 3, axis=2)), "png"),
        (lambda mask: Image.fromarray(np.stack([255 * mask] * 3 + [np.full_like(mask, 255)], axis=2)), "png"),
        (lambda mask: Image.fromarray(np.stack([255 * mask, np.full_like(mask, 255)], axis=2), "LA"), "png"),
        (lambda mask: indexed(mask, [0, 0, 0, 128, 0, 0]), "png"),
        (lambda mask: indexed(mask, [0, 0, 0, 128, 0, 0]), "gif"),
        (lambda mask: Image.fromarray(255 * mask), "jpg"),
        (lambda mask: Image.fromarray(np.repeat(255 * mask[..., None], 3, axis=2)), "jpg"),
    ],
)
def test_masks_of_two_classes_in_any_mode(tmp_path: Path, make: Any, ending: str) -> None:
    mask = kinds(2)
    dataset = opened(draw(tmp_path, make(mask), ending), classes=["off", "on"])
    for label in dataset.train.labels:
        np.testing.assert_array_equal(label, mask)


def test_the_index_of_a_palette_is_the_class(tmp_path: Path) -> None:
    mask = kinds(3)
    path = draw(tmp_path, indexed(mask, [0, 0, 0, 128, 0, 0, 0, 128, 0]))
    np.testing.assert_array_equal(opened(path).train.labels[0], mask)
    legend = {"green": [0, 128, 0], "red": [128, 0, 0], "black": BLACK}
    np.testing.assert_array_equal(opened(path, classes=legend).train.labels[0], 2 - mask)


def test_palettes_that_differ_are_read_as_colours(tmp_path: Path) -> None:
    """As images get them that were saved with a palette of their own each."""
    path = draw(tmp_path, indexed(kinds(2), [*BLACK, *RED]))
    indexed(1 - kinds(2), [*RED, *BLACK]).save(path / "masks" / "0.png")
    dataset = opened(path)
    assert dataset.names == ("#000000", "#ff0000")
    np.testing.assert_array_equal(dataset.train.labels[0], kinds(2))


def test_palettes_of_grey_that_differ_are_grey_values(tmp_path: Path) -> None:
    path = draw(tmp_path, indexed(kinds(2), [0, 0, 0, 255, 255, 255]), "gif")
    indexed(1 - kinds(2), [255, 255, 255, 0, 0, 0]).save(path / "masks" / "0.gif")
    for label in opened(path, classes=["off", "on"]).train.labels:
        np.testing.assert_array_equal(label, kinds(2))


def test_blurred_values_are_not_the_rest(tmp_path: Path) -> None:
    path = draw(tmp_path, 255 * kinds(2), "jpg")
    assert "a class has the rest" in refused(path, classes={"off": 0, "on": "rest"})


@pytest.mark.parametrize("form", ["mapping", "camvid", "cvat", "rgb-first", "tabs"])
def test_colours_have_a_legend(tmp_path: Path, form: str) -> None:
    mask = kinds(3)
    path = draw(tmp_path, in_values(mask, [BLACK, RED, BLUE]))
    lines = {
        "camvid": "name,r,g,b\nsky,0,0,255\nblack,0,0,0\nthe car 1,255,0,0\n",
        "cvat": "# label:color_rgb:parts:actions\nsky:0,0,255::\nblack:0,0,0::\nthe car 1:255,0,0::wheel\n",
        "rgb-first": "0 0 255\tsky\n0 0 0\tblack\n255 0 0\tthe car 1\n",
        "tabs": "sky\t0\t0\t255\r\nblack\t0\t0\t0\r\n\r\nthe car 1\t255\t0\t0\r\n",
    }
    legend: Any = {"sky": BLUE, "black": BLACK, "the car 1": RED}
    if form in lines:
        (path / "legend.txt").write_text(lines[form])
        legend = "legend.txt"
    dataset = opened(path, classes=legend)
    assert dataset.names == ("sky", "black", "the car 1")
    np.testing.assert_array_equal(dataset.train.labels[0], in_values(mask, [1, 2, 0]))


def test_a_legend_beside_colours_is_found(tmp_path: Path) -> None:
    path = draw(tmp_path, in_values(kinds(2), [BLACK, RED]))
    (path / "class_dict.csv").write_text("name,r,g,b\ncar,255,0,0\nvoid,0,0,0\n")
    dataset = opened(path)
    assert dataset.names == ("car", "void")
    assert any("class_dict.csv" in note for note in dataset.notes())


def test_colours_without_a_legend_are_classes_in_their_order(tmp_path: Path) -> None:
    dataset = opened(draw(tmp_path, in_values(kinds(3), [RED, BLACK, BLUE])), ignore=BLACK)
    assert dataset.names == ("#0000ff", "#ff0000")
    np.testing.assert_array_equal(dataset.train.labels[0], in_values(kinds(3), [1, 255, 0]))
    assert any("[255, 0, 0]" in note for note in dataset.notes())


def test_several_colours_may_be_one_class(tmp_path: Path) -> None:
    path = draw(tmp_path, in_values(kinds(3), [RED, BLACK, BLUE]))
    dataset = opened(path, classes={"none": BLACK, "some": [RED, BLUE]})
    np.testing.assert_array_equal(dataset.train.labels[0], in_values(kinds(3), [1, 0, 1]))


def test_blurred_colours_are_those_nearest_by(tmp_path: Path) -> None:
    path = draw(tmp_path, in_values(kinds(2), [BLACK, RED]), "jpg", quality=60)
    dataset = opened(path, classes={"black": BLACK, "red": RED})
    np.testing.assert_array_equal(dataset.train.labels[0], kinds(2))
    message = refused(path)
    assert "JPEG" in message
    assert "classes: {name: [red, green, blue]" in message


def test_soft_edges_are_cut_in_the_middle(tmp_path: Path) -> None:
    mask = 255 * kinds(2)
    for column, value in enumerate((3, 60, 127, 128, 200, 250)):
        mask[8, column] = value
    dataset = opened(draw(tmp_path, mask), classes=["off", "on"])
    np.testing.assert_array_equal(dataset.train.labels[0], mask >= 128)
    assert any("those from 128 on" in note for note in dataset.notes())


@pytest.mark.parametrize(
    ("values", "more", "message"),
    [
        ([0, 1, 2], {"classes": ["a", "b"]}, "beyond them; name 3, say ignore: 2"),
        ([0, 0, 0], {}, "the value 0 alone"),
        ([0, 255, 255], {"ignore": 255}, "the value 0 alone"),
        ([0, 100, 200], {"classes": {"a": 0, "b": 100}}, "holds the value 200"),
        ([0, 100, 200], {"classes": {"a": 0, "b": 100}}, "the nearest is 100, 'b'"),
        ([0, 1, 2], {"classes": ["a"]}, "two classes are needed"),
        ([0, 1, 2], {"classes": ["a", "b", "a"]}, "names the class 'a' twice"),
        ([0, 1, 2], {"classes": {"a": 0, "b": 0}}, "gives 0 to a and b"),
        ([0, 1, 2], {"classes": {"a": 0, "b": "red"}}, "classes.b is 'red'"),
        ([0, 1, 2], {"classes": {"a": 0, "b": [1, 2, 300]}}, "classes.b is [1, 2, 300]"),
        ([0, 1, 2], {"classes": {"a": 0, "b": -1}}, "classes.b is -1"),
        ([0, 1, 2], {"classes": {"a": 0, "b": 1, "c": 2}, "ignore": 1}, "which classes gives to 'b'"),
        ([0, 1, 2], {"classes": {"a": "rest", "b": 1, "c": "rest"}}, "has the rest twice"),
        ([0, 1, 2], {"ignore": [1, 2, 3]}, "masks hold values, not colours"),
        ([0, 1, 2], {"ignore": 70000}, "0 to 65535"),
        ([0, 1, 2], {"classes": "labels.txt"}, "has no such file"),
        ([BLACK, RED, BLUE], {"classes": ["a", "b", "c"]}, "classes has names alone"),
        ([BLACK, RED, BLUE], {"classes": {"a": 0, "b": 1}}, "is in colours, and classes has values alone"),
        ([BLACK, RED, BLUE], {"classes": {"a": BLACK, "b": [250, 9, 9]}}, "the nearest is [0, 0, 0], 'a'"),
        ([BLACK, RED, BLUE], {"ignore": [300, 0, 0]}, "three values of 0 to 255"),
    ],
)
def test_what_masks_cannot_mean_is_answered(
    tmp_path: Path, values: list[Any], more: dict[str, Any], message: str
) -> None:
    assert message in refused(draw(tmp_path, in_values(kinds(3), values)), **more)


def test_pictures_and_objects_are_no_masks_of_classes(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (80, 80, 3)).astype(np.uint8)
    path = draw(tmp_path / "a", noise)
    assert "it is a picture, and no mask" in refused(path)
    each = np.arange(256, dtype=np.uint16).reshape(SIZE) * 9
    assert "254 classes at most" in refused(draw(tmp_path / "b", each))


def test_classes_without_a_pixel_are_named(tmp_path: Path) -> None:
    settings = parse_data(
        {"source": "image-masks", "path": str(draw(tmp_path, kinds(2))), "classes": ["a", "b", "rare"]}
    )
    data = load_training(settings, 0, wanted=Wanted("images", "mask"))
    assert data.labels == ("a", "b", "rare")
    assert any("no pixel" in note and "rare" in note for note in data.notes)


def test_one_class_alone_is_nothing_to_learn(tmp_path: Path) -> None:
    path = draw(tmp_path, kinds(1))
    settings = parse_data({"source": "image-masks", "path": str(path), "classes": {"a": 0, "b": 1}})
    with pytest.raises(DataError, match="of class a: there is nothing to learn"):
        load_training(settings, 0, wanted=Wanted("images", "mask"))


@pytest.mark.parametrize("text", ["", "name,r,g,b\n", "a,0,0,0\nnonsense\n", "a,0,0,0\na,1,1,1\n", "a,0,0,0\n"])
def test_a_damaged_legend_is_named(tmp_path: Path, text: str) -> None:
    path = draw(tmp_path, in_values(kinds(2), [BLACK, RED]))
    (path / "l.csv").write_text(text)
    assert "l.csv" in refused(path, classes="l.csv")
