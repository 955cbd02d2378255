"""An augmentation that does not fit what is learned is refused when the spec is read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from nas_cli.data import Wanted
from nas_cli.errors import SpecError
from nas_cli.plugins import import_plugin, taking_back
from nas_cli.run.compose import compose
from nas_cli.spec.load import parse_document
from nas_cli.task.classification import Classification
from nas_cli.train.augment import AUGMENTS
from nas_cli.train.augment.fitting import require_fitting

TABLE = """\
task: table-classification
data: {source: csv, path: rows.csv, target: y}
model: [{linear: 8}]
"""
IMAGES = """\
task: image-classification
data: {source: digits}
model: [{conv: 4}, {global_pool: avg}]
"""


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    with taking_back():
        yield


def complaint(text: str) -> str:
    with pytest.raises(SpecError) as caught:
        compose(parse_document(text, "spec.yaml"))
    return str(caught.value)


@pytest.mark.parametrize(
    ("train", "place"),
    [
        ("train: {augment: [crop]}", "4:19"),
        ("train: {augment: crop}", "4:18"),
        ("train:\n  augment:\n    - {crop: {padding: 1}}", "6:7"),
        ("train: {augment: [{choice: [{crop: 1}, {crop: 2}]}]}", "4:29"),
        ("train: {augment: {choice: [[], [crop]]}}", "4:33"),
        ("let: {cuts: {choice: [{crop: 1}, {crop: 2}]}}\ntrain: {augment: [$cuts]}", "4:23"),
        ("let: {cuts: [{crop: {padding: {int: [1, 4]}}}]}\ntrain: {augment: $cuts}", "4:14"),
    ],
)
def test_it_is_named_where_it_stands(train: str, place: str) -> None:
    said = complaint(TABLE + train)
    assert said == (
        f"spec.yaml:{place}: table-classification learns from table rows, and crop is for images; "
        "no augmentation fits: leave augment out"
    )


@pytest.mark.parametrize("task", ["text-classification", "sequence-labelling", "table-regression"])
def test_what_is_no_image_takes_none_of_nas(task: str) -> None:
    said = complaint(TABLE.replace("table-classification", task) + "train: {augment: [mixup]}")
    assert "mixup is for images; no augmentation fits: leave augment out" in said


@pytest.mark.parametrize(
    "augment", ["[crop, flip, cutout, mixup]", "[rotate, scale, shift, brightness, contrast]", "[]"]
)
def test_classes_of_images_take_all(augment: str) -> None:
    compose(parse_document(f"{IMAGES}train: {{augment: {augment}}}", "spec.yaml"))


def test_a_name_that_is_unknown_is_answered_with_the_nearest() -> None:
    assert "unknown augmentation 'brightnes'; did you mean 'brightness'?" in complaint(
        IMAGES + "train: {augment: [brightnes]}"
    )


def test_what_is_no_augmentation_is_said_so() -> None:
    said = complaint(IMAGES + "train: {augment: [{choice: [flip, 3]}]}")
    assert said.endswith("an augmentation is expected here: a name, or {name: {argument: value}}; got 3")


# By the kind of target ------------------------------------------------------------------------------------------------


def refused(target: str, unchanged_by: tuple[str, ...] = ()) -> dict[str, str]:
    """What is said of each augmentation that does not fit."""
    task = Classification()
    task.wanted = Wanted("images", target)
    task.unchanged_by = unchanged_by  # type: ignore[attr-defined]
    said = {}
    for name in AUGMENTS:
        try:
            require_fitting([(("train", "augment", 0), name)], task, "mine")
        except SpecError as error:
            said[name] = error.message
    return said


def test_what_fits_what() -> None:
    assert set(refused("class")) == set()
    assert set(refused("mask")) == {"mixup"}
    assert set(refused("number")) == {"crop", "cutout", "flip", "mixup", "rotate", "scale", "shift"}
    assert set(refused("no kind of nas")) == set(AUGMENTS)


def test_a_number_may_be_said_to_be_unchanged() -> None:
    said = refused("number")
    assert said["flip"] == (
        "mine learns targets of the kind 'number', and after flip only those of the kind class or mask are right; "
        "allowed: brightness, contrast; where it changes nothing: task: {mine: {unchanged_by: [flip]}}"
    )
    assert said["mixup"].endswith("allowed: brightness, contrast")
    assert set(refused("number", ("flip", "crop"))) == {"cutout", "mixup", "rotate", "scale", "shift"}
    assert refused("number", ("flip",))["crop"].endswith(
        "allowed: brightness, contrast, flip; where it changes nothing: task: {mine: {unchanged_by: [flip, crop]}}"
    )
    assert set(refused("number", ("flipp",)).values()) == {"unknown augmentation 'flipp'; did you mean 'flip'?"}
    assert set(refused("number", ("mixup",)).values()) == {
        "mixup blends the targets of several examples, so none stays as it is"
    }


# Of plugins -----------------------------------------------------------------------------------------------------------

PLUGIN = """\
from nas_cli.plugins import augmentation

