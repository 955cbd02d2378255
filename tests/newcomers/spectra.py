"""Audio features: recordings, a folder of WAV files a class, as spectra of as many frames as each of them has."""

import wave
from pathlib import Path
from types import MappingProxyType

import numpy as np

from nas_cli.axes import Axes, Column
from nas_cli.data import Dataset, Examples, Wanted
from nas_cli.plugins import encoder, source, task
from nas_cli.task.classification import Classification

WINDOW = 64


def spectrum(path):
    with wave.open(path) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16) / 32768
    frames = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[:: WINDOW // 2]
    return np.log(np.abs(np.fft.rfft(frames * np.hanning(WINDOW))) + 1e-4).T.astype(np.float32)


class Spectra:
    axes, facts = Axes("float32", (WINDOW // 2 + 1, 20), ragged=True), MappingProxyType({})

    def encode(self, raw):
        found = [spectrum(path) for path in raw]
        lengths = np.array([each.shape[1] for each in found])
        values = np.zeros((len(found), WINDOW // 2 + 1, lengths.max()), np.float32)
        for row, each in zip(values, found, strict=True):
            row[:, : each.shape[1]] = each
        return Column(values, lengths=lengths)

    def read(self, given):
        return [(path, np.array([path], object)) for path in given]

    def state(self):
        return {"kind": "spectra"}


encoder("spectra")(lambda state: Spectra())


@source("recordings")
def recordings(path: Path) -> Dataset:
    """A folder of WAV files for each class."""
    files = np.array([str(file) for file in sorted(path.glob("*/*.wav"))], object)
    labels = np.array([Path(file).parent.name for file in files])
    return Dataset(Examples(str(path), labels, lambda rows: files[rows]), inputs="spectra", fit=lambda raw: Spectra())


@task("sound-classification")
class Sounds(Classification):
    wanted = Wanted("spectra", "class")
