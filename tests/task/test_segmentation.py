"""A class for every pixel: scores against scikit-learn, what is ignored, the background, answers and pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix, f1_score, jaccard_score, precision_score, recall_score
from torch.nn import functional

from nas_cli.errors import DataError, Infeasible, SpecError
from nas_cli.task import REFERENCES, Matrix, Table, open_task, scored
from nas_cli.task.otsu import as_grey, threshold
from nas_cli.task.pixels import colours
from nas_cli.testing import check_task
from nas_cli.train.losses import LOSSES

Numbers = np.ndarray[Any, Any]
LABELS = ("ground", "tree", "car", "bird")
FACTS = {"labels": 4}


def examples(count: int = 20, classes: int = 4, side: int = 8) -> tuple[Numbers, Numbers]:
    rng = np.random.default_rng(0)
    targets = rng.integers(0, classes, (count, side, side)).astype(np.uint8)
    right = np.moveaxis(np.eye(classes)[targets], -1, 1)
    logits = (rng.normal(size=(count, classes, side, side)) + right).astype(np.float32)
    targets[rng.random(targets.shape) < 0.2] = 255
    return logits, targets


def masks_as_logits(found: Any, classes: int) -> Numbers:
    return np.moveaxis(np.eye(classes, dtype=np.float32)[np.asarray(found)], -1, 1)


def test_it_is_a_task() -> None:
    logits, targets = examples()
    check_task("segmentation", logits, targets, LABELS, FACTS, shapes=((6, 4, 4), (3, 8, 8)))


def test_scores_are_scikit_learns() -> None:
    logits, targets = examples()
    scorer = scored(open_task("segmentation"), logits, targets, LABELS)
    counted = targets != 255
    pixels = targets[counted], logits.argmax(1)[counted]
    metrics = scorer.metrics()
    assert metrics["mean_iou"] == pytest.approx(jaccard_score(*pixels, average="macro"))
    assert metrics["dice"] == pytest.approx(f1_score(*pixels, average="macro", labels=[1, 2, 3]))
    assert metrics["pixel_accuracy"] == pytest.approx((pixels[0] == pixels[1]).mean())
    report = scorer.report()
    assert report["confusion"] == confusion_matrix(*pixels).tolist()
    assert (report["samples"], report["pixels"], report["background"]) == (20, counted.sum(), "ground")
    for name, theirs in (("iou", jaccard_score), ("dice", f1_score), ("precision", precision_score)):
        assert [each[name] for each in report["classes"]] == pytest.approx(theirs(*pixels, average=None).tolist())
    assert [each["recall"] for each in report["classes"]] == pytest.approx(recall_score(*pixels, average=None).tolist())
    assert [each["pixels"] for each in report["classes"]] == np.bincount(pixels[0]).tolist()


def test_batches_add_up() -> None:
    logits, targets = examples()
    task = open_task("segmentation")
    whole, pieces = scored(task, logits, targets, LABELS), task.scorer(LABELS)
    for start in range(0, 20, 3):
        pieces.add(torch.from_numpy(logits[start : start + 3]), torch.from_numpy(targets[start : start + 3]))
    assert pieces.report() == whole.report()


def test_the_worst_images_are_named() -> None:
    truth = np.zeros((4, 2, 2), np.uint8)
    truth[:, 0, 0], truth[3] = 1, 255
    found = np.zeros((4, 2, 2), np.int64)
    found[0, 0, 0], found[1, :, 0] = 1, 1
    scorer = scored(open_task("segmentation"), masks_as_logits(found, 2), truth, ("ground", "thing"))
    expected = [(3, (3 / 4 + 0) / 2), (2, (2 / 3 + 1 / 2) / 2), (1, 1.0)]
    report = scorer.report()
    assert [(each["number"], each["mean_iou"]) for each in report["examples"]] == [
        (number, pytest.approx(score)) for number, score in expected
    ]
    report["examples"][0]["name"] = "cell.png"
    rows = open_task("segmentation").blocks(report)[3].rows  # type: ignore[union-attr]
    assert rows == (("cell.png", "0.3750"), ("2", "0.5833"), ("1", "1.0000"))


def test_by_hand() -> None:
    truth = np.array([[[0, 0, 1], [1, 255, 0]]], np.uint8)
    found = [[[0, 1, 1], [1, 1, 0]]]
    metrics = scored(open_task("segmentation"), masks_as_logits(found, 2), truth, ("ground", "thing")).metrics()
    assert metrics["mean_iou"] == pytest.approx((2 / 3 + 2 / 3) / 2)
    assert metrics["dice"] == pytest.approx(2 * 2 / (3 + 2))
    assert metrics["pixel_accuracy"] == pytest.approx(4 / 5)


def test_a_class_that_is_nowhere_is_in_no_mean() -> None:
    truth = np.array([[[0, 0], [1, 1]]], np.uint8)
    logits = masks_as_logits([[[0, 0], [1, 0]]], 4)
    scorer = scored(open_task("segmentation"), logits, truth, LABELS)
    assert scorer.metrics()["mean_iou"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert scorer.metrics()["dice"] == pytest.approx(2 / 3)
    car = scorer.report()["classes"][2]
    assert (car["iou"], car["dice"], car["precision"], car["recall"], car["pixels"]) == (None, None, None, None, 0)
    assert open_task("segmentation").blocks(scorer.report())[1].rows[2] == ("car", "–", "–", "–", "–", "0")  # type: ignore[union-attr]


def test_a_class_that_is_found_and_nowhere_true_counts_as_wrong() -> None:
    truth = np.array([[[0, 1]]], np.uint8)
    metrics = scored(open_task("segmentation"), masks_as_logits([[[2, 1]]], 3), truth, LABELS[:3]).metrics()
    assert metrics["mean_iou"] == pytest.approx(1 / 3)
    assert metrics["dice"] == pytest.approx(1 / 2)


@pytest.mark.parametrize(
    ("given", "labels", "behind"),
    [
        ("segmentation", ("sky", "tree"), "sky"),
        ("segmentation", ("tree", "Background"), "Background"),
        ({"segmentation": {"background": "tree"}}, ("sky", "tree"), "tree"),
        ({"segmentation": {"background": "none"}}, ("sky", "tree"), None),
        ({"segmentation": "none"}, ("tree", "none"), "none"),
    ],
)
def test_dice_is_the_mean_over_all_but_the_background(given: Any, labels: tuple[str, ...], behind: str | None) -> None:
    logits, targets = examples(classes=2)
    task = open_task(given)
    report = scored(task, logits, targets, labels).report()
    assert report["background"] == behind
    each = {row["label"]: row["dice"] for row in report["classes"] if row["label"] != behind}
    assert report["metrics"]["dice"] == pytest.approx(sum(each.values()) / len(each))
    title = task.blocks(report)[0].title
    assert title.endswith("over all classes" if behind is None else f"over all classes but {behind}")


def test_an_unknown_background_is_answered_with_the_nearest() -> None:
    with pytest.raises(DataError, match="no class is called 'gruond'; did you mean 'ground'"):
        open_task({"segmentation": {"background": "gruond"}}).undefined(examples()[1], LABELS)
    with pytest.raises(SpecError, match="background takes a text"):
        open_task({"segmentation": {"background": 3}})


def test_a_part_of_background_alone_has_no_dice() -> None:
    task = open_task("segmentation")
    nothing = np.zeros((3, 4, 4), np.uint8)
    assert "no pixel but of ground" in task.undefined(nothing, LABELS)["dice"]
    assert "dice" not in scored(task, masks_as_logits(nothing, 4), nothing, LABELS).metrics()
    nothing[0, 0, 0] = 255
    assert "dice" in task.undefined(nothing, LABELS)
    nothing[0, 0, 0] = 2
    assert task.undefined(nothing, LABELS) == {}
    assert open_task({"segmentation": "none"}).undefined(nothing * 0, LABELS) == {}


def test_ignored_pixels_teach_nothing() -> None:
    logits, targets = examples(classes=3)
    task = open_task("segmentation")
    for loss in task.losses:
        outputs = torch.from_numpy(logits).requires_grad_()
        value = task.loss(outputs, torch.from_numpy(targets), LOSSES[loss](), 1.0)
        (gradient,) = torch.autograd.grad(value, outputs)
        assert not gradient.permute(0, 2, 3, 1)[torch.from_numpy(targets) == 255].any()
    expected = functional.cross_entropy(torch.from_numpy(logits), torch.from_numpy(targets).long(), ignore_index=255)
    found = task.loss(torch.from_numpy(logits), torch.from_numpy(targets), LOSSES["cross_entropy"](), 1.0)
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)


def test_the_head_needs_places() -> None:
    with pytest.raises(Infeasible, match="every pixel needs a class: do not pool"):
        open_task("segmentation").head((16,), FACTS)


def test_an_answer_says_how_much_is_of_each_class() -> None:
    task = open_task("segmentation")
    logits = masks_as_logits([[0, 0, 1, 3], [0, 0, 0, 0]], 4)[:, :, :]
    answer = task.answer(np.moveaxis(logits, 1, 0) if logits.shape[0] != 4 else logits, LABELS)
    assert answer == {"share": {"ground": 0.75, "tree": 0.125, "car": 0.0, "bird": 0.125}}
    assert task.describe(answer) == "ground 75.0 %, tree 12.5 %, bird 12.5 %"


def test_pictures_are_of_the_size_of_the_image() -> None:
    logits = np.eye(3, dtype=np.float32)[[[0, 1], [2, 0]]].transpose(2, 0, 1)
    image = np.full((3, 4, 6), 100, np.uint8)
    pictures = open_task("segmentation").pictures(logits, ("ground", "tree", "car"), image)
    assert pictures["mask"].tolist() == [[0, 0, 0, 1, 1, 1]] * 2 + [[2, 2, 2, 0, 0, 0]] * 2
    assert pictures["overlay"][0, 0].tolist() == [100, 100, 100]
    assert pictures["overlay"][0, 5].tolist() == np.rint(0.5 * 100 + 0.5 * colours(3)[1]).tolist()
    everywhere = open_task({"segmentation": "none"}).pictures(logits, ("ground", "tree", "car"), image[:1])
    assert everywhere["overlay"][0, 0].tolist() == [50, 50, 50]


def test_reports_are_blocks() -> None:
    logits, targets = examples()
    task = open_task("segmentation")
    blocks = task.blocks({**scored(task, logits, targets, LABELS).report(), "beside": []})
    assert [type(block) for block in blocks] == [Table, Table, Matrix, Table]
    assert blocks[2].counts == tuple(  # type: ignore[union-attr]
        map(tuple, confusion_matrix(targets[targets != 255], logits.argmax(1)[targets != 255]).tolist())
    )


# Otsu's threshold -----------------------------------------------------------------------------------------------------


def slow_threshold(counts: Numbers) -> int:
    """By the variances within the sides, as Otsu (1979) derives it: their weighted sum is the least."""
    values = np.repeat(np.arange(len(counts)), counts)
    levels = np.unique(values)[:-1]
    within = [
        (values <= t).mean() * values[values <= t].var() + (values > t).mean() * values[values > t].var()
        for t in levels
    ]
    return int(levels[int(np.argmin(within))])


@pytest.mark.parametrize("seed", range(5))
def test_the_threshold_is_otsus(seed: int) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 20, 64) * (rng.random(64) < 0.7)
    counts[3], counts[60] = 5, 5
    assert threshold(counts) == slow_threshold(counts)


@pytest.mark.parametrize(
    ("counts", "level"), [([0, 9, 0, 0], 1), ([5, 0, 0, 5], 0), ([1, 0, 0, 0], 0), ([9, 1, 0, 3, 4], 1)]
)
def test_thresholds_by_hand(counts: list[int], level: int) -> None:
    assert threshold(np.array(counts)) == level


def test_grey_is_luminance() -> None:
    image = np.array([[[255]], [[0]], [[100]]], np.uint8)
    assert as_grey(image).item() == pytest.approx(0.299 * 255 + 0.114 * 100)
    assert as_grey(image[:2]).item() == pytest.approx(127.5)


def discs(count: int, bright: int, channels: int = 1) -> tuple[Numbers, Numbers]:
    """Discs of class `bright` brighter than what is around them, at another level in each image."""
    rng = np.random.default_rng(1)
    rows, columns = np.mgrid[:24, :24]
    masks = np.stack([(rows - a) ** 2 + (columns - b) ** 2 < 36 for a, b in rng.integers(6, 18, (count, 2))])
    level = rng.integers(20, 120, (count, 1, 1))
    images = level + 90 * masks + rng.normal(0, 5, masks.shape)
    targets = masks if bright else ~masks
    return np.repeat(images.astype(np.uint8)[:, None], channels, 1), targets.astype(np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("bright", [0, 1])
def test_otsu_finds_which_side_is_which(bright: int, channels: int) -> None:
    images, targets = discs(12, bright, channels)
    name, outputs = REFERENCES[open_task("segmentation").wanted]((images[:6], targets[:6]), images[6:], {"labels": 2})
    assert name == "Otsu's threshold"
    assert outputs.shape == (6, 2, 24, 24)
    metrics = scored(open_task("segmentation"), outputs, targets[6:], ("a", "b")).metrics()
    assert metrics["mean_iou"] > 0.99


def test_of_more_classes_the_most_frequent_is_the_yardstick() -> None:
    _, targets = examples()
    targets[targets != 255] %= 3
    targets[:, :4] = 2
    name, outputs = REFERENCES[open_task("segmentation").wanted](
        (np.zeros((20, 3, 8, 8), np.uint8), targets), np.zeros((5, 3, 8, 8), np.uint8), FACTS
    )
    assert name == "most frequent class"
    assert outputs.shape == (5, 4, 8, 8)
    assert (outputs.argmax(1) == 2).all()
