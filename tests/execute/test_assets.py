"""What the data brings for layers to begin with, in the process that reads it and in those that train."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nas_cli.axes import Axes
from nas_cli.data import parse_data
from nas_cli.data.encoder_guard import HeldEncoder
from nas_cli.errors import PluginError
from nas_cli.execute.session import Session
from nas_cli.execute.worker import make_network
from nas_cli.plugins import Origin

VECTORS = {"Ann": [1.0, 2.0], "Rome": [3.0, 4.0], "lake": [5.0, 6.0]}


@pytest.fixture
def session(tmp_path: Path) -> Session:
    lines = [f"{who} B-PER\nsaw O\n{place} B-LOC\n" for who in ("Ann", "Bo") for place in ("Rome", "Oslo")] * 5
    (tmp_path / "train.conll").write_text("\n".join(lines))
    (tmp_path / "vectors.txt").write_text("".join(f"{word} {a} {b}\n" for word, (a, b) in VECTORS.items()))
    settings = {"source": "conll", "path": str(tmp_path), "vectors": str(tmp_path / "vectors.txt")}
    return Session.open("sequence-labelling", parse_data(settings), 0, threads=1, precision="float32")


def vectors_of(session: Session, seed: int, how: str) -> torch.Tensor:
    """Those that the last three words, which have some, get from a new network's layer."""
    layer = make_network([{"pretrained": {"vectors": how}}], session, seed).layers["model_0_pretrained"].eval()
    words = layer.words
    assert isinstance(words, int)
    return layer(torch.arange(words - 3, words, dtype=torch.int32)[None, None])[0].T.detach()


def test_a_worker_begins_with_the_same_vectors(session: Session) -> None:
    assert session.shared is not None
    description = json.loads(json.dumps(session.description()))
    worker = Session.attach(description, session.shared.file, torch.device("cpu"))
    assert list(worker.assets) == ["vectors"]
    assert set(session.assets) == {"vectors"}
    wanted = torch.tensor(list(VECTORS.values()))
    for where in (session, worker):
        for how in ("frozen", "tuned"):
            found = vectors_of(where, 3, how)
            assert torch.equal(found, where.assets["vectors"])
            assert sorted(found.tolist()) == wanted.tolist()


def test_they_are_not_copied_and_not_changed(session: Session) -> None:
    before = session.assets["vectors"].clone()
    network = make_network(["pretrained"], session, 0)
    layer = network.layers["model_0_pretrained"]
    assert layer.get_parameter("fixed").data_ptr() == session.assets["vectors"].data_ptr()
    with torch.no_grad():
        for parameter in make_network([{"pretrained": "tuned"}], session, 0).parameters():
            if parameter.requires_grad:
                parameter.add_(1)
    assert torch.equal(session.assets["vectors"], before)


def test_data_without_any_brings_none() -> None:
    session = Session.open("image-classification", parse_data({"source": "digits"}), 0, threads=1, precision="float32")
    assert session.assets == {}


@pytest.mark.parametrize(
    ("assets", "words"),
    [
        ({"vectors": [[1.0, 2.0]]}, "has the assets .*, and arrays of numbers by name are wanted"),
        ({"vectors": np.array(["a", "b"])}, "has the assets .*, and arrays of numbers by name are wanted"),
        ([np.zeros(3)], "has the assets .*, and arrays of numbers by name are wanted"),
    ],
)
def test_what_a_plugins_encoder_brings_is_looked_at(assets: Any, words: str) -> None:
    held = held_of(assets)
    with pytest.raises(PluginError, match=rf"plugin mine\.py: encoder 'mine' {words}"):
        _ = held.assets


def test_a_plugins_encoder_may_bring_some_or_none() -> None:
    array = np.ones((2, 3), np.float32)
    assert held_of({"rows": array}).assets["rows"] is array
    assert held_of(None).assets == {}


def held_of(assets: Any) -> HeldEncoder:
    class Encoder:
        axes = Axes.floats(3)
        facts: Mapping[str, Any] = {}

    encoder: Any = Encoder()
    if assets is not None:
        encoder.assets = assets
    return HeldEncoder(encoder, Origin("mine.py", "encoder", "mine"))
