"""Whatever bytes a file has, it is read or answered with a DataError: no other exception comes out."""

from __future__ import annotations

import gzip
import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from nas_cli.data import parse_data, read_inputs
from nas_cli.errors import DataError

PIXELS = np.random.default_rng(0).integers(0, 256, (8, 8), np.uint8)


def idx_bytes() -> bytes:
    return b"\0\0\x08\x02\0\0\0\x08\0\0\0\x08" + PIXELS.tobytes()


def numpy_bytes(save: Callable[..., Any], *arrays: Any, **named: Any) -> bytes:
    stream = io.BytesIO()
    save(stream, *arrays, **named)
    return stream.getvalue()


def picture_bytes(kind: str) -> bytes:
    stream = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(PIXELS).save(stream, kind, exif=exif)
    return stream.getvalue()


FILES = {
    "t10k-images-idx3-ubyte": idx_bytes(),
    "t10k-images-idx3-ubyte.gz": gzip.compress(idx_bytes()),
    "a.npy": numpy_bytes(np.save, PIXELS),
    "a.npz": numpy_bytes(np.savez_compressed, x=PIXELS),
    "a.png": picture_bytes("PNG"),
    "a.jpg": picture_bytes("JPEG"),
}


def read(name: str, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / name
        file.write_bytes(content)
        [(_, pixels)] = read_inputs(parse_data({"source": "digits"}), (1, 8, 8), [file])
        assert pixels.shape == (1, 8, 8)


@pytest.mark.parametrize("name", list(FILES))
def test_whole_files_are_read(name: str) -> None:
    read(name, FILES[name])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", list(FILES))
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_damaged_files_are_read_or_refused(name: str, data: st.DataObject) -> None:
    content = bytearray(FILES[name])
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    message = ""
    try:
        read(name, bytes(content[:cut] if data.draw(st.booleans()) else content))
    except DataError as error:
        message = str(error)
    assert not message or (name in message and "\n" not in message)
