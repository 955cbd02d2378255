"""Labelled data that lies elsewhere is read for a network that is trained, without what that was trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fields import images, single

from nas_cli.data import DataSettings, Wanted, load_other, parse_data
from nas_cli.data.kinds.words import fit_words
from nas_cli.errors import DataError

PIXELS = np.arange(6 * 16, dtype=np.uint8).reshape(6, 4, 4)


def gone(source: str, **settings: object) -> DataSettings:
    return parse_data({"source": source, **({} if source == "digits" else {"path": "gone"}), **settings})


@pytest.mark.parametrize("labels", [[0, 1, 0, 1, 0, 0], ["0", "1", "0", "1", "0", "0"]])
def test_pictures_of_any_format_for_any_source(tmp_path: Path, labels: list[object]) -> None:
    np.savez(tmp_path / "new.npz", x=PIXELS, y=np.array(labels))
    for settings in (gone("npz"), gone("digits"), gone("image-folder"), gone("idx")):
        part = load_other(settings, tmp_path / "new.npz", ("0", "1"), Wanted(), images(4))
        assert part.targets.tolist() == [0, 1, 0, 1, 0, 0]
        assert np.array_equal(part.inputs[:, 0], PIXELS)
    np.savez(tmp_path / "divided.npz", x_train=PIXELS, y_train=np.array(labels), x_test=PIXELS[:2], y_test=labels[:2])
    assert len(load_other(gone("npz"), tmp_path / "divided.npz", ("0", "1"), Wanted(), images(4))) == 2
    with pytest.raises(DataError, match=r"does not have|knows"):
        load_other(gone("npz"), tmp_path / "new.npz", ("0", "2"), Wanted(), images(4))
    with pytest.raises(DataError, match="those of the training part 1x8x8"):
        load_other(gone("npz"), tmp_path / "new.npz", ("0", "1"), Wanted(), images(8))
    with pytest.raises(DataError, match="no file or folder"):
        load_other(gone("npz"), tmp_path / "nothing", ("0", "1"), Wanted(), images(4))


def test_rows_in_columns_of_any_order(tmp_path: Path) -> None:
    lines = [f"{20 + k},{'OR'[k % 2]},{k % 3},{'xy'[k % 2]}" for k in range(60)]
    (tmp_path / "train.csv").write_text("\n".join(["age,town,size,label", *lines]) + "\n")
    settings = parse_data({"source": "csv", "path": str(tmp_path / "train.csv")})
    dataset = settings.open()
    assert dataset.fit is not None
    raw = dataset.train.read(np.arange(60))
    encoder = dataset.fit(raw)
    (tmp_path / "train.csv").unlink()
    (tmp_path / "new.csv").write_text("label,size,town,age\nx,0,O,20\ny,1,R,21\n")
    part = load_other(settings, tmp_path / "new.csv", ("x", "y"), Wanted("table rows"), single(encoder))
    assert part.targets.tolist() == [0, 1]
    assert np.array_equal(part.inputs, encoder.encode(raw[:2]))
    (tmp_path / "new.csv").write_text("size,town,age\n0,O,20\n")
    with pytest.raises(DataError, match="label"):
        load_other(settings, tmp_path / "new.csv", ("x", "y"), Wanted("table rows"), single(encoder))


def test_texts_and_tags(tmp_path: Path) -> None:
    encoder = fit_words("texts", ["a great film", "a bad film"])
    for name in ("neg", "pos"):
        (tmp_path / f"{name}.txt").write_text(f"one {name}\ntwo\n")
    part = load_other(gone("text"), tmp_path, ("neg", "pos"), Wanted("texts"), single(encoder))
    assert part.targets.tolist() == [0, 0, 1, 1]
    with pytest.raises(DataError, match="'pos'"):
        load_other(gone("text"), tmp_path, ("neg", "other"), Wanted("texts"), single(encoder))
    sentences = fit_words("sentences", [("Ann", "saw")])
    (tmp_path / "new.conll").write_text("Ann B-PER\nsaw O\n\nBob B-LOC\n")
    wanted = Wanted("sentences", "tags")
    part = load_other(gone("conll"), tmp_path / "new.conll", ("B-PER", "O"), wanted, single(sentences))
    assert part.others == ("B-LOC",)
    assert part.targets.tolist() == [[0, 1], [2, -100]]
