"""Modules for sequences (N, C, L). `nas export --format source` copies these classes, so they use nothing but torch.

A module with `masked = True` takes a padding mask beside its input: bool (N, L), false at padding; None without any.
Every module may assume that its input is zero at padding. The repr of each is a call of its constructor.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn


class Embedding(nn.Module):
    """Word embeddings for row 0 of the indices (N, K, L): 0 is padding; 1, and any index too large, an unknown word.

    In training a word becomes unknown with probability `unknown`, so that the vector of unknown words is learned.
    """

    def __init__(self, words: int, units: int, unknown: float = 0.0) -> None:
        super().__init__()
        self.words, self.units, self.unknown = words, units, unknown
        self.table = nn.Embedding(words, units, padding_idx=0)
        with torch.no_grad():
            self.table.weight.mul_(1 / math.sqrt(units))

    def forward(self, x: Tensor) -> Tensor:
        numbers = x[:, 0].long().clamp(min=0)
        numbers = torch.where(numbers < self.words, numbers, 1)
        if self.training and self.unknown > 0:
            drawn = torch.rand(numbers.shape, device=x.device) < self.unknown
            numbers = torch.where(drawn & (numbers > 0), 1, numbers)
        vectors: Tensor = self.table(numbers)
        return vectors.transpose(1, 2)

    def __repr__(self) -> str:
        return f"Embedding(words={self.words}, units={self.units}, unknown={self.unknown})"


class Pretrained(nn.Module):
    """Word embeddings as in `Embedding`; the vectors of words from index `learned` on are frozen."""

    def __init__(self, words: int, learned: int, units: int, unknown: float = 0.0) -> None:
        super().__init__()
        self.words, self.learned, self.units, self.unknown = words, learned, units, unknown
        self.table = nn.Embedding(learned, units, padding_idx=0)
        self.fixed = nn.Parameter(torch.zeros(max(1, words - learned), units), requires_grad=False)
        with torch.no_grad():
            self.table.weight.mul_(1 / math.sqrt(units))

    def first_weights(self, generator: torch.Generator, assets: Mapping[str, Tensor]) -> None:
        """Initialises the last n words with `vectors` (n, units). Frozen vectors share its memory."""
        vectors = assets["vectors"]
        first = self.words - len(vectors)
        with torch.no_grad():
            self.table.weight[first:] = vectors[: max(0, self.learned - first)]
        if self.words > self.learned:
            self.fixed = nn.Parameter(vectors[self.learned - first :], requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        numbers = x[:, 0].long().clamp(0, self.words - 1)
        if self.training and self.unknown > 0:
            drawn = torch.rand(numbers.shape, device=x.device) < self.unknown
            numbers = torch.where(drawn & (numbers > 0), 1, numbers)
        fixed = nn.functional.embedding((numbers - self.learned).clamp(min=0), self.fixed)
        learned = self.table(torch.where(numbers < self.learned, numbers, 0))
        vectors = torch.where((numbers < self.learned)[:, :, None], learned, fixed)
        return vectors.transpose(1, 2)

    def __repr__(self) -> str:
        return f"Pretrained(words={self.words}, learned={self.learned}, units={self.units}, unknown={self.unknown})"


class ShortConv(nn.Conv1d):
    """A convolution for many short sequences and odd kernels, channels last: (N, L, C) to (N, L, units).

    It is one matrix product of all windows and the filters, which takes half the time of torch's convolution here.
    """

    def forward(self, x: Tensor) -> Tensor:
        (size,), length = self.kernel_size, x.shape[1]
        padded = nn.functional.pad(x, (0, 0, size // 2, size // 2))
        windows = torch.cat([padded[:, place : place + length] for place in range(size)], 2)
        return nn.functional.linear(windows, self.weight.transpose(1, 2).flatten(1), self.bias)


class Characters(nn.Module):
    """A vector for each word from its characters, rows 1 and up of the indices (N, K, L); 0 is padding.

    'cnn' takes the maximum over a convolution (Ma & Hovy 2016), 'lstm' the last states of both directions (Lample et
    al. 2016). Training on a CPU encodes each distinct word of a batch once; about two thirds of the words are distinct.
    """

    def __init__(self, characters: int, units: int, embedding: int, kernel: int, kind: str) -> None:
        super().__init__()
        self.characters, self.units, self.embedding = characters, units, embedding
        self.kernel, self.kind = kernel, kind
        self.table = nn.Embedding(characters, embedding, padding_idx=0)
        with torch.no_grad():
            self.table.weight.mul_(1 / math.sqrt(embedding))
        if kind == "cnn":
            self.conv = ShortConv(embedding, units, kernel)
        else:
            self.ahead = nn.LSTM(embedding, units // 2, batch_first=True)
            self.back = nn.LSTM(embedding, units // 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        count, rows, length = x.shape
        numbers = x[:, 1:].long().clamp(0, self.characters - 1).transpose(1, 2).reshape(count * length, rows - 1)
        once = self.training and x.device.type == "cpu"  # on a GPU, `unique` would synchronise at every step
        if once:
            numbers, which = torch.unique(numbers, dim=0, return_inverse=True)
        taken = numbers > 0
        vectors = self.table(numbers)
        if self.kind == "cnn":
            scores = self.conv(vectors).masked_fill(~taken[:, :, None], -1e4)
            words = torch.relu(scores.amax(1))
        else:
            sizes = taken.sum(1)
            places = torch.arange(rows - 1, device=x.device)[None]
            turned = torch.where(places < sizes[:, None], sizes[:, None] - 1 - places, places)
            last = (sizes - 1).clamp(min=0)[:, None, None].expand(-1, 1, self.units // 2)
            ahead, _ = self.ahead(vectors)
            back, _ = self.back(vectors.gather(1, turned[:, :, None].expand(-1, -1, self.embedding)))
            words = torch.cat([ahead.gather(1, last), back.gather(1, last)], 2)[:, 0]
        if once:
            words = words[which]
        return words.view(count, length, -1).transpose(1, 2)

    def __repr__(self) -> str:
        return (
            f"Characters(characters={self.characters}, units={self.units}, embedding={self.embedding}, "
            f"kernel={self.kernel}, kind={self.kind!r})"
        )


class Recurrent(nn.Module):
    """An LSTM or GRU; with two directions, half of the units read each sequence from its end. Returns (N, units, L)."""

    masked = True

    def __init__(self, kind: str, incoming: int, units: int, bidirectional: bool) -> None:
        super().__init__()
        self.kind, self.incoming, self.units, self.bidirectional = kind, incoming, units, bidirectional
        hidden = units // 2 if bidirectional else units
        make = nn.LSTM if kind == "lstm" else nn.GRU
        self.ahead = make(incoming, hidden, batch_first=True)
        self.back = make(incoming, hidden, batch_first=True) if bidirectional else nn.Identity()

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        y = x.transpose(1, 2)
        out, _ = self.ahead(y)
        if self.bidirectional:
            places = torch.arange(y.shape[1], device=x.device)[None]
            sizes = mask.sum(1, keepdim=True) if mask is not None else torch.full_like(places[:, :1], y.shape[1])
            turned = torch.where(places < sizes, sizes - 1 - places, places).expand(y.shape[0], -1)[:, :, None]
            back, _ = self.back(y.gather(1, turned.expand(-1, -1, y.shape[2])))
            out = torch.cat([out, back.gather(1, turned.expand(-1, -1, back.shape[2]))], 2)
        found: Tensor = out.transpose(1, 2)
        return found if mask is None else found * mask[:, None]

    def __repr__(self) -> str:
        return (
            f"Recurrent(kind={self.kind!r}, incoming={self.incoming}, units={self.units}, "
            f"bidirectional={self.bidirectional})"
        )


class GatedConv(nn.Module):
    """A convolution with a gated linear unit: a sigmoid of as many channels again is the gate (Dauphin et al. 2017)."""

    def __init__(self, incoming: int, channels: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.incoming, self.channels, self.kernel, self.dilation = incoming, channels, kernel, dilation
        padding = dilation * (kernel // 2)
        self.conv = nn.Conv1d(incoming, 2 * channels, kernel, padding=padding, dilation=dilation)

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.glu(self.conv(x), dim=1)

    def __repr__(self) -> str:
        return (
            f"GatedConv(incoming={self.incoming}, channels={self.channels}, kernel={self.kernel}, "
            f"dilation={self.dilation})"
        )


class SelfAttention(nn.Module):
    """Multi-head self-attention, padding masked (Vaswani et al. 2017). Keeps (N, C, L)."""

    masked = True

    def __init__(self, channels: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.channels, self.heads, self.dropout = channels, heads, dropout
        self.inner = nn.Linear(channels, 3 * channels)
        self.outer = nn.Linear(channels, channels)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        count, channels, length = x.shape
        parts = self.inner(x.transpose(1, 2)).view(count, length, 3, self.heads, channels // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)
        allowed = None if mask is None else mask[:, None, None, :]
        rate = self.dropout if self.training else 0.0
        seen = nn.functional.scaled_dot_product_attention(query, key, value, allowed, rate)
        y: Tensor = self.outer(seen.transpose(1, 2).reshape(count, length, channels)).transpose(1, 2)
        return y if mask is None else y * mask[:, None]

    def __repr__(self) -> str:
        return f"SelfAttention(channels={self.channels}, heads={self.heads}, dropout={self.dropout})"


class Positions(nn.Module):
    """Adds sines and cosines of the position, so that attention knows the order (Vaswani et al. 2017)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        places = torch.arange(x.shape[2], device=x.device, dtype=torch.float32)[None]
        half = (self.channels + 1) // 2
        rates = torch.exp(torch.arange(half, device=x.device, dtype=torch.float32) * (-math.log(10000.0) / half))
        angles = rates[:, None] * places
        return x + torch.cat([angles.sin(), angles.cos()])[: self.channels].to(x.dtype)

    def __repr__(self) -> str:
        return f"Positions(channels={self.channels})"


