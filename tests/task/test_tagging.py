"""Sequence labelling: entities against seqeval, words against scikit-learn, the random field against all paths."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import classification_report

from nas_cli.data.kinds.targets import IGNORED
from nas_cli.data.portable import best_labels, best_paths
from nas_cli.task import open_task, scored
from nas_cli.task.crf import negative_log_likelihood
from nas_cli.task.entities import count_entities, find_entities, scores, total

TASK = open_task("sequence-labelling")
TAGS = ["B-LOC", "B-PER", "I-LOC", "I-PER", "O"]
Array = np.ndarray[Any, Any]


@pytest.mark.parametrize(
    ("tags", "entities"),
    [
        ("O O", []),
        ("B-PER I-PER O", [("PER", 0, 1)]),
        ("B-PER B-PER", [("PER", 0, 0), ("PER", 1, 1)]),
        ("I-PER I-PER O", [("PER", 0, 1)]),  # conlleval begins one at an I too
        ("B-PER I-LOC", [("PER", 0, 0), ("LOC", 1, 1)]),
        ("O I-LOC B-LOC I-LOC", [("LOC", 1, 1), ("LOC", 2, 3)]),
        ("", []),
    ],
)
def test_entities_as_conlleval_reads_them(tags: str, entities: list[tuple[str, int, int]]) -> None:
    assert find_entities(tags.split()) == entities


sentence = st.lists(st.sampled_from(TAGS), min_size=1, max_size=12)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(sentence, st.randoms(use_true_random=False)), min_size=1, max_size=6))
def test_entity_scores_are_seqevals(drawn: list[tuple[list[str], Any]]) -> None:
    from seqeval.metrics import f1_score, precision_score, recall_score

    gold = [tags for tags, _ in drawn]
    guess = [[tag if rng.random() < 0.6 else rng.choice(TAGS) for tag in tags] for tags, rng in drawn]
    found = scores(*total(count_entities(gold, guess)))
    if not any(find_entities(tags) for tags in (*gold, *guess)):
        assert set(found.values()) == {0.0}
        return
    wanted = [score(gold, guess, zero_division=0) for score in (precision_score, recall_score, f1_score)]
    assert [found["precision"], found["recall"], found["f1"]] == pytest.approx(wanted)


def drawn(count: int, longest: int, moves: bool) -> tuple[Array, Array]:
    """Outputs of sentences of different lengths, with a field's moves or without, and targets."""
    rng = np.random.default_rng(0)
    targets = rng.integers(0, len(TAGS), (count, longest))
    for row, size in enumerate(rng.integers(1, longest + 1, count)):
        targets[row, size:] = IGNORED
    outputs = rng.normal(size=(count, len(TAGS), longest)).astype(np.float32)
    if moves:
        shared = rng.normal(size=(1, len(TAGS), len(TAGS) + 2)).astype(np.float32)
        outputs = np.concatenate([np.repeat(shared, count, 0), outputs], axis=2)
    return outputs, targets


@pytest.mark.parametrize("moves", [False, True], ids=["softmax", "crf"])
def test_the_report_is_seqevals_and_scikit_learns(moves: bool) -> None:
    from seqeval.metrics import classification_report as entity_report

    outputs, targets = drawn(40, 9, moves)
    report = scored(TASK, outputs, targets, TAGS).report()
    paths = best_labels(outputs, np.where(targets == IGNORED, 0, 1)[:, None])
    taken = targets != IGNORED
    gold = [[TAGS[k] for k in row[mask]] for row, mask in zip(targets, taken, strict=True)]
    guess = [[TAGS[k] for k in row[mask]] for row, mask in zip(paths, taken, strict=True)]
    wanted = entity_report(gold, guess, output_dict=True, zero_division=0)
    for row in report["entities"]:
        reference = wanted["micro avg" if row["label"] == "all" else row["label"]]
        assert row["f1"] == pytest.approx(reference["f1-score"])
        assert row["support"] == reference["support"]
    flat = [list(itertools.chain.from_iterable(rows)) for rows in (gold, guess)]
    words = classification_report(*flat, labels=TAGS, output_dict=True, zero_division=0)
    for row in report["classes"]:
        reference = words[row["label"]]
        assert (row["precision"], row["recall"]) == pytest.approx((reference["precision"], reference["recall"]))
        assert row["support"] == reference["support"]
    for average in ("macro", "weighted"):
        assert report["averages"][average]["f1"] == pytest.approx(words[f"{average} avg"]["f1-score"])
    assert report["averages"]["micro"]["f1"] == pytest.approx(words["accuracy"])
    assert report["metrics"]["macro_f1"] == pytest.approx(words["macro avg"]["f1-score"])


