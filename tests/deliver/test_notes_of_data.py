"""What `evaluate` says of the data that it tested on: passed over, repeated, and stored with the report."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nas_cli.deliver.evaluate import evaluate, examine
from nas_cli.deliver.load import load


def test_what_is_passed_over_elsewhere(run: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("0", "1"):
        (tmp_path / "new" / name).mkdir(parents=True)
        for k in range(3):
            Image.fromarray(rng.integers(0, 256, (8, 8), dtype=np.uint8)).save(tmp_path / "new" / name / f"{k}.png")
    (tmp_path / "new" / "0" / "notes.txt").write_text("no picture")
    (tmp_path / "new" / "list.csv").write_text("a,b\n")
    report = examine(load(run), data=tmp_path / "new")
    assert report["samples"] == 6
    assert report["notes"] == [
        f"passed over in {tmp_path}/new, no pictures: 1 (0/notes.txt)",
        f"passed over in {tmp_path}/new, beside the folders of classes: 1 (list.csv)",
    ]


def test_notes_are_stored_and_shown(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert evaluate(run)["notes"] == []
    said: list[object] = []

    def about(known: object, test: object, inputs: str, use: str, known_use: str = "") -> list[str]:
        said.append((inputs, use, known_use))
        return [] if known_use else ["3 of 9 <b>pictures</b> are known"]

    monkeypatch.setattr("nas_cli.deliver.evaluate.about_repeated", about)
    assert evaluate(run)["notes"] == ["3 of 9 <b>pictures</b> are known"]
    assert said == [("images", "to test on", ""), ("images", "to test on", "to choose by")]
    assert json.loads((run / "evaluation.json").read_text())["notes"] == ["3 of 9 <b>pictures</b> are known"]
    assert "3 of 9 &lt;b&gt;pictures&lt;/b&gt; are known." in (run / "report.html").read_text()
