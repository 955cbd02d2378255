"""Pictures of more than 8 bits: scaled by what those to train on use, the same wherever a network reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nas_cli.axes import only
from nas_cli.data import load_test, load_training, parse_data, read_inputs
from nas_cli.data.formats.pictures import decode, look
from nas_cli.errors import DataError

RNG = np.random.default_rng(0)


def scans(top: Path, low: int, high: int, kind: str = "png", dtype: Any = np.uint16) -> Path:
    """Two classes, the values of one above those of the other."""
    middle = (low + high) // 2
    for name, ends in (("low", (low, middle)), ("high", (middle, high))):
        (top / name).mkdir(parents=True)
        for k in range(6):
            values = RNG.integers(*ends, (8, 8), endpoint=True).astype(dtype)
            values[0, 0] = ends[name == "high"]
            Image.fromarray(values).save(top / name / f"{k}.{kind}")
    return top


def settings(path: Path, **more: Any) -> Any:
    return parse_data({"source": "image-folder", "path": str(path), **more})


@pytest.mark.parametrize(
    ("low", "high", "kind", "dtype"),
    [
        (1000, 1107, "png", np.uint16),
        (0, 4095, "png", np.uint16),
        (7, 65535, "png", np.uint16),
        (0, 3, "tiff", np.uint16),
        (-1024, 3071, "tiff", np.int32),
        (0, 1, "tiff", np.float32),
    ],
)
def test_the_values_that_are_used_become_all_levels(tmp_path: Path, low: int, high: int, kind: str, dtype: Any) -> None:
    data = load_training(settings(scans(tmp_path, low, high, kind, dtype)), 0)
    assert only(data.inputs).shape == (1, 8, 8)
    assert data.facts["levels"] == [low, high]
    assert (data.train.inputs.min(), data.train.inputs.max()) == (0, 255)
    assert any(f"their values {low:g} to {high:g} become the levels 0 to 255" in note for note in data.notes)


def test_predicting_and_testing_read_them_in_the_same_way(tmp_path: Path) -> None:
    given = settings(scans(tmp_path / "a", 1000, 1107))
    kept = load_training(given, 0).facts
    [(_, pixels)] = read_inputs(given.as_found(kept), (1, 8, 8), [tmp_path / "a" / "low" / "0.png"])
    raw = np.asarray(Image.open(tmp_path / "a" / "low" / "0.png"), np.float64)
    np.testing.assert_array_equal(pixels[0], np.rint((raw - 1000) * (255 / 107)).astype(np.uint8))
    brighter = settings(tmp_path / "a", test=str(scans(tmp_path / "b", 1000, 2000)))
    assert load_test(brighter, 0).inputs.max() == 255
    assert (load_test(brighter, 0).inputs == 255).mean() > 0.5, "by the levels of the training part"


def test_levels_may_be_said(tmp_path: Path) -> None:
    data = load_training(settings(scans(tmp_path, 1000, 1107), levels=[0, 4095]), 0)
    assert data.train.inputs.max() == round(1107 * 255 / 4095)
    with pytest.raises(DataError, match=r"levels are \[9, 3\]"):
        load_training(settings(tmp_path, levels=[9, 3]), 0)


def test_networks_from_before_take_all_that_sixteen_bits_have(tmp_path: Path) -> None:
    file = scans(tmp_path, 1000, 1107) / "low" / "0.png"
    assert set(decode(file, True).ravel().tolist()) == {4}
    [(_, pixels)] = read_inputs(settings(tmp_path).as_found({"labels": 2}), (1, 8, 8), [file])
    assert set(pixels.ravel().tolist()) == {4}


@pytest.mark.parametrize("levels", [[1], ["a", "b"], [5, 1], [0, float("inf")], 7])
def test_damaged_levels_of_a_run(tmp_path: Path, levels: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        settings(tmp_path).as_found({"levels": levels})


def test_deep_beside_shallow_constant_and_not_finite(tmp_path: Path) -> None:
    scans(tmp_path, 0, 1000)
    Image.fromarray(np.full((8, 8), 200, np.uint8)).save(tmp_path / "low" / "plain.png")
    assert look(tmp_path / "low" / "plain.png").levels is None
    assert "more than 8 bits: 12 of 13; their" in " ".join(load_training(settings(tmp_path), 0).notes)
    odd = np.full((2, 2), np.nan, np.float32)
    odd[0, 0], odd[1, 1] = np.inf, 3
    Image.fromarray(odd).save(tmp_path / "odd.tiff")
    assert look(tmp_path / "odd.tiff").levels == (3, 3)
    assert decode(tmp_path / "odd.tiff", True, levels=(0, 3))[0].tolist() == [[255, 0], [0, 255]]


def test_colour_of_sixteen_bits_is_said(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for k in range(6):
            rgb = Image.fromarray(RNG.integers(0, 256, (8, 8, 3), np.uint8))
            rgb.save(tmp_path / name / f"{k}.png")
    raw = (tmp_path / "a" / "0.png").read_bytes()
    assert look(tmp_path / "a" / "0.png").upper is False
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes(48) for _ in range(8))
    head = struct.pack(">IIBBBBB", 8, 8, 16, 2, 0, 0, 0)
    (tmp_path / "a" / "0.png").write_bytes(
        raw[:8] + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )
    assert any("more than 8 bits a channel: 1, of" in n for n in load_training(settings(tmp_path), 0).notes)


def test_an_animation_gives_its_first_picture(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for k in range(6):
            frames = [Image.new("RGB", (8, 8), (40 * k + m, 0, 9)) for m in range(3)]
            frames[0].save(tmp_path / name / f"{k}.gif", save_all=True, append_images=frames[1:])
    data = load_training(settings(tmp_path), 0)
    assert any("animations say: 12; the first" in note for note in data.notes)
    assert set(data.train.inputs[:, 0, 0, 0].tolist()) <= {40 * k for k in range(6)}
