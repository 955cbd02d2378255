"""Linear-chain conditional random fields (Lafferty, McCallum & Pereira 2001): their likelihood.

A `crf` layer gives (N, T, T + 2 + L): transition scores from a tag (row) to a tag (column), start and end scores, then
the tag scores at each position.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

LEAST, MOST = 1e-37, 80.0
"""Bounds against under- and overflow: sums of exponentials stay above LEAST, exponents below MOST; float32 ends near
e^±87."""


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

    Its gradient is the marginal probabilities of tags and transitions, by the backward algorithm: a second loop over
    the positions instead of autograd through the first, which would take twice the time. Inside, positions come first
    and sentences last.
    """

    @staticmethod
    def forward(ctx: Any, start: Tensor, moves: Tensor, end: Tensor, scores: Tensor, mask: Tensor) -> Tensor:
        placed, taken = scores.permute(1, 2, 0).contiguous(), mask.T
        ahead = path_sums(start, moves, placed, taken)
        total = torch.logsumexp(ahead[-1] + end[:, None], dim=0)
        ctx.save_for_backward(moves, end, placed, taken, ahead, total)
        return total

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        moves, end, placed, taken, ahead, total = ctx.saved_tensors
        order = turned(taken)[:, None].expand_as(placed)
        back = path_sums(end, moves.T, placed.gather(0, order), taken).gather(0, order)
        # Both sums have the score of the place itself. After a sentence's end they mean nothing, and may be large.
        exponents = ahead + back - placed - total
        tag = torch.exp(exponents.masked_fill(~taken[:, None], -math.inf)) * grads[0]
        last = tag[taken.sum(0) - 1, :, torch.arange(len(total), device=total.device)]
        move = move_sums(moves, ahead[:-1], back[1:], total, grads[0] * taken[1:])
        return tag[0].sum(1), move, last.sum(0), tag.permute(2, 0, 1), None


def path_sums(start: Tensor, moves: Tensor, scores: Tensor, taken: Tensor) -> Tensor:
    """log Σ exp(score) over the paths that end at each position with each tag, (L, T, N); after a sentence's end, the
    sums of its last word.

    The sums are products with the matrix of exp(moves), scaled so that the largest factors are 1.
    """
    highest = moves.max()
    weights = torch.exp(moves - highest).T.contiguous()
    ahead = scores[0] + start[:, None]
    found = [ahead]
    for here, inside in zip((scores + highest).unbind()[1:], taken.unbind()[1:], strict=True):
        most = ahead.amax(0)
        further = (weights @ (ahead - most).exp_()).clamp_(min=LEAST).log_().add_(most).add_(here)
        ahead = torch.where(inside, further, ahead)
        found.append(ahead)
    return torch.stack(found)


def move_sums(moves: Tensor, ahead: Tensor, back: Tensor, total: Tensor, weight: Tensor) -> Tensor:
    """(T, T): the marginal probability of each transition, weighted by its first position, summed over all positions.
    `ahead` are the forward sums at the first positions of transitions, `back` the backward sums at the second.
    """
    highest, before, after = moves.max(), ahead.amax(1), back.amax(1)
    scale = torch.exp((before + after + highest - total).clamp(max=MOST)) * weight
    leaving = torch.exp(ahead - before[:, None]) * scale[:, None]
    coming = torch.exp(back - after[:, None])
    pairs = leaving.transpose(0, 1).flatten(1) @ coming.transpose(0, 1).flatten(1).T
    return pairs * torch.exp(moves - highest)


def turned(taken: Tensor) -> Tensor:
    """(L, N): the positions of each sentence reversed; those after its end stay."""
    places = torch.arange(len(taken), device=taken.device)[:, None]
    sizes = taken.sum(0)
    return torch.where(places < sizes, sizes - 1 - places, places)
