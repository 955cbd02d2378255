"""What the documents show is true: their YAML composes, their plugin runs, their commands and ops exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from nursery import forked_workers

from nas_cli.describe.schema import spec_schema
from nas_cli.model.ops import OPS
from nas_cli.plugins import taking_back
from nas_cli.run.compose import compose
from nas_cli.search import SCHEDULERS, STRATEGIES
from nas_cli.space.builtins import builtin_names
from nas_cli.spec.load import load_document, parse_document
from nas_cli.spec.schema import RunSpec, keys
from nas_cli.train.settings import TRAIN

__all__ = ["forked_workers"]
ROOT = Path(__file__).parents[2]
REFERENCE = (ROOT / "configs" / "README.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
NEEDED = {"task": "image-classification", "data": "{source: digits}", "model": "[{conv: {channels: 4}}]"}


def blocks(text: str, kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL)


def whole(block: str) -> str:
    """A piece of a spec made into a spec."""
    if block.startswith("cell:"):
        block = "model: [{" + block.strip() + "}]\n"
    if "my_ops.py" in block or block.count("\nobjective:") + block.startswith("objective:") > 1:
        return ""
    keys = re.findall(r"^(\w+):", block, re.MULTILINE)
    rest = "".join(f"{key}: {value}\n" for key, value in NEEDED.items() if key not in keys)
    return rest + block


PIECES = [
    piece for text in (README, REFERENCE) for piece in map(whole, blocks(text, "yaml")) if piece and "…" not in piece
]


@pytest.mark.parametrize("piece", PIECES, ids=range(len(PIECES)))
def test_yaml_composes(piece: str) -> None:
    compose(parse_document(piece, "piece.yaml"))


def test_every_objective_composes() -> None:
    found = [block for block in blocks(REFERENCE, "yaml") if block.startswith("objective:")]
    assert len(found) == 2
    for block in found:
        for objective in re.split(r"^(?=objective:)", block, flags=re.MULTILINE)[1:]:
            compose(parse_document(whole(objective), "piece.yaml"))


def test_the_plugin_runs(nas_process: Any, tmp_path: Path) -> None:
    (code,) = [block for block in blocks(REFERENCE, "python") if "def " in block]
    (piece,) = [block for block in blocks(REFERENCE, "yaml") if "my_ops.py" in block]
    (tmp_path / "my_ops.py").write_text(code)
    (tmp_path / "spec.yaml").write_text(f"task: image-classification\ndata: {{source: digits}}\n{piece}")
    done = nas_process("show", "space", "spec.yaml", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("config", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda path: path.name)
def test_configs_compose(config: Path) -> None:
    assert compose(load_document(config)).notes == ()
    assert f"[{config.name}]({config.name})" in REFERENCE


def test_everything_is_named() -> None:
    names = [*STRATEGIES, *SCHEDULERS, *(p.name for p in TRAIN), *keys(RunSpec)]
    # Other tests register ops of their own in this process.
    names += [name for name in OPS if not name.startswith("nn.") and OPS[name].__module__.startswith("nas_cli.")]
    for registry in (STRATEGIES, SCHEDULERS):
        names += [p.name for name in registry for p in registry.params(name)]
    missing = [name for name in names if f"`{name}" not in REFERENCE]
    assert not missing
    assert all(f"`{name}`" in README for name in builtin_names())


def test_the_schema_is_whole() -> None:
    """Every reference leads somewhere, and what it calls a type is one."""
    schema = spec_schema()
    found: list[Any] = [schema]
    types = {"object", "array", "string", "number", "integer", "boolean", "null"}
    while found:
        node = found.pop()
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                assert node["$ref"].removeprefix("#/$defs/") in schema["$defs"]
            if isinstance(node.get("type"), str):
                assert node["type"] in types
            found += list(node.values())
        elif isinstance(node, list):
            found += node
    assert set(schema["properties"]) == set(keys(RunSpec))
    assert "op-conv" in schema["$defs"]


def test_the_schema_says_what_a_key_takes() -> None:
    schema = spec_schema()
    properties = schema["properties"]
    assert schema["required"] == ["task", "data"]
    assert properties["seed"]["maximum"] == 2**63 - 1
    assert properties["name"]["pattern"].startswith("^(")
    assert properties["plugins"] | {"description": ""} == {
        "type": "array",
        "items": {"type": "string"},
        "description": "",
    }
    stop = properties["search"]["properties"]["stop"]["properties"]
    assert stop["time"]["anyOf"] == [{"type": ["string", "number"]}, {"type": "null"}]
    assert stop["trials"]["description"].startswith("candidates trained")
    assert properties["final"]["properties"]["top"]["default"] == 3
    weights = schema["$defs"]["op-affine"]["anyOf"][0]["properties"]["scale"]["anyOf"][0]["anyOf"]
    assert weights == [{"type": "number"}, {"type": "array", "items": {"type": "number"}}]


def test_the_readmes_plugin_trains(nas: Any, tmp_path: Path) -> None:
    (code,) = [block for block in blocks(README, "python") if "@source" in block]
    assert len(code.strip().splitlines()) <= 30
    (tmp_path / "mine.py").write_text(code)
    (tmp_path / "spec.yaml").write_text(
        "task: balanced-classification\ndata: {source: bars, noise: 30}\nplugins: [mine.py]\n"
        "model: [{conv: {channels: 8}}, relu, {global_pool: max}]\ntrain: {epochs: 3, batch_size: 32}\n"
        "search: {stop: {trials: 1}}\nfinal: {top: 1, seeds: 1}\nhardware: {workers: 1, precision: float32}\n"
    )
    with taking_back():
        done = nas("search", "spec.yaml", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "balanced_accuracy" in done.stdout
    with taking_back():
        evaluated = nas("evaluate", "--json", cwd=tmp_path)
    assert evaluated.returncode == 0, evaluated.stderr
