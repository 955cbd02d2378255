"""`nas init --plugin`: a new kind of data or task brings its starter spec from its own file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from nas_cli.data.wanted import Wanted
from nas_cli.describe.starter import survey
from nas_cli.errors import PluginError, SpecError, UserError
from nas_cli.plugins import taking_back
from nas_cli.run.search import start_search
from nas_cli.task import RECIPES

WAVES = '''
import numpy as np
from pathlib import Path
from nas_cli.axes import Axes
from nas_cli.data.sniffing import Found
from nas_cli.data.source import Dataset, Examples
from nas_cli.data.wanted import Wanted
from nas_cli.plugins import encoder, recipe, sniff, source, task
from nas_cli.task import Recipe
from nas_cli.task.classification import Classification

class Frames:
    kind, facts = "waves", {}
    def __init__(self, length): self.axes = Axes.floats(length)
    def encode(self, raw): return raw.astype(np.float32)
    def state(self): return {"kind": self.kind, "length": self.axes.shape[0]}

@encoder("waves")
def restored(state): return Frames(state["length"])

@source("waves")
def waves(path: Path, rate: int = 8):
    """A line of numbers for each wave, its class before them."""
    lines = [line.split() for line in path.read_text().splitlines()]
    labels = np.array([line[0] for line in lines], object)
    values = np.array([line[1:] for line in lines], float)
    train = Examples(str(path), labels, lambda rows: values[rows])
    return Dataset(train, inputs="waves", fit=lambda raw: Frames(raw.shape[1]))

@sniff("waves", inputs="waves", targets=("class",), expects="a .waves file")
def waves_at(path):
    return Found(keys={"rate": 16}, comments={"rate": "a second"}) if path.suffix == ".waves" else None

@recipe("waves", "class")
def plain(inputs, examples):
    return Recipe(model="[{linear: {units: {choice: [4, 8]}}}, relu]", epochs=2, batch_size=8, rungs=False)

@task("wave-classification")
class Waves(Classification):
    wanted = Wanted("waves", "class")
'''


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    with taking_back():
        yield


def plugin(folder: Path, *changes: tuple[str, str]) -> Path:
    code = WAVES
    for old, new in changes:
        assert re.search(old, code, re.S)
        code = re.sub(old, new, code, flags=re.S)
    (folder / "mine.py").write_text(code)
    rows = ["{} {} {} {}\n".format("ab"[k % 2], k % 2, 0.5 * (k % 3), 1 - k % 2) for k in range(60)]
    (folder / "a.waves").write_text("".join(rows))
    return folder / "mine.py"


@pytest.mark.parametrize("task", [None, "wave-classification"])
def test_a_kind_of_its_own(tmp_path: Path, task: str | None) -> None:
    file = plugin(tmp_path)
    found = survey(task, tmp_path / "a.waves", tmp_path / "spec.yaml", [file])
    content = yaml.safe_load(found.text)
    assert content["task"] == "wave-classification"
    assert content["plugins"] == [str(file)]
    assert content["data"] == {"source": "waves", "path": str(tmp_path / "a.waves"), "rate": 16}
    assert "rate: 16" in found.text
    assert "# a second" in found.text
    assert "38 waves to learn from and 10 to choose by" in found.what
    (tmp_path / "spec.yaml").write_text(found.text)
    small = ["search.stop.trials=1", "final.epochs=1", "final.top=1", "final.seeds=1", "hardware.workers=1"]
    assert start_search(tmp_path / "spec.yaml", tmp_path / "runs", small).run.best.weights.exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ((r"@sniff.*?(?=@recipe)", ""), "init finds no data for wave-classification: no source of waves"),
        ((r"@recipe.*?(?=@task)", ""), "no recipe for waves with targets of the kind 'class'; it does for image-cl"),
    ],
)
def test_what_is_missing_is_said(tmp_path: Path, change: tuple[str, str], words: str) -> None:
    file = plugin(tmp_path, change)
    with pytest.raises(UserError, match=words):
        survey("wave-classification", tmp_path / "a.waves", plugins=[file])


def test_a_source_without_a_task(tmp_path: Path) -> None:
    file = plugin(tmp_path, (r"@task.*", ""))
    with pytest.raises(UserError, match=r"a\.waves looks like data for the source waves, .* no task that learns them"):
        survey(None, tmp_path / "a.waves", plugins=[file])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ((r"return Found\(.*?else None", "return 5"), "sniff 'waves' gave 5, and a Found or None is wanted"),
        ((r'"rate": 16', '"rates": 16'), "sniff 'waves' gave the key 'rates', which its source does not take"),
        ((r"return Found\(", 'return Found(target="mask", '), "gave the target 'mask', and says that it finds class"),
        ((r'path.suffix == ".waves"', "path.nothing"), "mine.py:.* sniff 'waves' failed in it: AttributeError"),
        ((r"return Recipe\(.*?\n", "return 5\n"), "recipe 'waves, class' gave 5, and a Recipe is wanted"),
        ((r'model="\[\{linear.*?",', ""), "without a space and without a model"),
        ((r"units: \{choice: \[4, 8\]\}", "unitts: 4"), "makes a spec that cannot be used: .* no argument 'unitts'"),
    ],
)
def test_a_plugins_mistake_is_told_in_its_words(tmp_path: Path, change: tuple[str, str], words: str) -> None:
    file = plugin(tmp_path, change)
    with pytest.raises(PluginError, match=words):
        survey("wave-classification", tmp_path / "a.waves", plugins=[file])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ((r'@sniff\("waves"', '@sniff("wavs"'), "sniff 'wavs' is of no source; did you mean 'waves'"),
        ((r'inputs="waves", targets', 'inputs="wave", targets'), "finds 'wave'; did you mean 'waves'"),
        ((r'targets=\("class",\)', 'targets=("clas",)'), "finds targets 'clas'; did you mean 'class'"),
        ((r'targets=\("class",\)', "targets=()"), "finds no kind of target"),
        ((r'@recipe\("waves"', '@recipe("wave"'), "a recipe is for the kind 'wave'; did you mean 'waves'"),
        ((r'@recipe\("waves", "class"', '@recipe("images", "class"'), "by nas itself"),
    ],
)
def test_what_cannot_be_registered(tmp_path: Path, change: tuple[str, str], words: str) -> None:
    file = plugin(tmp_path, change)
    with pytest.raises(SpecError, match=words):
        survey("wave-classification", tmp_path / "a.waves", plugins=[file])
    assert Wanted("waves", "class") not in RECIPES


def test_a_task_of_known_kinds_needs_nothing(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from nas_cli.plugins import task\nfrom nas_cli.task.classification import Classification\n"
        "@task('careful-classification')\nclass Careful(Classification):\n"
        "    metrics = {'macro_f1': 'maximize', **Classification.metrics}\n"
    )
    for task in ("careful-classification", None):
        found = survey(task, None, plugins=[tmp_path / "mine.py"])
        content = yaml.safe_load(found.text)
        assert content["task"] == "careful-classification"
        assert content["objective"] == {"maximize": "macro_f1"}
        assert content["data"] == {"source": "digits"}
    assert "others that may read this data: image-classification" in found.notes[0]


def test_on_the_command_line(nas: Any, tmp_path: Path) -> None:
    plugin(tmp_path)
    done = nas("init", "a.waves", "--plugin", "mine.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert yaml.safe_load((tmp_path / "a.yaml").read_text())["plugins"] == ["mine.py"]
    done = nas("init", "wave-classification", "--plugin", "mine.py", cwd=tmp_path)
    assert done.returncode == 2
    assert "init needs the data too: nas init wave-classification PATH" in done.stderr
    done = nas("init", "a.waves", "--plugin", "yours.py", cwd=tmp_path)
    assert done.returncode == 2
    assert "there is no plugin file yours.py" in done.stderr


SEVERAL = """
from nas_cli.data.sniffing import Found
from nas_cli.plugins import recipe, sniff
from nas_cli.task import Recipe

