"""Linear-chain conditional random fields (Lafferty, McCallum & Pereira 2001): their likelihood.

What a `crf` layer gives is (N, T, T + 2 + L): scores of moves from a tag (row) to a tag (column), of starting and of
ending with a tag, then those of the tags at each place.
"""

from __future__ import annotations

import torch
from torch import Tensor


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
