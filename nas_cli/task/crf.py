"""Linear-chain conditional random fields (Lafferty, McCallum & Pereira 2001): their likelihood.

What a `crf` layer gives is (N, T, T + 2 + L): scores of moves from a tag (row) to a tag (column), of starting and of
ending with a tag, then those of the tags at each place.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

LEAST, MOST = 1e-37, 80.0
"""What a sum of products of exponentials is kept above, and an exponent below: float32 ends near e^±87."""


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
    total: Tensor = LogPartition.apply(start, moves, end, scores, mask)  # type: ignore[no-untyped-call]
    return (total - gold).sum() / mask.sum()


class LogPartition(torch.autograd.Function):
    """log Σ exp(score of a path) over all paths of each sentence, (N,), by the forward algorithm.

    Its gradient are the probabilities of tags and of moves, by the backward algorithm: a second loop over the places,
    and no graph of the first, which would take twice the time. Inside, places come first and sentences last.
    """

    @staticmethod
    def forward(ctx: Any, start: Tensor, moves: Tensor, end: Tensor, scores: Tensor, mask: Tensor) -> Tensor:
        scores_LTN, taken_LN = scores.permute(1, 2, 0).contiguous(), mask.T
        ahead_LTN = path_sums(start, moves, scores_LTN, taken_LN)
        total_N = torch.logsumexp(ahead_LTN[-1] + end[:, None], dim=0)
        ctx.save_for_backward(moves, end, scores_LTN, taken_LN, ahead_LTN, total_N)
        return total_N

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        moves, end, scores_LTN, taken_LN, ahead_LTN, total_N = ctx.saved_tensors
        order = turned(taken_LN)[:, None].expand_as(scores_LTN)
        back_LTN = path_sums(end, moves.T, scores_LTN.gather(0, order), taken_LN).gather(0, order)
        # Both sums have the score of the place itself. After a sentence's end they mean nothing, and may be large.
        exponents = ahead_LTN + back_LTN - scores_LTN - total_N
        tag_LTN = torch.exp(exponents.masked_fill(~taken_LN[:, None], -math.inf)) * grads[0]
        last = tag_LTN[taken_LN.sum(0) - 1, :, torch.arange(len(total_N), device=total_N.device)]
        move = move_sums(moves, ahead_LTN[:-1], back_LTN[1:], total_N, grads[0] * taken_LN[1:])
        return tag_LTN[0].sum(1), move, last.sum(0), tag_LTN.permute(2, 0, 1), None


def path_sums(start: Tensor, moves: Tensor, scores_LTN: Tensor, taken_LN: Tensor) -> Tensor:
    """log Σ exp(score) over the paths that come to each place with each tag, (L, T, N); after a sentence's end those
    of its last word.

    The sums are products with the matrix of exp(moves), scaled so that the largest factors are 1.
    """
    highest = moves.max()
    weights = torch.exp(moves - highest).T.contiguous()
    ahead = scores_LTN[0] + start[:, None]
    found = [ahead]
    for here, taken in zip((scores_LTN + highest).unbind()[1:], taken_LN.unbind()[1:], strict=True):
        most = ahead.amax(0)
        further = (weights @ (ahead - most).exp_()).clamp_(min=LEAST).log_().add_(most).add_(here)
        ahead = torch.where(taken, further, ahead)
        found.append(ahead)
    return torch.stack(found)


def move_sums(moves: Tensor, ahead_LTN: Tensor, back_LTN: Tensor, total_N: Tensor, weight_LN: Tensor) -> Tensor:
    """(T, T): the probabilities of each move, times a weight of the place that it comes from, over all places.

    `ahead_LTN` are the sums up to the places that moves leave, `back_LTN` those from the places they come to.
    """
    highest, before, after = moves.max(), ahead_LTN.amax(1), back_LTN.amax(1)
    scale = torch.exp((before + after + highest - total_N).clamp(max=MOST)) * weight_LN
    leaving = torch.exp(ahead_LTN - before[:, None]) * scale[:, None]
    coming = torch.exp(back_LTN - after[:, None])
    pairs = leaving.transpose(0, 1).flatten(1) @ coming.transpose(0, 1).flatten(1).T
    return pairs * torch.exp(moves - highest)


def turned(taken_LN: Tensor) -> Tensor:
    """(L, N): the places of each sentence from its last word to its first; those after its end stay."""
    places = torch.arange(len(taken_LN), device=taken_LN.device)[:, None]
    sizes = taken_LN.sum(0)
    return torch.where(places < sizes, sizes - 1 - places, places)
