"""Data that does not fit into memory, here everything above a few bytes: the same data, and decoded once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data.conftest import few_digits, write_folder

from nas_cli.data import Cache, DataSettings, load_test, load_training, parse_data
from nas_cli.data.kinds.histogram import histogram, normalisation
from nas_cli.errors import DataError, SpecError


@pytest.fixture(params=["image-folder", "npz", "npz compressed", "npz divided"])
def section(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    images, labels = few_digits()
    if request.param == "image-folder":
        write_folder(tmp_path / "digits", images, labels)
        return {"source": "image-folder", "path": str(tmp_path / "digits")}
    path = tmp_path / "digits.npz"
    save = np.savez_compressed if "compressed" in request.param else np.savez
    if "divided" in request.param:
        save(path, x_train=images[::2], y_train=labels[::2], x_val=images[1::2], y_val=labels[1::2])
    else:
        save(path, x=images, y=labels)
    return {"source": "npz", "path": str(path)}


def settings(section: dict[str, Any], above: object = "1KB") -> DataSettings:
    return parse_data({**section, "cache_above": above})


def test_what_is_mapped_is_what_was_read(section: dict[str, Any], tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    whole, mapped = load_training(settings(section), 3), load_training(settings(section), 3, cache)
    assert isinstance(mapped.train.inputs, np.memmap)
    for name in ("train", "validation"):
        part, other = getattr(whole, name), getattr(mapped, name)
        assert (part.targets == other.targets).all()
        assert (part.column.take(0, len(part)).values == other.column.take(0, len(other)).values).all()
        assert (part.column.take(5, 9).values == other.column.take(5, 9).values).all()
    assert normalisation(histogram(mapped.train.column)) == normalisation(histogram(whole.train.column))
    assert mapped.inputs == whole.inputs
    if section.get("path", "").endswith("npz") and mapped.train.inputs is not mapped.validation.inputs:
        return  # the divided archive has no test part
    test, other = load_test(settings(section), 3), load_test(settings(section), 3, cache=cache)
    assert (test.column.take(0, len(test)).values == other.column.take(0, len(other)).values).all()


def test_it_is_decoded_once_and_said(section: dict[str, Any], tmp_path: Path) -> None:
    said: list[str] = []
    cache = Cache(tmp_path / "cache", said.append)
    load_training(settings(section), 3, cache)
    files = sorted((tmp_path / "cache").iterdir())
    times = [file.stat().st_mtime_ns for file in files]
    assert said
    assert "decoded once" in said[0]
    load_training(settings(section), 4, cache)
    assert sorted((tmp_path / "cache").iterdir()) == files
    assert [file.stat().st_mtime_ns for file in files] == times
    assert len(said) == len(files)


def test_what_fits_is_read_into_memory(section: dict[str, Any], tmp_path: Path) -> None:
    loaded = load_training(settings(section, "1GB"), 3, Cache(tmp_path / "cache"))
    assert loaded.train.column.rows is None
    assert not (tmp_path / "cache").exists()


def test_other_content_or_another_size_is_another_file(tmp_path: Path) -> None:
    images, labels = few_digits()
    write_folder(tmp_path / "digits", images, labels)
    section = {"source": "image-folder", "path": str(tmp_path / "digits")}
    cache = Cache(tmp_path / "cache")
    load_training(settings(section), 3, cache)
    load_training(settings({**section, "size": 10}), 3, cache)
    assert len(list((tmp_path / "cache").iterdir())) == 2
    write_folder(tmp_path / "digits", images[::-1], labels[::-1])
    load_training(settings(section), 3, cache)
    assert len(list((tmp_path / "cache").iterdir())) == 3


def test_a_folder_that_cannot_be_written_is_named(section: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way")
    with pytest.raises(DataError, match="cannot be written"):
        load_training(settings(section), 3, Cache(tmp_path / "cache"))


def test_a_size_that_is_none_is_answered() -> None:
    with pytest.raises(SpecError, match="cache_above takes a size in KB, MB"):
        parse_data({"source": "npz", "path": "x.npz", "cache_above": "4 apples"})


def test_a_search_on_mapped_data_is_the_search(tmp_path: Path) -> None:
    """Workers map the file; the same trials, measurements and test report as with the data in memory."""
    import json

    import yaml
    from bench.kills import trace
    from typer.testing import CliRunner

    from nas_cli.cli.app import app

    images, labels = few_digits()
    write_folder(tmp_path / "digits", images, labels)
    spec = {
        "task": "image-classification",
        "model": [{"conv": {"channels": {"choice": [2, 4]}}}, "relu"],
        "train": {"epochs": 2},
        "search": {"strategy": "grid"},
        "final": {"top": 1, "seeds": 1},
        "hardware": {"workers": 1, "precision": "float32", "layout": "channels-first"},
    }
    reports, traces = [], []
    for name, above in (("memory", "1GB"), ("mapped", "1KB")):
        data = {"source": "image-folder", "path": str(tmp_path / "digits"), "cache_above": above}
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump({**spec, "name": name, "data": data}))
        out = tmp_path / f"{name}-runs"
        result = CliRunner().invoke(app, ["search", str(tmp_path / f"{name}.yaml"), "--out", str(out)])
        assert result.exit_code == 0, result.output
        assert (out / ".cache").exists() == (name == "mapped")
        (run,) = out.glob(f"{name}-*")
        traces.append(trace(run))
        report = json.loads(CliRunner().invoke(app, ["evaluate", str(run), "--json"]).stdout)
        assert report["validation"]["equal"]
        reports.append(report["metrics"])
    assert traces[0] == traces[1]
    assert reports[0] == reports[1]


@pytest.mark.parametrize("damage", [lambda raw: raw[:200], lambda raw: b"", lambda raw: b"no array" * 50])
def test_a_damaged_file_is_decoded_again(section: dict[str, Any], tmp_path: Path, damage: Any) -> None:
    cache = Cache(tmp_path / "cache")
    before = np.array(load_training(settings(section), 0, cache).train.inputs)
    for file in (tmp_path / "cache").glob("*.npy"):
        file.write_bytes(damage(file.read_bytes()))
    np.testing.assert_array_equal(load_training(settings(section), 0, cache).train.inputs, before)
