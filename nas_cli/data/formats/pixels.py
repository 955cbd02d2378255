"""Converts arrays of images of any layout to uint8 (N, C, H, W)."""

from __future__ import annotations

from typing import Literal

import numpy as np

from nas_cli.data.source import Array
from nas_cli.errors import DataError

Layout = Literal["auto", "NHWC", "NCHW"]
MAX_CHANNELS = 4
"""An axis of up to this many is taken for channels; more channels need `layout`."""
CHUNK = 1024


def images(raw: Array, indices: Array, origin: str, layout: Layout = "auto") -> Array:
    """The images `raw[indices]` as uint8 (n, C, H, W).

    `raw` is (N, H, W), (N, H, W, C) or (N, C, H, W), of a type that `as_pixels` reads. Raises DataError.
    """
    pixels = np.empty((len(indices), *channels_first(raw, origin, layout).shape[1:]), np.uint8)
    for start in range(0, len(indices), CHUNK):
        chunk = as_pixels(raw[indices[start : start + CHUNK]], origin)
        pixels[start : start + CHUNK] = channels_first(chunk, origin, layout)
    return pixels


def channels_first(raw: Array, origin: str, layout: Layout = "auto") -> Array:
    """A view (N, C, H, W). `auto` takes the last axis, else the second, for channels, if its size is 1 to 4."""
    if raw.ndim == 3:
        view = raw[:, None]
    elif raw.ndim == 4:
        if layout == "auto":
            layout = _guess(raw, origin)
        view = raw.transpose(0, 3, 1, 2) if layout == "NHWC" else raw
    else:
        raise DataError(f"{origin} is {shape_text(raw.shape)}: images are (N, H, W), (N, H, W, C) or (N, C, H, W)")
    if 0 in view.shape[1:]:
        raise DataError(f"{origin} is {shape_text(raw.shape)}: its images are empty")
    return view


def _guess(raw: Array, origin: str) -> Literal["NHWC", "NCHW"]:
    last, second = 1 <= raw.shape[3] <= MAX_CHANNELS, 1 <= raw.shape[1] <= MAX_CHANNELS
    if last == second:
        axes = "either of two axes may be the channels" if last else "no axis has 1 to 4 channels"
        raise DataError(f"{origin} is {shape_text(raw.shape)} and {axes}: say layout: NHWC or layout: NCHW")
    return "NHWC" if last else "NCHW"


def as_pixels(raw: Array, origin: str) -> Array:
    """Values as uint8: whole numbers from 0 to 255 as they are, floats from 0 to 1 times 255, false and true 0 and 255.

    Raises DataError for other values and types: what they would mean is not known.
    """
    kind = raw.dtype.kind
    if raw.dtype == np.uint8:
        return raw
    if kind == "b":
        return raw.astype(np.uint8) * np.uint8(255)
    if kind not in "iuf":
        raise DataError(f"{origin} holds values of type {raw.dtype}; allowed: uint8, or floats from 0 to 1")
    if raw.size == 0:
        return raw.astype(np.uint8)
    low, high = raw.min(), raw.max()
    top = 1 if kind == "f" else 255
    if not (low >= 0 and high <= top):
        bad = high if not high <= top else low
        rule = "floats are read as 0 to 1; store 0 to 255 as uint8" if kind == "f" else "allowed are 0 to 255"
        raise DataError(f"{origin} has the value {bad:g} as {raw.dtype}: {rule}")
    return np.rint(raw * 255).astype(np.uint8) if kind == "f" else raw.astype(np.uint8)


def shape_text(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) if shape else "a single value"
