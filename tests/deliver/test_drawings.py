"""Pictures of answers: in the size of the picture that they are of, named after it, and never over another file."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nas_cli.data import Asked
from nas_cli.data.formats.pictures import decode
from nas_cli.deliver.drawings import NOTHING, Drawings, Frame, as_png
from nas_cli.errors import UserError
from nas_cli.task.pixels import colours, resized

Array = np.ndarray[Any, Any]
RAW = np.zeros((1, 3, 4, 4), np.uint8)
MASK = np.array([[0, 1, 2], [2, 1, 200]], np.uint8)


def asked(file: str, **where: Any) -> Asked:
    return Asked({"input": file, "file": file, **where}, RAW)


def test_a_mask_is_a_picture_whose_values_are_classes() -> None:
    image = Image.open(io.BytesIO(as_png(MASK)))
    assert image.mode == "P"
    np.testing.assert_array_equal(np.asarray(image), MASK)
    np.testing.assert_array_equal(np.asarray(image.convert("RGB")), colours(256)[MASK])
    drawn = np.arange(18).reshape(2, 3, 3).astype(np.uint8)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(as_png(drawn)))), drawn)


def test_pictures_are_named_after_their_inputs(tmp_path: Path) -> None:
    drawings = Drawings(tmp_path / "new" / "out")
    drawings.require_place()
    found = [
        drawings.save(each, {"mask": MASK, "overlay": MASK})["mask"]
        for each in (
            asked("a/cell.png"),
            asked("b/cell.jpg"),
            asked("b/cell-2.jpg"),
            asked("many.npy", row=0),
            asked("many.npy", row=1),
            asked("cells.zip/deep/one.two.png"),
            asked("-"),
            asked("ä" * 120 + ".png"),
        )
    ]
    names = [Path(file).name for file in found]
    assert names[:5] == [
        "cell-mask.png",
        "cell-2-mask.png",
        "cell-2-2-mask.png",
        "many-0-mask.png",
        "many-1-mask.png",
    ]
    assert names[5:7] == ["one.two-mask.png", "input-mask.png"]
    assert all(Path(file).is_file() for file in found)
    assert drawings.count == 16


def test_what_is_there_is_not_replaced(tmp_path: Path) -> None:
    Drawings(tmp_path).save(asked("a.png"), {"mask": MASK})
    with pytest.raises(UserError, match=r"a-mask\.png is there already"):
        Drawings(tmp_path).save(asked("a.png"), {"overlay": MASK, "mask": MASK})
    assert not (tmp_path / "a-overlay.png").exists()
    Drawings(tmp_path, force=True).save(asked("a.png"), {"mask": 1 - MASK})
    assert np.asarray(Image.open(tmp_path / "a-mask.png"))[0, 0] == 1


def test_a_place_that_cannot_be_is_answered_first(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file is no folder, and pictures are to be written in"):
        Drawings(tmp_path / "file" / "deep").require_place()


@pytest.mark.parametrize("fit", ["stretch", "pad", "crop"])
@pytest.mark.parametrize(("height", "width"), [(60, 40), (40, 60), (33, 120), (48, 48), (121, 30)])
@pytest.mark.parametrize("size", [(16, 16), (24, 12)])
def test_what_is_drawn_lies_where_it_was_seen(
    fit: Any, height: int, width: int, size: tuple[int, int], tmp_path: Path
) -> None:
    """A left edge that is bright: what the network's picture shows of it comes back where it is."""
    picture = np.zeros((height, width), np.uint8)
    picture[:, : width // 2] = 255
    Image.fromarray(picture).save(tmp_path / "half.png")
    seen = decode(tmp_path / "half.png", True, size, fit)
    frame = Frame.of(picture[None], size, fit)
    framed = frame.framed(picture[None])
    assert framed.shape == (1, *frame.shape)
    assert frame.shape[0] / frame.shape[1] == pytest.approx(
        (height / width) if fit == "stretch" else size[0] / size[1], rel=0.15
    )
    drawn = frame.undone(resized((seen[0] > 127).astype(np.uint8), *frame.shape), picture[None])
    assert drawn.shape == (height, width)
    looked = drawn != NOTHING
    assert looked.all() if fit != "crop" else looked.any()
    wrong = (drawn != (picture > 127)) & looked
    pixels_seen = max(1, looked[height // 2].sum() * size[1] // frame.shape[1])
    assert wrong.sum() / looked.sum() <= 1.5 / pixels_seen


def test_an_overlay_beside_what_was_seen_is_the_picture() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (3, 10, 30)).astype(np.uint8)
    frame = Frame.of(picture, (8, 8), "crop")
    assert frame.shape == (10, 10)
    drawn = frame.undone(np.full((10, 10, 3), 7, np.uint8), picture)
    assert (drawn[:, 10:20] == 7).all()
    np.testing.assert_array_equal(drawn[:, :10], picture.transpose(1, 2, 0)[:, :10])
    np.testing.assert_array_equal(frame.framed(picture), picture[:, :, 10:20])
    chart = np.zeros((5, 5, 3), np.uint8)
    assert frame.undone(chart, picture) is chart
