"""Linear-chain conditional random fields (Lafferty, McCallum & Pereira 2001): likelihood and best path.

What a `crf` layer gives is (N, T, T + 2 + L): scores of moves from a tag (row) to a tag (column), of starting and of
ending with a tag, then those of the tags at each place.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

Numbers = np.ndarray[Any, Any]


def negative_log_likelihood(outputs: Tensor, targets: Tensor) -> Tensor:
    """The mean over all words of -log p(tags | sentence); `targets` (N, L) are -100 after a sentence's end."""
    tags = outputs.shape[1]
    moves, start, end = outputs[0, :, :tags], outputs[0, :, tags], outputs[0, :, tags + 1]
    scores = outputs[:, :, tags + 2 :].transpose(1, 2)  # (N, L, T)
    mask = targets >= 0
    wanted = targets.clamp(min=0)
    places = torch.arange(len(targets), device=targets.device)
    last = wanted[places, mask.sum(1) - 1]
    gold = (scores.gather(2, wanted[:, :, None])[:, :, 0] * mask).sum(1) + start[wanted[:, 0]] + end[last]
    gold = gold + (moves[wanted[:, :-1], wanted[:, 1:]] * mask[:, 1:]).sum(1)
    ahead = start + scores[:, 0]
    for place in range(1, scores.shape[1]):
        further = torch.logsumexp(ahead[:, :, None] + moves, dim=1) + scores[:, place]
        ahead = torch.where(mask[:, place, None], further, ahead)
    return (torch.logsumexp(ahead + end, dim=1) - gold).sum() / mask.sum()


def best_paths(outputs: Numbers, sizes: Numbers) -> Numbers:
    """The most probable tags of each sentence, int64 (N, L), by Viterbi's algorithm; `sizes` (N,) are their lengths."""
    tags = outputs.shape[1]
    moves, start, end = outputs[0, :, :tags], outputs[0, :, tags], outputs[0, :, tags + 1]
    scores = outputs[:, :, tags + 2 :].transpose(0, 2, 1)
    count, length = scores.shape[:2]
    came_from = np.zeros((count, length, tags), np.int64)
    best = start + scores[:, 0]
    for place in range(1, length):
        through = best[:, :, None] + moves
        came_from[:, place] = through.argmax(axis=1)
        further = through.max(axis=1) + scores[:, place]
        best = np.where((place < sizes)[:, None], further, best)
    paths = np.zeros((count, length), np.int64)
    rows = np.arange(count)
    tag = (best + end).argmax(axis=1)
    for place in range(length - 1, -1, -1):
        paths[:, place] = tag
        tag = np.where(place < sizes, came_from[rows, place, tag], tag)
    return paths
