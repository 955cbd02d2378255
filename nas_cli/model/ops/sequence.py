"""Layers for sequences (C, L), such as the words of a sentence or the columns of a table as tokens."""

from __future__ import annotations

from typing import Annotated, Literal

from torch import nn

from nas_cli.arguments import Channels, Fraction, FromData, PositiveInt
from nas_cli.axes import Shape
from nas_cli.errors import Infeasible
from nas_cli.model.ops.sequence_modules import (
    Characters,
    Crf,
    Embedding,
    GatedConv,
    Highway,
    Positions,
    Pretrained,
    Recurrent,
    SelfAttention,
)
from nas_cli.model.ops.vocabulary import op

Words = Annotated[int, FromData("words")]
CharacterCount = Annotated[int, FromData("characters")]
Tags = Annotated[int, FromData("labels")]
AllWords = Annotated[int, FromData("vectors")]
VectorSize = Annotated[int, FromData("vector_size")]
WithoutVectors = Annotated[int, FromData("words_without_vectors")]


def need_sequence(shape: Shape) -> tuple[int, int]:
    """(C, L). Raises Infeasible where `shape` is no sequence."""
    if len(shape) != 2:
        raise Infeasible("it works on sequences, channels by places")
    return shape[0], shape[1]


@op("embedding")
def embedding(shape: Shape, words: Words, units: PositiveInt = 64, unknown: Fraction = 0.0) -> nn.Module:
    """A learned vector for each word of a text; in training a word becomes unknown with probability `unknown`."""
    need_sequence(shape)
    return Embedding(words, units, float(unknown))


@op("pretrained")
def pretrained(
    shape: Shape,
    known: AllWords,
    words: Words,
    without: WithoutVectors,
    units: VectorSize,
    vectors: Literal["frozen", "tuned"] = "frozen",
    unknown: Fraction = 0.0,
) -> nn.Module:
    """The pretrained vector of each word of a text (data.vectors); words without one learn theirs.

    `tuned` vectors of words in the training part are trained further; `unknown` as in `embedding`.
    """
    need_sequence(shape)
    return Pretrained(known, words if vectors == "tuned" else without, units, float(unknown))


@op("characters")
def characters(
    shape: Shape,
    characters: CharacterCount,
    units: PositiveInt = 32,
    embedding: PositiveInt = 16,
    kernel: PositiveInt = 3,
    kind: Literal["cnn", "lstm"] = "cnn",
) -> nn.Module:
    """A vector for each word of a text, made from its characters by a small CNN or LSTM."""
    rows, _ = need_sequence(shape)
    if rows < 2:
        raise Infeasible("this data has words without their characters (data.characters is 0)")
    if kind == "lstm" and units % 2:
        raise Infeasible(f"units {units} cannot be halved between two directions")
    return Characters(characters, units, embedding, kernel + 1 - kernel % 2, kind)


@op("lstm")
def lstm(shape: Shape, units: Channels = 64, bidirectional: bool = True) -> nn.Module:
    """LSTM (Hochreiter & Schmidhuber 1997) with `units` channels, half of them for each direction if bidirectional."""
    return _recurrent("lstm", shape, units, bidirectional)


@op("gru")
def gru(shape: Shape, units: Channels = 64, bidirectional: bool = True) -> nn.Module:
    """GRU (Cho et al. 2014) with `units` channels, half of them for each direction if bidirectional."""
    return _recurrent("gru", shape, units, bidirectional)


def _recurrent(kind: str, shape: Shape, units: int | str, bidirectional: bool) -> nn.Module:
    incoming, _ = need_sequence(shape)
    assert isinstance(units, int), f"{units!r} should be a number by now"
    if bidirectional and units % 2:
        raise Infeasible(f"units {units} cannot be halved between two directions")
    return Recurrent(kind, incoming, units, bidirectional)


@op("conv1d")
def conv1d(
    shape: Shape,
    channels: Channels = "same",
    kernel: PositiveInt = 3,
    dilation: PositiveInt = 1,
    gated: bool = False,
    stride: PositiveInt = 1,
) -> nn.Module:
    """Convolution over time steps, which keeps the length at stride 1; `gated` makes it a gated linear unit."""
    incoming, _ = need_sequence(shape)
    assert isinstance(channels, int), f"{channels!r} should be a number by now"
    if kernel % 2 == 0:
        raise Infeasible(f"kernel {kernel} is even, and only an odd one keeps the length")
    if gated and stride > 1:
        raise Infeasible("a gated convolution has stride 1")
    if gated:
        return GatedConv(incoming, channels, kernel, dilation)
    return nn.Conv1d(incoming, channels, kernel, stride, dilation * (kernel // 2), dilation)


@op("attention")
def attention(shape: Shape, heads: PositiveInt = 4, dropout: Fraction = 0.0) -> nn.Module:
    """Multi-head self-attention (Vaswani et al. 2017); put it and a `layer_norm` into a `residual`."""
    channels, _ = need_sequence(shape)
    if channels % heads:
        raise Infeasible(f"heads {heads} does not divide its {channels} channels")
    return SelfAttention(channels, heads, float(dropout))


@op("position_encoding")
def position_encoding(shape: Shape) -> nn.Module:
    """Adds sines and cosines of the position (Vaswani et al. 2017): attention by itself ignores order."""
    return Positions(need_sequence(shape)[0])


@op("highway")
def highway(shape: Shape) -> nn.Module:
    """A highway layer (Srivastava et al. 2015), applied at each position."""
    return Highway(need_sequence(shape)[0])


@op("locked_dropout")
def locked_dropout(shape: Shape, rate: Fraction = 0.3) -> nn.Module:
    """Dropout of whole channels, the same at every position (Gal & Ghahramani 2016)."""
    need_sequence(shape)
    return nn.Dropout1d(rate) if rate else nn.Identity()


@op("crf")
def crf(shape: Shape, tags: Tags) -> nn.Module:
    """A conditional random field over the task's tags, as the last layer of a tagger."""
    return Crf(need_sequence(shape)[0], tags)