@sniff("ratings", inputs=PAIR, targets=("number",), expects="a .ratings file")
def ratings_at(path: Path):
    return Found() if path.suffix == ".ratings" else None

@recipe(PAIR, "number")
def pairs(inputs, examples: int):
    lookup = "{lookup: {units: 8}}"
    model = f"[{lookup}, {{tap: user}}, {{take: item}}, {lookup}, {{join: {{with: user, by: concat}}}}, relu]"
    return Recipe(model=model, epochs=len(inputs), batch_size=16)
"""


@pytest.mark.parametrize("task", [None, "rating"])
def test_several_fields(tmp_path: Path, task: str | None) -> None:
    code = (Path(__file__).parents[1] / "newcomers" / "ratings.py").read_text()
    (tmp_path / "mine.py").write_text(code + SEVERAL)
    rows = "".join(f"u{k % 7},i{k % 5},{k % 3 + 0.5}\n" for k in range(60))
    (tmp_path / "a.ratings").write_text(f"user,item,stars\n{rows}")
    found = survey(task, tmp_path / "a.ratings", plugins=[tmp_path / "mine.py"])
    content = yaml.safe_load(found.text)
    assert (content["task"], content["data"]["source"]) == ("rating", "ratings")
    assert content["train"]["epochs"] == 2
    assert "examples to learn from" in found.what
