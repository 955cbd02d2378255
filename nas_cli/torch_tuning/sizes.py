"""Lets torch.export write networks for images of any size where some feature map may be a single pixel.

torch.export assumes that a dynamic size other than 1 in the example never is 1, because tensors of size 1 broadcast. So
the exported network would refuse small images that it reduces to one pixel. Inside `of_one_too`, 1 is a size like any
other; this is sound since no layer broadcasts a single pixel.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch.fx.experimental._config as settings


@contextmanager
def of_one_too() -> Iterator[None]:
    with settings.patch(backed_size_oblivious=True):  # type: ignore[attr-defined]
        yield
