"""Pretrained word vectors: files as they are read, and the networks that begin with them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from typer.testing import CliRunner

from nas_cli.cli.app import app
from nas_cli.data.formats.vectors import VectorFile, read_vectors
from nas_cli.errors import DataError
from nas_cli.model.ops.sequence_modules import Pretrained

WORDS = ["the", "rome", "Oslo", "more"]
ROWS = np.array([[0.5, 1], [2, 3], [4, 5], [6, 7]], np.float32)
LINES = "".join(f"{word} {row[0]} {row[1]}\n" for word, row in zip(WORDS, ROWS.tolist(), strict=True))


def write(folder: Path, form: str) -> Path:
    path = folder / f"vectors.{form}"
    if form == "safetensors":
        save_file({"vectors": ROWS}, path, {"words": json.dumps(WORDS)})
    elif form == "gz":
        path.write_bytes(gzip.compress(LINES.encode()))
    else:
        path.write_text(f"4 2\n{LINES}" if form == "vec" else LINES)
    return path


@pytest.mark.parametrize("form", ["txt", "vec", "gz", "safetensors"])
def test_every_form_gives_the_same_rows(tmp_path: Path, form: str) -> None:
    found = read_vectors(write(tmp_path, form), {"Oslo"}, 1)
    assert dict(found.words) == {"the": 0, "Oslo": 1}
    assert np.array_equal(found.rows, ROWS[[0, 2]])


def test_words_are_looked_up_as_written_and_then_in_lower_case(tmp_path: Path) -> None:
    counts = {"Rome": 3, "zzz": 2, "Oslo": 1}
    joined = VectorFile(write(tmp_path, "txt"), 1).join(["Rome", "zzz"], counts, lower=False)
    assert joined.words == ["zzz", "Rome", "Oslo", "the", "rome"]
    assert (joined.without, joined.learned) == (1, 2)
    assert np.array_equal(joined.rows, ROWS[[1, 2, 0, 1]])
    assert "2 of the 3 different words" in joined.note


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a 1 2\nb 1\n", ":2: 1 numbers, where 2"),
        (b"a 1 2\nb 1 2 3\n", ":2: 3 numbers, where 2"),
        (b"a 1 2\nb 1 x\n", ":2: 'x' is no number"),
        (b"a 1 2\nb 1 nan\n", ":2 has a number that is not finite"),
        (b"a 1 2\n\xe9 1 2\n", ":2: byte 0xe9 is no UTF-8"),
        (b"3 2\na 1 2\n", "its first line says 3"),
        (b"a,1,2\n", ":1: one column"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "vectors.txt"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_vectors(path, set(), 9)
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("tensors", "metadata", "message"),
    [
        ({"v": ROWS}, None, "under 'words' in its metadata; it has none"),
        ({"v": ROWS}, {"format": "pt"}, "under 'words' in its metadata; it has format"),
        ({"v": ROWS}, {"words": "the rome"}, "as a JSON list of texts under 'words' in its metadata: "),
        ({"v": ROWS}, {"words": "[1, 2, 3, 4]"}, "as a JSON list of texts under 'words' in its metadata"),
        ({"v": ROWS}, {"words": '["the"]'}, "has 4 vectors and 1 words"),
        ({"v": ROWS, "w": ROWS}, {"words": json.dumps(WORDS)}, "has 2 tensors, where one (words, numbers)"),
        ({"v": ROWS.astype(np.int64)}, {"words": json.dumps(WORDS)}, "its tensor is int64 [4, 2], where floats"),
        ({"v": ROWS[:, 0].copy()}, {"words": json.dumps(WORDS)}, "its tensor is float32 [4], where floats"),
        (
            {"v": ROWS * np.float32("nan")},
            {"words": json.dumps(WORDS)},
            "the vector of 'the' has a number that is not finite",
        ),
    ],
)
def test_what_is_wrong_in_safetensors_is_said(
    tmp_path: Path, tensors: dict[str, Any], metadata: dict[str, str] | None, message: str
) -> None:
    path = tmp_path / "vectors.safetensors"
    save_file(tensors, path, metadata)
    with pytest.raises(DataError) as caught:
        read_vectors(path, set(), 9)
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)


def test_a_file_that_is_no_safetensors_is_named(tmp_path: Path) -> None:
    (tmp_path / "vectors.safetensors").write_bytes(b"the 0.5 1\n" * 9)
    with pytest.raises(DataError, match="is no safetensors file, or is damaged"):
        read_vectors(tmp_path / "vectors.safetensors", set(), 9)


def test_a_wrong_file_ends_with_code_2_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("Ann B-PER\nsaw O\nOslo B-LOC\n\n" * 40)
    (tmp_path / "vectors.txt").write_text("Ann 1 2\nOslo 1\n")
    spec = {
        "task": "sequence-labelling",
        "space": "tagger",
        "data": {"source": "conll", "path": str(tmp_path / "train.txt"), "vectors": str(tmp_path / "vectors.txt")},
    }
    (tmp_path / "spec.yaml").write_text(json.dumps(spec))
    done = CliRunner().invoke(app, ["search", str(tmp_path / "spec.yaml"), "--out", str(tmp_path / "runs")])
    assert done.exit_code == 2, done.output
    assert "vectors.txt:2: 1 numbers, where 2 are expected" in done.stderr.replace("\n", " ")
    assert not list(tmp_path.glob("runs/[!.]*"))


def test_a_missing_file_and_one_of_other_words(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no file"):
        read_vectors(tmp_path / "none.txt", set(), 1)
    with pytest.raises(DataError, match="has none of the 1 words of the training part"):
        VectorFile(write(tmp_path, "txt"), 1).join(["x"], {"x": 1}, lower=False)


@pytest.mark.parametrize(("learned", "moved"), [(3, [False, False, False]), (5, [True, True, False])])
def test_frozen_rows_stay_and_tuned_ones_learn(learned: int, moved: list[bool]) -> None:
    layer, given = Pretrained(6, learned, 2), torch.from_numpy(ROWS[:3].copy())
    layer.first_weights(torch.Generator(), {"vectors": given})
    x = torch.tensor([[[3, 4, 5]]], dtype=torch.int32)
    assert torch.equal(layer(x)[0].T, torch.from_numpy(ROWS[:3]))
    optimizer = torch.optim.SGD([p for p in layer.parameters() if p.requires_grad], lr=0.1)
    torch.autograd.backward(layer(x).sum())
    optimizer.step()
    assert (torch.from_numpy(ROWS[:3]) != layer(x)[0].T).any(1).tolist() == moved
