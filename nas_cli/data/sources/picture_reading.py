"""Reads pictures as examples: how those of every part are decoded, with notes."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from nas_cli.arguments import Size
from nas_cli.data.formats.archives import File, Member
from nas_cli.data.formats.pictures import LARGE, Fit, Levels, Look, decode, in_parallel, is_deep, look, require_pillow
from nas_cli.data.formats.pixels import shape_text
from nas_cli.data.source import Array, Examples, Stream
from nas_cli.errors import DataError

CHUNK = 256
LOOKED_AT = 2000


@dataclass(frozen=True)
class Pictures:
    """The picture files of one part, below `folder` or in the zip of that path, and the label of each (N, …)."""

    folder: Path
    files: Sequence[File]
    labels: Sequence[str] | Array


class Reading:
    """How the pictures of every part are decoded, by the spec or by the headers of the training pictures.

    Settled once, when the first picture is needed.
    """

    def __init__(
        self,
        train: Pictures,
        size: tuple[int, int] | None,
        color: Literal["auto", "grey", "rgb"],
        fit: Fit,
        levels: Literal["auto"] | Levels,
    ) -> None:
        self.train, self.size, self.color, self.fit, self.said = train, size, color, fit, levels

    @classmethod
    def as_said(
        cls,
        train: Pictures,
        size: Size | None,
        color: Literal["auto", "grey", "rgb"],
        fit: Fit,
        levels: Literal["auto"] | Levels,
    ) -> Reading:
        """By the keys of the `data:` section. Raises DataError where they allow no pictures."""
        if levels != "auto" and not levels[0] < levels[1]:
            raise DataError(f"levels are [{levels[0]:g}, {levels[1]:g}]: the first is the lower one")
        sides = (size, size) if isinstance(size, int) else size
        if sides is not None and sides[0] * sides[1] > LARGE:
            raise DataError(f"size is {sides[0]:,}x{sides[1]:,}: pictures of {LARGE:,} pixels at most are made")
        return cls(train, sides, color, fit, levels)

    @cached_property
    def looks(self) -> list[Look]:
        """Of the pictures to train on, where anything depends on it."""
        settled = self.color != "auto" and self.size is not None and self.said != "auto"
        return [] if settled else list(in_parallel(look, self.train.files))

    @cached_property
    def levels(self) -> Levels | None:
        """The values that become 0 and 255 in pictures with more than 8 bits; None where there are none."""
        if self.said != "auto":
            return self.said
        return _all_levels(self.looks)

    @cached_property
    def decode(self) -> partial[Array]:
        grey = all(each.grey for each in self.looks) if self.color == "auto" else self.color == "grey"
        size = self.size or _one_size(self.train.files, self.looks)
        if self.levels is None:  # the settings name the file that decoded pictures are kept in
            return partial(decode, grey=grey, size=size, fit=self.fit)
        return partial(decode, grey=grey, size=size, fit=self.fit, levels=self.levels)

    def require_known(self, part: Pictures) -> None:
        """Raises DataError where a part has pictures with more than 8 bits, and those to train on say nothing of them.

        Only headers are read.
        """
        if self.levels is not None:
            return
        deep = next((file for file in part.files if is_deep(file)), None)
        if deep is not None:
            raise DataError(
                f"{deep} is a grey picture with more than 8 bits, and those to train on have 8: convert it, or say "
                "which of its values become 0 and 255 with levels: [low, high]"
            )

    @property
    def facts(self) -> dict[str, Any]:
        return {"levels": list(self.levels)} if self.levels else {}

    @property
    def notes(self) -> list[str]:
        """Notes on the pictures looked at so far."""
        return _notes(self.looks, self.levels) if "looks" in vars(self) else []


def usual_size(files: Sequence[File]) -> tuple[tuple[int, int], list[str]]:
    """The median (height, width), and notes on what pictures are; of more than LOOKED_AT by some that are evenly
    spread. Raises DataError where one of them is damaged."""
    require_pillow("a look at pictures")
    looks = list(in_parallel(look, files[:: -(-len(files) // LOOKED_AT)]))
    height, width = (statistics.median_low(sides) for sides in zip(*[each.size for each in looks], strict=True))
    return (height, width), _notes(looks, _all_levels(looks))


def _all_levels(looks: Sequence[Look]) -> Levels | None:
    found = [each.levels for each in looks if each.levels is not None]
    return (min(low for low, _ in found), max(high for _, high in found)) if found else None


def _notes(looks: Sequence[Look], levels: Levels | None) -> list[str]:
    notes = []
    deep = sum(each.levels is not None for each in looks)
    if deep and levels:
        notes.append(
            f"grey pictures with more than 8 bits: {deep:,} of {len(looks):,}; their values {levels[0]:g} to "
            f"{levels[1]:g} become the levels 0 to 255, here and wherever the network reads such pictures; levels: "
            "[low, high] takes others"
        )
    counts = (sum(each.upper for each in looks), sum(each.moving for each in looks), sum(each.clear for each in looks))
    return [*notes, *about_reading(*counts)]


def about_reading(upper: int, moving: int, clear: int) -> list[str]:
    """Notes on what of so many pictures is not read; `Look` says what they are."""
    notes = []
    if upper:
        notes.append(
            f"pictures with more than 8 bits a channel: {upper:,}, of which only the upper 8 bits are read; convert "
            "them first if they use fewer"
        )
    if moving:
        notes.append(f"files of several pictures, animations say: {moving:,}; the first of each is read")
    if clear:
        notes.append(f"pictures that may be transparent: {clear:,}; what is transparent becomes white")
    return notes


def examples(found: Pictures, reading: Reading, cache_above: int) -> Examples:
    """The images of one part; a file is opened when it is needed."""
    files = found.files

    def read(indices: Array) -> Array:
        chosen = [files[k] for k in indices]
        pixels: Array | None = None
        for k, image in enumerate(in_parallel(reading.decode, chosen)):
            if pixels is None:
                pixels = np.empty((len(chosen), *image.shape), np.uint8)
            if image.shape != pixels.shape[1:]:
                wanted = shape_text(pixels.shape[2:])
                raise DataError(f"{chosen[k]} is {shape_text(image.shape[1:])}, and pictures to train on {wanted}")
            pixels[k] = image
        assert pixels is not None
        return pixels

    def chunks() -> Iterator[Array]:
        yield read(np.arange(1))  # by which the others' size is known
        for start in range(1, len(files), CHUNK):
            yield read(np.arange(start, min(start + CHUNK, len(files))))

    def settings() -> str:
        return repr(sorted(reading.decode.keywords.items())) + "".join(_in_zip(file) for file in files)

    on_disk = [_on_disk(file) for file in files]
    stream = Stream(chunks, list(dict.fromkeys(on_disk)), settings, cache_above)
    above = f"{found.folder if _holds(found.folder, files) else found.folder.parent}/"

    def names(indices: Array) -> list[str]:
        return [str(files[k]).removeprefix(above) for k in indices]

    return Examples(str(found.folder), np.asarray(found.labels), read, stream, names)


def _holds(folder: Path, files: Sequence[File]) -> bool:
    """Whether `folder` holds the files, and is no table that names them."""
    return str(files[0]).startswith(f"{folder}/")


def _on_disk(file: File) -> Path:
    return file.archive.path if isinstance(file, Member) else file


def _in_zip(file: File) -> str:
    return f"\n{'/'.join(file.place)}" if isinstance(file, Member) else ""


def _one_size(files: Sequence[File], looks: Sequence[Look]) -> tuple[int, int]:
    first = looks[0].size
    for file, each in zip(files, looks, strict=True):
        if each.size != first:
            sizes = [f"{h}x{w}" for h, w in (first, each.size)]
            raise DataError(
                f"images differ in size: {files[0]} is {sizes[0]} and {file} {sizes[1]}; say size: [height, width]",
                {"size": [statistics.median_low(sides) for sides in zip(*[each.size for each in looks], strict=True)]},
            )
    return first
