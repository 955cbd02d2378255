"""Traces a network with torch.export, and silences the exporters."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator

import torch

from nas_cli.deliver.export.sizes import dynamic, image_sizes
from nas_cli.deliver.load import Model
from nas_cli.torch_tuning.recurrences import Recurrences
from nas_cli.torch_tuning.sizes import of_one_too


def trace(model: Model) -> torch.export.ExportedProgram:
    """The network of `model`, for batches and sequences of any length, and for images of the sizes that it takes."""
    sized = contextlib.nullcontext() if image_sizes(model) is None else of_one_too()
    with Recurrences(), sized:
        return torch.export.export(
            model.network, tuple(model.example()), dynamic_shapes=(dynamic(model),), strict=False
        )


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silences logging, warnings, stdout and stderr, which the exporters write to; exports are checked anyway."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            with contextlib.redirect_stderr(io.StringIO()):
                yield
    finally:
        logging.disable(before)
