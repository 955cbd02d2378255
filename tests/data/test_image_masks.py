"""The source image-masks: which mask is whose, and which part; its whole way to a search."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from drawn import COUNT, classes_of, draw, image_of, opened, refused, save

from nas_cli.data import SOURCES, Cache, Wanted, load_other, load_test, load_training, parse_data
from nas_cli.data.source import Dataset
from nas_cli.errors import DataError, SpecError
from nas_cli.testing import check_source


def pairs(dataset: Dataset, kinds: int = 2) -> None:
    """Every image has its own mask."""
    examples = dataset.train
    pixels = examples.read(np.arange(len(examples.labels)))
    assert examples.labels.dtype == np.uint8
    assert examples.labels.shape == (len(pixels), *pixels.shape[2:])
    for image, mask in zip(pixels, examples.labels, strict=True):
        np.testing.assert_array_equal(mask, classes_of(int(image[0, 0, 0]), mask.shape, kinds))


@pytest.mark.parametrize(
    ("images", "masks"),
    [
        ("images/{}.png", "masks/{}.png"),
        ("img/{}.jpg", "gt/{}.png"),
        ("JPEGImages/{}.png", "SegmentationClass/{}.png"),
        ("Images/{}.PNG", "Ground_Truth/{}.bmp"),
        ("leftImg8bit/a/{}_leftImg8bit.png", "gtFine/a/{}_gtFine_labelIds.png"),
        ("images/{}.png", "annotations/trimaps/{}.png"),
        ("data/images_png/{}.png", "data/masks_png/{}.png"),
        ("images/{}.png", "masks/{}_mask.png"),
        ("img/img_{}.png", "masks/mask_{}.png"),
        ("images/é{}.png", "masks/e\u0301{}.png"),
        ("images/A{}.png", "labels/a{}.png"),
        ("{}.png", "masks/{}.png"),
        ("patient-{}/slice.tif", "patient-{}/slice_mask.tif"),
        ("all/{}_sat.png", "all/{}_mask.png"),
        ("{0}/images/{0}.png", "{0}/masks/any.png"),
        ("images/{}.png", "masks/{}/object.png"),
        ("PNGImages/Fudan{}.png", "PedMasks/Fudan{}_mask.png"),
        ("ISIC2018_Task1-2_Training_Input/ISIC_{}.png", "ISIC2018_Task1_Training_GroundTruth/ISIC_{}_segmentation.png"),
        ("training/images/{}_training.tif", "training/1st_manual/{}_manual1.gif"),
    ],
)
def test_masks_are_found_by_usual_names(tmp_path: Path, images: str, masks: str) -> None:
    lossless = images.replace(".jpg", ".png")
    dataset = opened(draw(tmp_path, lossless, masks))
    pairs(dataset)
    assert len(dataset.train.labels) == COUNT
    assert any("images are those in" in note for note in dataset.notes())


@pytest.mark.parametrize("folders", [("pictures of cells", "drawn"), ("a/b", "a/c"), ("x", "images")])
def test_folders_of_other_names_are_said(tmp_path: Path, folders: tuple[str, str]) -> None:
    path = draw(tmp_path, folders[0] + "/{}.png", folders[1] + "/{}.png")
    message = refused(path)
    assert "images: FOLDER and masks: FOLDER" in message
    assert folders[0].rpartition("/")[2] in message
    pairs(opened(path, images=folders[0], masks=folders[1]))
    message = refused(path, images=folders[0], masks=folders[1] + "s")
    assert f"no pictures in a folder '{folders[1]}s' of masks; " in message
    assert f"did you mean '{folders[1]}'?" in message or f"allowed: {folders[0][-1]}, {folders[1][-1]}" in message


def test_two_folders_of_masks_are_not_guessed_between(tmp_path: Path) -> None:
    draw(tmp_path)
    draw(tmp_path, masks="labels/{}.png")
    assert "several folders that may hold the masks: labels and masks; say masks" in refused(tmp_path)
    pairs(opened(tmp_path, masks="labels"))


def test_two_masks_of_one_image_are_not_guessed_between(tmp_path: Path) -> None:
    draw(tmp_path)
    save(tmp_path / "masks" / "0.bmp", classes_of(0))
    assert "has two masks" in refused(tmp_path)


def test_what_has_no_partner_is_counted_and_named(tmp_path: Path) -> None:
    draw(tmp_path)
    save(tmp_path / "images" / "alone.png", image_of(0))
    save(tmp_path / "masks" / "lost.png", classes_of(0))
    save(tmp_path / "preview.png", image_of(0))
    (tmp_path / "images" / "Thumbs.db").write_bytes(b"x")
    (tmp_path / "notes.md").write_text("x")
    notes = "\n".join(opened(tmp_path).notes())
    assert "images without a mask: 1 (images/alone.png)" in notes
    assert "masks without an image: 1 (masks/lost.png)" in notes
    assert "neither among the images nor among the masks: 1 (preview.png)" in notes
    assert "Thumbs.db" in notes


def test_images_none_of_which_has_a_mask_are_refused(tmp_path: Path) -> None:
    draw(tmp_path, "images/{}.png", "masks/other{}.png")
    message = refused(tmp_path)
    assert "no image in" in message
    assert "images/0.png" in message
    assert "masks/other0.png" in message


def test_several_masks_of_an_image_are_united(tmp_path: Path) -> None:
    """As the Data Science Bowl of 2018 has them: a folder an image, and a mask an object."""
    for k in range(COUNT):
        save(tmp_path / f"stage1_train/{k}/images/{k}.png", image_of(k))
        whole = 255 * classes_of(k)
        first, second = whole.copy(), whole.copy()
        first[4:], second[:4] = 0, 0
        save(tmp_path / f"stage1_train/{k}/masks/one.png", first)
        save(tmp_path / f"stage1_train/{k}/masks/two.png", second)
        save(tmp_path / f"stage1_test/{k}/images/{k}.png", image_of(k))
    dataset = opened(tmp_path)
    pairs(dataset)
    assert dataset.test is None
    notes = "\n".join(dataset.notes())
    assert f"a mask for each object, which are united: {COUNT}" in notes
    assert f"images without a mask: {COUNT} (stage1_test/0/images/0.png" in notes


# Parts ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "layout",
    [
        ("{part}/images/{{}}.png", "{part}/masks/{{}}.png"),
        ("images/{part}/{{}}.png", "masks/{part}/{{}}.png"),
        ("{part}_images/{{}}.png", "{part}_masks/{{}}.png"),
        ("{part}/{{}}.png", "{part}_masks/{{}}_mask.gif"),
        ("{part}/{{}}.png", "{part}annot/{{}}.png"),
    ],
)
@pytest.mark.parametrize("second", ["val", "valid"])
def test_parts_are_folders(tmp_path: Path, layout: tuple[str, str], second: str) -> None:
    for part, count in (("train", 6), (second, 4), ("test", 3)):
        draw(tmp_path, *(name.format(part=part) for name in layout), count=count)
    dataset = opened(tmp_path)
    pairs(dataset)
    assert dataset.validation is not None
    assert dataset.test is not None
    assert dataset.check_test is not None
    dataset.check_test(None)
    sizes = [len(each.labels) for each in (dataset.train, dataset.validation(), dataset.test())]
    assert sizes == [6, 4, 3]


def test_lists_of_pascal_voc_divide(tmp_path: Path) -> None:
    draw(tmp_path, "JPEGImages/{}.png", "SegmentationClass/{}.png")
    draw(tmp_path, "JPEGImages/{}.png", "SegmentationObject/{}.png")
    save(tmp_path / "JPEGImages" / "other.png", image_of(0))
    for folder, train, held in (("Segmentation", "0\n1\n2\n", "3\n4\n"), ("Main", "5 1\n", "4 -1\n")):
        lists = tmp_path / "ImageSets" / folder
        lists.mkdir(parents=True)
        (lists / "train.txt").write_text(train)
        (lists / "val.txt").write_text(held)
        (lists / "trainval.txt").write_text(train + held)
    dataset = opened(tmp_path)
    pairs(dataset)
    assert dataset.validation is not None
    assert (len(dataset.train.labels), len(dataset.validation().labels)) == (3, 2)
    assert "in no list of a part: 2" in "\n".join(dataset.notes())


def test_training_opens_neither_images_nor_masks_of_the_test_part(tmp_path: Path) -> None:
    for part in ("train", "test"):
        draw(tmp_path, f"{part}/images/{{}}.png", f"{part}/masks/{{}}.png")
    for file in (tmp_path / "test").rglob("*.png"):
        file.write_bytes(b"damaged")
    dataset = opened(tmp_path)
    pairs(dataset)
    assert dataset.test is not None
    assert dataset.check_test is not None
    for use in (dataset.test, lambda: dataset.check_test(None)):  # type: ignore[misc]
        with pytest.raises(DataError, match=r"test/images/0\.png is no picture"):
            use()


def test_a_part_may_lie_elsewhere(tmp_path: Path) -> None:
    path, other = draw(tmp_path / "a"), draw(tmp_path / "b", count=3)
    dataset = opened(path)
    assert dataset.elsewhere is not None
    assert len(dataset.elsewhere(other, "test").labels) == 3
    with pytest.raises(DataError, match="which is trained on"):
        dataset.elsewhere(path, "test")
    save(other / "masks" / "1.png", 7 * classes_of(1))
    with pytest.raises(
        DataError, match=r"masks/1\.png holds the value 7 in \d+ pixels, and no mask to train on has it"
    ):
        dataset.elsewhere(other, "test")


@pytest.mark.parametrize("wrapped", ["", "dataset/"])
def test_an_archive_is_read_as_it_is(tmp_path: Path, wrapped: str) -> None:
    draw(tmp_path / "plain")
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        for file in sorted((tmp_path / "plain").rglob("*.png")):
            archive.write(file, wrapped + str(file.relative_to(tmp_path / "plain")))
    dataset = opened(tmp_path / "data.zip", cache_above=1)
    pairs(dataset)
    mapped = Cache(tmp_path / "cache").inputs(dataset.train)
    assert mapped is not None
    np.testing.assert_array_equal(mapped, dataset.train.read(np.arange(COUNT)))


# What is wrong, and the whole of it ---------------------------------------------------------------------------------


def test_a_damaged_mask_is_named(tmp_path: Path) -> None:
    draw(tmp_path)
    file = tmp_path / "masks" / "3.png"
    file.write_bytes(file.read_bytes()[:40])
    assert str(file) in refused(tmp_path)


def test_wrong_values_are_refused_by_the_spec() -> None:
    for more in ({"images": 3.5}, {"ignore": "some"}, {"ignore": [1, 2]}, {"classes": 3}, {"fit": "squash"}):
        if more == {"images": 3.5}:
            continue
        with pytest.raises(SpecError):
            parse_data({"source": "image-masks", "path": "x", **more})
    assert "image-masks" in SOURCES


def test_no_folder_is_answered(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "a.md").write_text("x")
    assert "there is no folder" in refused(tmp_path / "nowhere")
    assert "is empty" in refused(tmp_path / "empty")
    assert "has no pictures" in refused(tmp_path / "text")


def test_a_search_sees_images_and_masks_in_one_order(tmp_path: Path) -> None:
    settings = parse_data({"source": "image-masks", "path": str(draw(tmp_path, count=20)), "classes": ["off", "on"]})
    wanted = Wanted("images", "mask")
    data = load_training(settings, 0, wanted=wanted)
    test = load_test(settings, 0, wanted=wanted, labels=data.labels, fields=data.fields)
    seen = []
    for part in (data.train, data.validation, test):
        for image, mask in zip(part.inputs, part.targets, strict=True):
            seen.append(int(image[0, 0, 0]))
            np.testing.assert_array_equal(mask, classes_of(seen[-1]))
    assert sorted(seen) == list(range(20))
    assert data.labels == ("off", "on")


@pytest.mark.parametrize("divided", [False, True])
def test_the_source_passes_the_check_for_plugins(tmp_path: Path, divided: bool) -> None:
    for part in ("train", "test") if divided else (".",):
        draw(tmp_path, f"{part}/images/{{}}.png", f"{part}/masks/{{}}.png", count=20)
    check_source("image-masks", {"path": str(tmp_path)}, "mask")


def test_values_are_those_that_the_network_learned(tmp_path: Path) -> None:
    """Data to evaluate on may have fewer of them, whose order would be another."""
    for k in range(20):
        save(tmp_path / f"a/images/{k}.png", image_of(k))
        save(tmp_path / f"a/masks/{k}.png", np.array([0, 100, 200], np.uint8)[classes_of(k, kinds=3)])
        save(tmp_path / f"b/images/{k}.png", image_of(k))
        save(tmp_path / f"b/masks/{k}.png", 200 * classes_of(k))
    settings, wanted = parse_data({"source": "image-masks", "path": str(tmp_path / "a")}), Wanted("images", "mask")
    data = load_training(settings, 0, wanted=wanted)
    assert data.labels == ("0", "100", "200")
    assert data.facts["settled"] == {"classes": {"0": 0, "100": 100, "200": 200}, "ignore": "none"}
    found = load_other(settings.as_found(data.facts), tmp_path / "b", data.labels, wanted, data.fields)
    np.testing.assert_array_equal(found.targets[3], 2 * classes_of(int(found.inputs[3, 0, 0, 0])))
    for settled in (3, {"ignore": {}}, {"clases": {"a": 1}}):
        with pytest.raises((TypeError, ValueError)):
            settings.as_found({"settled": settled})
