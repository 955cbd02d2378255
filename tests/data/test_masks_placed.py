"""Where the pixels of masks come to lie: where those of their images do, whatever is done to these."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn import COUNT, classes_of, draw, image_of, opened, refused, save
from PIL import Image

from nas_cli.data.formats.pictures import turn


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("size", [[16, 20], [16, 40], [24, 10], 16])
def test_masks_go_where_their_images_go(tmp_path: Path, fit: str, size: Any) -> None:
    """Large blocks: where the image is white for sure, the mask is of the class, and where it is black, it is not."""
    for k in range(COUNT):
        mask = np.zeros((40, 50), np.uint8)
        mask[10 : 20 + k, 15:40] = 1
        save(tmp_path / f"images/{k}.png", 255 * mask)
        save(tmp_path / f"masks/{k}.png", mask)
    dataset = opened(tmp_path, size=size, fit=fit)
    pixels, labels = dataset.train.read(np.arange(COUNT))[:, 0], dataset.train.labels
    assert labels.shape == pixels.shape
    assert set(np.unique(labels)) <= {0, 1, 255}
    assert (labels == 1).sum() > 40
    assert (labels[pixels == 255] == 1).all()
    assert (labels[pixels == 0] != 1).all()
    assert ((labels == 255).any()) == (fit == "pad" and size != [16, 20])


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("drawn_upright", [True, False])
def test_masks_are_upright_as_their_images_are(tmp_path: Path, orientation: int, drawn_upright: bool) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    back = {2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}[orientation]
    for k in range(COUNT):
        image, mask = 100 * classes_of(k), classes_of(k)
        save(tmp_path / f"images/{k}.png", turn(image, back), exif=exif)
        tells = orientation >= 5 and not drawn_upright
        save(tmp_path / f"masks/{k}.png", turn(mask, back) if tells else mask)
    dataset = opened(tmp_path)
    pixels = dataset.train.read(np.arange(COUNT))[:, 0]
    np.testing.assert_array_equal(pixels, 100 * dataset.train.labels)
    notes = "\n".join(dataset.notes())
    assert ("turned upright" in notes) == (orientation >= 5 and not drawn_upright)
    assert ("taken to be upright" in notes) == (orientation < 5 or drawn_upright)


def test_masks_of_half_the_size_are_brought_to_their_images(tmp_path: Path) -> None:
    for k in range(COUNT):
        small = classes_of(k)
        save(tmp_path / f"images/{k}.png", 100 * np.kron(small, np.ones((2, 2), np.uint8)))
        save(tmp_path / f"masks/{k}.png", small)
    dataset = opened(tmp_path)
    np.testing.assert_array_equal(dataset.train.read(np.arange(COUNT))[:, 0], 100 * dataset.train.labels)
    assert f"another size than their image are brought to it: {COUNT}" in "\n".join(dataset.notes())


def test_masks_of_other_proportions_are_refused(tmp_path: Path) -> None:
    draw(tmp_path)
    save(tmp_path / "masks" / "3.png", np.zeros((8, 8), np.uint8))
    assert "masks/3.png is 8x8, and its image" in refused(tmp_path)


def test_images_that_differ_in_size_need_one(tmp_path: Path) -> None:
    draw(tmp_path)
    save(tmp_path / "images" / "3.png", image_of(3, (16, 20)))
    save(tmp_path / "masks" / "3.png", classes_of(3, (16, 20)))
    assert "images differ in size" in refused(tmp_path)
    assert opened(tmp_path, size=[4, 5]).train.labels.shape == (COUNT, 4, 5)


def test_more_masks_than_memory_holds_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw(tmp_path)
    monkeypatch.setattr("os.sysconf", lambda name: 20)
    assert "may take half of the memory" in refused(tmp_path)
