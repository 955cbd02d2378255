"""torch.export takes a size that may be 1 for one that is larger, which a network of any size of images may not be.

Whatever is not 1 in the example is not 1 ever after, it says, since one row and several are added in different ways. So
a network that leaves one pixel of a small image would be refused for small images. While `of_one_too` lasts, sizes of 1
are sizes like others; no layer adds a single pixel to several.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch.fx.experimental._config as settings


@contextmanager
def of_one_too() -> Iterator[None]:
    with settings.patch(backed_size_oblivious=True):  # type: ignore[attr-defined]
        yield
