"""Modules for rows of tables (N, F): numeric columns first, then categories as indices from 0.

`nas export --format source` copies these classes, so they use nothing but torch. The repr of each is a call of its
constructor.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class Bins(nn.Module):
    """Piecewise-linear encoding (Gorishniy et al. 2022): for each of `count` bins, 0 below it, 1 above, linear inside.

    The edges are quantiles of the standard normal distribution: numeric columns are standardised. (N, F) to (N, F,
    count).
    """

    edges: Tensor
    low: Tensor
    high: Tensor

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count
        shares = torch.linspace(0, 1, count + 1)[1:-1]
        inner = math.sqrt(2.0) * torch.erfinv(2 * shares - 1)
        # Buffers: if `forward` computed them they would be part of the exported graph, and ONNX has no erfinv.
        self.register_buffer("edges", torch.cat([inner[:1] - 1.0, inner, inner[-1:] + 1.0]), persistent=False)
        # Beyond the outer edges the encoding stays linear for a while, so that outliers still differ.
        self.register_buffer("low", -4.0 * (torch.arange(count) == 0), persistent=False)
        self.register_buffer("high", 1.0 + 3.0 * (torch.arange(count) == count - 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        passed = (x[:, :, None] - self.edges[:-1]) / (self.edges[1:] - self.edges[:-1])
        return torch.minimum(torch.maximum(passed, self.low), self.high)

    def __repr__(self) -> str:
        return f"Bins(count={self.count})"


class TableFeatures(nn.Module):
    """A row as one vector: its numbers, or their bins, and an embedding of each category. (N, F) to (N, D)."""

    def __init__(self, numeric: int, categories: list[int], units: int, bins: int) -> None:
        super().__init__()
        self.numeric, self.categories, self.units, self.bins = numeric, list(categories), units, bins
        self.encode = Bins(bins) if bins > 1 else nn.Identity()
        self.tables = nn.ModuleList([nn.Embedding(size, min(units, (size + 1) // 2)) for size in categories])

    def forward(self, x: Tensor) -> Tensor:
        parts = [self.encode(x[:, : self.numeric]).flatten(1)] if self.numeric else []
        for place, table in enumerate(self.tables):
            numbers = x[:, self.numeric + place].long().clamp(0, self.categories[place] - 1)
            parts.append(table(numbers))
        return torch.cat(parts, dim=1)

    def __repr__(self) -> str:
        return (
            f"TableFeatures(numeric={self.numeric}, categories={self.categories}, units={self.units}, bins={self.bins})"
        )


class FeatureTokens(nn.Module):
    """A row as a sequence of one vector per column (Gorishniy et al. 2021, FT-Transformer). (N, F) to (N, C, F)."""

    def __init__(self, numeric: int, categories: list[int], units: int, bins: int) -> None:
        super().__init__()
        self.numeric, self.categories, self.units, self.bins = numeric, list(categories), units, bins
        self.encode = Bins(bins) if bins > 1 else nn.Identity()
        width = 1 / math.sqrt(units)
        self.weights = nn.Parameter(torch.empty(numeric, max(1, bins), units).uniform_(-width, width))
        self.biases = nn.Parameter(torch.empty(numeric + len(self.categories), units).uniform_(-width, width))
        tables = [nn.Embedding(size, units) for size in categories]
        for table in tables:
            nn.init.uniform_(table.weight, -width, width)
        self.tables = nn.ModuleList(tables)

    def forward(self, x: Tensor) -> Tensor:
        parts = []
        if self.numeric:
            numbers = self.encode(x[:, : self.numeric]).view(x.shape[0], self.numeric, -1)
            parts.append((numbers[:, :, None, :] @ self.weights)[:, :, 0])
        for place, table in enumerate(self.tables):
            chosen = x[:, self.numeric + place].long().clamp(0, self.categories[place] - 1)
            parts.append(table(chosen)[:, None])
        return (torch.cat(parts, dim=1) + self.biases).transpose(1, 2)

    def __repr__(self) -> str:
        return (
            f"FeatureTokens(numeric={self.numeric}, categories={self.categories}, units={self.units}, bins={self.bins})"
        )