@augmentation("mine"HOW)
def mine():
    "Does nothing."
    return lambda batch, generator: batch
"""


def plugin(folder: Path, how: str) -> Path:
    (folder / "mine.py").write_text(PLUGIN.replace("HOW", how))
    return folder / "mine.py"


@pytest.mark.parametrize(
    ("how", "fits"),
    [
        ("", True),
        (", targets={'class', 'number'}", True),
        (", targets='class'", True),
        (", inputs=['images', 'table rows']", True),
        (", targets={'number'}", False),
        (", inputs={'texts'}", False),
    ],
)
def test_a_plugin_says_what_it_fits(tmp_path: Path, how: str, fits: bool) -> None:
    text = f"{IMAGES}train: {{augment: [mine]}}\nplugins: [{plugin(tmp_path, how)}]"
    if fits:
        compose(parse_document(text, "spec.yaml"))
    else:
        assert re.search(
            r"image-classification learns .* mine .*; allowed: brightness, contrast, crop", complaint(text)
        )


@pytest.mark.parametrize(
    ("how", "words"),
    [
        (", targets={'clas'}", "augmentation 'mine' is for the kind of target 'clas'; did you mean 'class'?"),
        (", inputs={'image'}", "augmentation 'mine' is for the kind of input 'image'; did you mean 'images'?"),
        (", targets={'class', 'fish'}", "for the kind of target 'fish'; allowed: class, "),
        (", inputs='imagery'", "for the kind of input 'imagery'"),
        (", targets=3", "TypeError: 'int' object is not iterable"),
    ],
)
def test_a_plugins_unknown_kind_is_refused_where_it_is_registered(tmp_path: Path, how: str, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        import_plugin(plugin(tmp_path, how))
    assert "mine.py" in str(caught.value)
    assert words in str(caught.value)
    assert "mine" not in AUGMENTS


def test_a_plugins_own_kind_of_target_takes_part_by_its_name(tmp_path: Path) -> None:
    path = plugin(tmp_path, ", targets={'class', 'boxes'}")
    kind = "\nfrom nas_cli.plugins import target\n@target('boxes')\ndef boxes(dataset, labels, origin): ...\n"
    path.write_text(path.read_text() + kind)
    import_plugin(path)
    said = refused("boxes")
    assert "mine" not in said
    assert set(said) == set(AUGMENTS) - {"mine"}
    assert "; allowed: mine" in said["flip"]


ANGLES = """\
from nas_cli.data import Wanted
from nas_cli.plugins import task
from nas_cli.task.table_regression import TableRegression

@task("angles")
class Angles(TableRegression):
    wanted = Wanted("images", "number")
    def __init__(self, unchanged_by: tuple[str, ...] = ()):
        self.unchanged_by = unchanged_by
"""


@pytest.mark.parametrize(
    ("task", "augment", "said"),
    [
        ("angles", "[brightness, contrast]", None),
        ("{angles: {unchanged_by: [flip, shift]}}", "[flip, {shift: 0.2}]", None),
        (
            "angles",
            "[brightness, {flip: vertical}]",
            "4:31: angles learns targets of the kind 'number', and after flip",
        ),
        (
            "{angles: {unchanged_by: [flip]}}",
            "[{choice: [flip, crop]}]",
            "where it changes nothing: task: {angles: {unchanged_by: [flip, crop]}}",
        ),
        ("{angles: {unchanged_by: [flop]}}", "[]", "1:32: unknown augmentation 'flop'; did you mean 'flip'?"),
        ("{angles: {unchanged_by: [mixup]}}", "[]", "1:32: mixup blends the targets of several examples"),
        ("{angles: {unchanged_by: flip}}", "[flip]", "unchanged_by takes a list; got 'flip'"),
    ],
)
def test_a_tasks_argument_says_what_changes_nothing(tmp_path: Path, task: str, augment: str, said: str | None) -> None:
    (tmp_path / "mine.py").write_text(ANGLES)
    text = (
        f"task: {task}\n{IMAGES.split(chr(10), 1)[1]}train: {{augment: {augment}}}\nplugins: [{tmp_path / 'mine.py'}]"
    )
    if said is None:
        compose(parse_document(text, "spec.yaml"))
    else:
        assert said in complaint(text)