def paths_of(outputs: Array, size: int) -> dict[tuple[int, ...], float]:
    """Every path of one sentence with its score, by the definition."""
    tags = outputs.shape[0]
    moves, start, end = outputs[:, :tags], outputs[:, tags], outputs[:, tags + 1]
    words = outputs[:, tags + 2 :]
    found = {}
    for path in itertools.product(range(tags), repeat=size):
        score = start[path[0]] + end[path[-1]] + sum(words[tag, k] for k, tag in enumerate(path))
        found[path] = float(score + sum(moves[a, b] for a, b in itertools.pairwise(path)))
    return found


def test_the_random_field_against_every_path() -> None:
    outputs, targets = drawn(6, 4, True)
    sizes = (targets != IGNORED).sum(axis=1)
    best = best_paths(outputs, sizes)
    likelihood = 0.0
    for row, size in enumerate(sizes):
        every = paths_of(outputs[row].astype(np.float64), int(size))
        assert tuple(best[row, :size]) == max(every, key=every.__getitem__)
        total_score = math.log(sum(math.exp(score) for score in every.values()))
        likelihood += total_score - every[tuple(targets[row, :size].tolist())]
    loss = negative_log_likelihood(torch.from_numpy(outputs), torch.from_numpy(targets))
    assert float(loss) == pytest.approx(likelihood / sizes.sum(), rel=1e-5)


def plain_likelihood(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """By the definition's recursion, sentence by sentence, for torch to differentiate."""
    tags, total = outputs.shape[1], torch.zeros((), dtype=outputs.dtype)
    for output, row in zip(outputs, targets, strict=True):
        wanted = row[row != IGNORED]
        moves, start, end, words = output[:, :tags], output[:, tags], output[:, tags + 1], output[:, tags + 2 :]
        ahead = start + words[:, 0]
        gold = start[wanted[0]] + end[wanted[-1]] + words[wanted, torch.arange(len(wanted))].sum()
        for place in range(1, len(wanted)):
            ahead = torch.logsumexp(ahead[:, None] + moves, dim=0) + words[:, place]
            gold = gold + moves[wanted[place - 1], wanted[place]]
        total = total + torch.logsumexp(ahead + end, dim=0) - gold
    return total / (targets != IGNORED).sum()


@pytest.mark.parametrize(("format", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)], ids=str)
@pytest.mark.parametrize("scale", [1.0, 60.0], ids=["usual", "large"])
@pytest.mark.parametrize("longest", [1, 7])
def test_the_gradient_of_the_random_field(longest: int, scale: float, format: torch.dtype, tolerance: float) -> None:
    """Also where scores are so large that their exponentials have no number, and garbage stands after sentences."""
    outputs, targets = drawn(6, longest, True)
    outputs[:, :, len(TAGS) + 2 :] *= scale
    wanted = torch.from_numpy(targets)

    def differentiate(function: Any, given: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        scores = given.clone().requires_grad_()
        loss = function(scores, wanted)
        return loss.detach(), torch.autograd.grad(loss, scores)[0]

    loss, gradient = differentiate(negative_log_likelihood, torch.from_numpy(outputs).to(format))
    reference, slope = differentiate(plain_likelihood, torch.from_numpy(outputs).double())
    torch.testing.assert_close(loss.double(), reference, rtol=tolerance, atol=tolerance)
    # The moves are one set of numbers, which the plain form takes from each sentence.
    moves = len(TAGS) + 2
    torch.testing.assert_close(
        gradient[:, :, :moves].sum(0).double(), slope[:, :, :moves].sum(0), rtol=0, atol=tolerance
    )
    torch.testing.assert_close(gradient[:, :, moves:].double(), slope[:, :, moves:], rtol=0, atol=tolerance)


def test_moves_that_are_ruled_out_leave_the_field_finite() -> None:
    outputs, targets = (torch.from_numpy(array) for array in drawn(6, 7, True))
    outputs[:, :2, :2] = -1e4
    outputs.requires_grad_()
    loss = negative_log_likelihood(outputs, targets)
    (gradient,) = torch.autograd.grad(loss, outputs)
    assert bool(torch.isfinite(loss))
    assert bool(torch.isfinite(gradient).all())


def test_a_tag_that_only_the_test_part_has_counts_as_missed() -> None:
    outputs, targets = drawn(10, 5, False)
    targets[0, 0] = len(TAGS)
    report = scored(TASK, outputs, targets, [*TAGS, "B-NEW"]).report()
    (row,) = [row for row in report["classes"] if row["label"] == "B-NEW"]
    assert (row["support"], row["recall"]) == (1, 0.0)
    assert math.isfinite(report["metrics"]["loss"])


def test_an_answer_shows_entities_in_the_text() -> None:
    outputs = np.full((5, 4), -9.0)
    for place, tag in enumerate(["B-PER", "I-PER", "O", "B-LOC"]):
        outputs[TAGS.index(tag), place] = 9.0
    answer = TASK.answer(outputs, TAGS, raw=("Ann", "Lee", "left", "Oslo"))
    assert answer["entities"][0] == {"type": "PER", "text": "Ann Lee", "first": 0, "last": 1}
    assert TASK.describe(answer) == "[PER Ann Lee] left [LOC Oslo]"