class Highway(nn.Module):
    """A gate between a layer's output and its input at each position (Srivastava et al. 2015). Keeps (N, C, L)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.layer = nn.Conv1d(channels, 2 * channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        new, gate = self.layer(x).chunk(2, dim=1)
        share = torch.sigmoid(gate - 2.0)  # an untrained layer passes on most of its input
        return share * torch.relu(new) + (1 - share) * x

    def __repr__(self) -> str:
        return f"Highway(channels={self.channels})"


class PlaceNorm(nn.Module):
    """Layer normalisation over the channels of every position. Keeps (N, C, L)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.layer_norm(x.transpose(1, 2), (self.channels,), self.weight, self.bias).transpose(1, 2)

    def __repr__(self) -> str:
        return f"PlaceNorm(channels={self.channels})"


class PoolPlaces(nn.Module):
    """The average ('avg') or maximum ('max') of every channel over positions, padding left out. (N, C, L) to (N, C)."""

    masked = True

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        if self.kind == "max":
            return (x if mask is None else x.masked_fill(~mask[:, None], -1e4)).amax(2)
        return x.mean(2) if mask is None else (x * mask[:, None]).sum(2) / mask.sum(1, keepdim=True).clamp(min=1)

    def __repr__(self) -> str:
        return f"PoolPlaces(kind={self.kind!r})"


class Crf(nn.Module):
    """A linear-chain conditional random field over tags (Lafferty et al. 2001): (N, C, L) to (N, T, T + 2 + L).

    Columns 0 to T - 1 are the transition scores from one tag (row) to another (column), columns T and T + 1 the scores
    of a tag at the start and at the end, equal for every example; the last L columns are the emission scores.
    """

    masked = True

    def __init__(self, channels: int, tags: int) -> None:
        super().__init__()
        self.channels, self.tags = channels, tags
        self.linear = nn.Conv1d(channels, tags, 1)
        self.moves = nn.Parameter(torch.zeros(tags, tags + 2))

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        scores = self.linear(x)
        scores = scores if mask is None else scores * mask[:, None]
        return torch.cat([self.moves[None].to(scores.dtype).expand(x.shape[0], -1, -1), scores], dim=2)

    def lengths(self, lengths: Tensor) -> Tensor:
        return lengths + self.tags + 2

    def __repr__(self) -> str:
        return f"Crf(channels={self.channels}, tags={self.tags})"
