"""What every source keeps to, on real data in its own format."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nas_cli.axes import only
from nas_cli.data import SOURCES, load_test, load_training, parse_data, source_params
from nas_cli.errors import DataError
from nas_cli.testing import check_source

BOTH = pytest.mark.parametrize("divided", [False, True], ids=["whole", "divided"])
ENCODED = ("conll", "csv", "text")
"""Of these test_encoded_sources.py."""
DENSE = ("image-masks",)
"""Of these test_image_masks.py."""
IMAGES = [name for name in SOURCES if name not in (*ENCODED, *DENSE)]
EACH = pytest.mark.parametrize("source", IMAGES)
WITH_FILES = [name for name in IMAGES if any(p.name == "path" for p in source_params(name))]


def counted(part: Any, labels: tuple[str, ...]) -> Counter[tuple[bytes, str]]:
    return Counter((x.tobytes(), labels[y]) for x, y in zip(part.inputs, part.targets, strict=True))


def expected(made: Any) -> Counter[tuple[bytes, str]]:
    return Counter((x.tobytes(), y) for x, y in zip(made.images, made.labels, strict=True))


@EACH
@BOTH
def test_every_example_is_in_one_part(make: Any, source: str, divided: bool) -> None:
    made = make(source, divided)
    settings = parse_data(made.section)
    data = load_training(settings, seed=3)
    test = load_test(settings, seed=3, labels=data.labels, fields=data.fields)
    assert data.labels == tuple(sorted(set(made.labels)))
    assert only(data.inputs).shape == (1, *made.images.shape[1:])
    for part in (data.train, data.validation, test):
        assert part.inputs.dtype == np.uint8
        assert part.inputs.shape == (len(part), *only(data.inputs).shape)
        assert part.inputs.flags["C_CONTIGUOUS"]
        assert part.targets.dtype == np.int64
        assert set(part.targets) == set(range(len(data.labels)))
    found = counted(data.train, data.labels) + counted(data.validation, data.labels) + counted(test, data.labels)
    assert found == Counter((x.tobytes(), y) for x, y in zip(made.images, made.labels, strict=True))


@EACH
@BOTH
def test_parts_are_as_large_as_said(make: Any, source: str, divided: bool) -> None:
    made = make(source, divided)
    data = load_training(parse_data({**made.section, "validation": 0.25}), seed=0)
    test = load_test(parse_data(made.section), seed=0)
    learned = len(data.train) + len(data.validation)
    assert learned + len(test) == len(made.images)
    assert len(data.validation) == pytest.approx(0.25 * learned, abs=10)
    if made.damage_test is None:
        assert len(test) == pytest.approx(0.2 * len(made.images), abs=10)


@EACH
@BOTH
def test_the_seed_decides_the_split(make: Any, source: str, divided: bool) -> None:
    settings = parse_data(make(source, divided).section)
    first, again, other = (load_training(settings, seed) for seed in (1, 1, 2))
    for part in ("train", "validation"):
        np.testing.assert_array_equal(getattr(first, part).inputs, getattr(again, part).inputs)
        np.testing.assert_array_equal(getattr(first, part).targets, getattr(again, part).targets)
    assert not np.array_equal(first.validation.inputs, other.validation.inputs)


@EACH
def test_training_never_opens_the_test_part(make: Any, source: str) -> None:
    made = make(source, True)
    if made.damage_test is None:
        assert source == "digits", "a source with files of its own must say how its test part is damaged"
        return
    settings = parse_data(made.section)
    before = load_training(settings, seed=0)
    made.damage_test()
    after = load_training(settings, seed=0)
    np.testing.assert_array_equal(before.train.inputs, after.train.inputs)
    with pytest.raises(DataError) as caught:
        load_test(settings, seed=0)
    assert str(made.path) in str(caught.value)


@EACH
def test_the_settings_read_back(make: Any, source: str) -> None:
    settings = parse_data({**make(source, False).section, "validation": 0.3})
    written = settings.written_out()
    assert written["validation"] == 0.3
    assert written["test"] == "auto"
    assert "path" not in written or Path(written["path"]).is_absolute()
    assert parse_data(written).written_out() == written


@pytest.mark.parametrize("source", WITH_FILES)
@pytest.mark.parametrize("divided", [False, True], ids=["whole", "divided"])
def test_another_path_may_be_the_test_part(make: Any, source: str, divided: bool) -> None:
    made, other = make(source, divided), make(source, False, "other")
    settings = parse_data({**made.section, "test": str(other.path)})
    data, test = load_training(settings, 0), load_test(settings, 0)
    assert len(test) == len(other.images)
    assert counted(test, data.labels) == expected(other)
    if not divided:
        assert len(data.train) + len(data.validation) == len(made.images)


@pytest.mark.parametrize("source", WITH_FILES)
def test_another_path_may_be_the_validation_part(make: Any, source: str) -> None:
    made, other = make(source, True), make(source, False, "other")
    data = load_training(parse_data({**made.section, "validation": str(other.path)}), 0)
    assert counted(data.validation, data.labels) == expected(other)
    assert len(data.train) == 80
    assert data.train.targets[:40].tolist() != sorted(data.train.targets[:40]), "shuffled, as always"


@pytest.mark.parametrize("source", WITH_FILES)
def test_an_own_test_part_excludes_a_fraction(make: Any, source: str) -> None:
    settings = parse_data({**make(source, True).section, "test": 0.3})
    with pytest.raises(DataError, match=r"test is 0\.3, and the data has a test part of its own"):
        load_training(settings, 0)


@pytest.mark.parametrize("source", WITH_FILES)
def test_a_missing_path_is_named(source: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is no (file|folder) .*nowhere"):
        load_training(parse_data({"source": source, "path": str(tmp_path / "nowhere")}), 0)


@pytest.mark.parametrize("source", WITH_FILES)
def test_an_empty_path_is_named(source: str, tmp_path: Path) -> None:
    folder, file = tmp_path / "folder", tmp_path / "file"
    folder.mkdir()
    file.touch()
    with pytest.raises(DataError, match=r"the folder .*folder is empty|folder is a folder; a file"):
        load_training(parse_data({"source": source, "path": str(folder)}), 0)
    with pytest.raises(DataError, match=r"file is (empty|a file; a folder)"):
        load_training(parse_data({"source": source, "path": str(file)}), 0)


@EACH
@BOTH
def test_every_source_passes_the_check_for_plugins(make: Any, source: str, divided: bool) -> None:
    section = dict(make(source, divided).section)
    check_source(section.pop("source"), section)
