"""Damaged specs: real ones with keys lost, doubled and misspelled, hostile values, parts of one put into another, and
bytes turned over. `action` holds one to what is asked of every spec: an answer, without its data.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from fields import inputs_of

from nas_cli.errors import Infeasible
from nas_cli.model.build import plan
from nas_cli.model.ops import OPS
from nas_cli.run.compose import Experiment, compose
from nas_cli.space.builtins import builtin_names
from nas_cli.space.edit import mutate, replay, sample
from nas_cli.space.nodes import Op, Seq, to_yaml
from nas_cli.spec.load import load_document, parse_document
from nas_cli.yaml_text import dump_yaml

CONFIGS = Path(__file__).parents[2] / "configs"
CANDIDATES = 4
SHAPES = {"features": (12,), "embedding": (1, 20), "chars": (1, 20)}

MODELS: dict[str, list[Any]] = {
    "every structure": [
        {"conv": {"channels": "$width", "kernel": {"choice": [1, 3]}}},
        {"tap": "fine"},
        {"resize": {"like": "fine", "mode": "nearest"}},
        {"repeat": {"times": {"int": [0, 3]}, "body": [{"residual": ["$block", "batch_norm"]}]}},
        {"repeat": {"times": "$depth", "body": {"choice": ["relu", "gelu", [{"conv": "same"}]]}, "tied": True}},
        {"optional": {"dropout": {"rate": {"float": [0.0, 0.5], "step": 0.05}}}},
        {"branches": {"paths": [["identity"], [{"conv": "same"}, "relu"]], "join": {"choice": ["add", "concat"]}}},
        {"cell": {"nodes": 4, "ops": ["zero", "identity", {"conv": {"channels": "same"}}], "inputs": "all"}},
        {"cell": {"nodes": 2, "ops": ["identity", "max_pool"], "inputs": 2, "from": 2, "channels": "x0.5"}},
        {"cell": {"nodes": [[{"from": 0, "body": "relu"}], [{"from": 1, "body": []}]], "output": "concat"}},
        {"join": {"with": "fine", "by": "add"}},
        {"nn.Conv2d": {"out_channels": 8, "kernel_size": [3, 3], "padding": 1}},
        {"global_pool": "avg"},
        {"linear": {"units": {"int": [8, 64], "log": True}}},
    ],
    "branches": [{"repeat": {"times": 9, "body": {"branches": [["identity"], ["identity"]]}}}, {"conv": 4}],
    "small": [{"conv": 4}, {"choice": ["relu", "gelu"]}, {"global_pool": "avg"}],
}
LET = {"width": {"choice": [8, 16, 24]}, "depth": {"int": [1, 2]}, "block": [{"conv": {"channels": "same"}}, "relu"]}
SEARCHES: list[Any] = [
    {"strategy": "random", "stop": {"trials": 9}},
    {"strategy": {"evolution": {"population": 8, "sample": 3}}, "schedule": {"asha": {"min_epochs": 1}}},
    {"strategy": {"genetic": {"tournament": 2, "elite": 1}}, "schedule": {"hyperband": {"reduction": 2}}},
    {"strategy": {"reinforce": {"learning_rate": 0.1}}, "stop": {"time": "10m", "patience": 5, "target": 0.9}},
    {"strategy": "grid", "limits": {"time": "1h", "memory": "2GB", "stall": "5m"}},
    {"strategy": "nsga2", "failures": {"max": 3}, "deterministic": True},
]
OBJECTIVES: list[Any] = [
    {"maximize": "accuracy", "constraints": {"params": {"max": 200_000}, "latency_ms": {"max": 2.0, "min": 0.1}}},
    {"reward": "accuracy * (max(latency_ms, 2) / 2) ** -0.07 - log(params) / 100"},
    [{"maximize": "accuracy"}, {"minimize": "macs"}, {"constraints": {"params": {"max": 1e5}}}],
]
RATE = {"float": [0.01, 0.3], "log": True}
TRAINS: list[Any] = [
    {
        "epochs": 9,
        "batch_size": {"choice": [64, 128]},
        "optimizer": {"sgd": {"lr": {"float": [0.01, 0.3], "log": True}}},
    },
    {"epochs": 3, "schedule": {"one_cycle": {"warmup": 0.2}}, "loss": {"cross_entropy": {"label_smoothing": 0.1}}},
    {"augment": [{"crop": {"padding": 2}}, "flip"], "clip": 1.0, "ema": {"float": [0.99, 0.999], "step": 0.001}},
]
DATA: list[Any] = [
    {"source": "digits", "validation": 0.2},
    {"source": "image-folder", "path": "pictures", "size": [32, 32], "test": 0.1},
    {"source": "npz", "path": "x.npz", "validation": "held.npz"},
]
HOSTILE: list[Any] = [
    None, True, False, 0, -1, 1, 2, 10**6, 10**9, 10**12, 10**18, 10**30, 10**310, -(10**30), 0.0, -0.0, 1e-300, 1e300,
    float("inf"), float("-inf"), float("nan"), "", " ", "x", "$", "$width", "$no", "same", "x2", "x1e308", "x0", "auto",
    "nan", "1e400", "1_000", "²", "٣", "\x1b[2J", "\n", "a\nb: c", "\u202e", "é", "~", "~nobody/x", "/dev/zero", "/",
    "a" * 300, "b" * 5000, "../" * 2000, "x\0y", "2026-01-01", "1:30", "0x1F", "0o17", "yes", "9**9**9", "(" * 300,
    "accuracy / 0", "exp(1000)", [], {}, [[]], [None], [1, 2], [2, 1], [0, 0], [1, 2, 3], ["relu"], {"choice": []},
    {"choice": [1]}, {"choice": [8, 8, 8]}, {"choice": ["relu", None]}, {"choice": {"a": 1}}, {"int": [1, 10**12]},
    {"int": [1, 10**20]}, {"int": [-5, 5]}, {"int": [1, 2**40], "log": True}, {"int": [1, 10**9], "step": 10**8},
    {"float": [0, 1]}, {"float": [0, 1], "step": 1e-9}, {"float": [0.1, 0.9], "step": 1e-300},
    {"float": [1e-300, 1e300]}, {"float": [-1e308, 1e308]}, {"float": [0.5, 0.5]},
    {"repeat": {"times": 10**9, "body": []}},
    {"repeat": {"times": {"int": [1, 20_000]}, "body": {"choice": ["relu", "gelu"]}}},
    {"repeat": {"times": 20_000, "body": {"repeat": {"times": 20_000, "body": {"optional": "relu"}}}}},
    {"cell": {"nodes": 100, "ops": ["identity", "relu"], "inputs": "all"}},
    {"cell": {"nodes": {"int": [1, 100]}, "ops": ["identity"], "inputs": 2, "from": 2}},
    {"conv": 10**6}, {"linear": 10**6}, {"nn.LSTM": {"num_layers": 10**9}}, {"nn.Dropout": 7}, "nn.Module", "zero",
    {"max_pool": 10**6}, {"upsample": 10**9}, {"embedding": {"units": 10**6}}, {"tap": "t"}, {"join": "t"},
    {"resize": "t"}, {"resize": {}},
]  # fmt: skip
YAML = [
    "a: &a [*a]", "<<: *x", "? [1, 2]\n: 3", "!!python/object:os.system x", "!!binary aGk=", "!!bool maybe", "\tx: 1",
    "- - - -", "{{", "]", "%YAML 9.9", "--- 1\n--- 2", "'", '"\\ud800"', "&x {<<: *x}", "\0", "\ufeff", "\r", "\u2028",
]  # fmt: skip

SIGNS = ":{}[],&*#?|-<>=!%@`\"' \n"


def specs() -> list[dict[str, Any]]:
    """Right specs, in which everything stands that the damages are to reach."""
    found = []
    for path in sorted(CONFIGS.glob("*.yaml")):
        found.append(parse_document(path.read_text(encoding="utf-8"), path.name).data)
    for index, model in enumerate(MODELS.values()):
        for place, search in enumerate(SEARCHES):
            number = index + place
            found.append(
                {
                    "task": "image-classification",
                    "data": DATA[number % len(DATA)],
                    "let": LET,
                    "model": model,
                    "train": TRAINS[number % len(TRAINS)],
                    "objective": OBJECTIVES[place % 2] if search["strategy"] != "nsga2" else OBJECTIVES[2],
                    "search": search,
                    "final": {"epochs": 3, "top": 2, "seeds": 1},
                    "baselines": {"plain": MODELS["small"][:1]},
                    "hardware": {"workers": 1, "threads": 2, "latency": {"batch_size": 2}},
                }
            )
    for name in builtin_names():
        space: Any = name if name != "cnn" else {"cnn": {}}
        found.append({"task": "image-classification", "data": {"source": "digits"}, "space": space})
    return found


SPECS = specs()


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    inside: Any = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in inside:
        yield from places(value, (*path, key))


def at(node: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        node = node[step]
    return node


def damaged(dice: random.Random) -> str:
    """The text of a spec with one to four damages."""
    spec = json.loads(json.dumps(dice.choice(SPECS)))
    for _ in range(dice.choice([1, 1, 1, 2, 2, 4])):
        if dice.random() < 0.5:
            enlarge(spec, dice)
        else:
            damage(spec, dice)
    text = dump_yaml(spec)
    if dice.random() < 0.15:
        text = broken(text, dice)
    return text


def enlarge(spec: dict[str, Any], dice: random.Random) -> None:
    """A change that leaves a spec right as a rule: numbers that are large, parts of the model copied and nested."""
    path = dice.choice([path for path in places(spec) if path])
    parent, value = at(spec, path[:-1]), at(spec, path)
    if isinstance(value, int | float) and not isinstance(value, bool):
        largest = {"choice": [value, value, value * 2]} if path[0] in ("model", "train", "let") else value
        numbers = [value * 2, value * 10, value * 1000, {"int": [1, 10**6]}, {"int": [1, 100], "log": True}, largest]
        parent[path[-1]] = dice.choice(numbers)
    elif path[0] in ("model", "let") and isinstance(parent, list):
        layers = json.loads(json.dumps([value] * dice.choice([2, 3, 40])))
        copied = {"times": {"int": [0, dice.choice([3, 300, 5000])]}, "body": [value], "tied": dice.random() < 0.3}
        parent[path[-1]] = dice.choice([{"repeat": copied}, {"optional": value}, {"residual": value}, layers])
    elif isinstance(spec.get("model"), list):
        spec["model"].insert(dice.randrange(len(spec["model"]) + 1), copy.deepcopy(dice.choice(HOSTILE[-16:])))


def damage(spec: dict[str, Any], dice: random.Random) -> None:
    found = [path for path in places(spec) if path]
    if not found:
        return
    path = dice.choice(found)
    parent, key = at(spec, path[:-1]), path[-1]
    kind = dice.randrange(8)
    if kind == 0:
        del parent[key]
    elif kind == 1 and isinstance(parent, dict):
        parent[dice.choice([f"{key}s", str(key)[1:], str(key).upper(), "\x07", "$x", "int", "choice"])] = parent.pop(
            key
        )
    elif kind == 2:
        other = dice.choice(SPECS)
        parent[key] = json.loads(json.dumps(at(other, dice.choice(list(places(other))))))
    elif kind == 3:
        parent[key] = json.loads(json.dumps([parent[key]] * dice.choice([1, 2, 50])))
    elif kind == 4:
        parent[key] = {dice.choice(["choice", "residual", "optional", "repeat", "int", "x"]): [parent[key]]}
    elif kind == 5:
        for _ in range(dice.choice([3, 20, 45])):
            parent[key] = {"residual": [parent[key]]} if dice.random() < 0.5 else [parent[key]]
    else:
        parent[key] = copy.deepcopy(dice.choice(HOSTILE))


def broken(text: str, dice: random.Random) -> str:
    """Letters lost, put in and turned round, and pieces of YAML that are not plain."""
    for _ in range(dice.choice([1, 3, 20])):
        place = dice.randrange(len(text) + 1)
        piece = dice.choice(
            [dice.choice(YAML), chr(dice.randrange(1, 0x250)), dice.choice(":{}[],&*#?|-<>=!%@`\"' \n")]
        )
        text = text[:place] + piece + text[place + dice.choice([0, 0, 1, 5]) :]
    return text


def action(dice: random.Random) -> None:
    text = damaged(dice)
    changes = []
    if dice.random() < 0.1:
        key = ".".join(map(str, dice.choice(list(places(dice.choice(SPECS))))))
        changes = [f"{key}={dice.choice(HOSTILE)}"]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "spec.yaml"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        answered(compose(load_document(path, changes), "plugins are not imported here"))


def answered(experiment: Experiment) -> None:
    """Sizes it, draws candidates and takes each as far as a search takes it before it trains."""
    experiment.size.describe()
    experiment.make_scheduler().first_rung(3)
    strategy = experiment.make_strategy()
    space, rng = experiment.space, np.random.default_rng(0)
    for number in range(CANDIDATES):
        try:
            genotype = strategy.ask(number)
            sample(space, rng)
            resolved = replay(space, mutate(space, genotype, rng))
            json.dumps(to_yaml(resolved.model))
            experiment.canonical.key(resolved)
            fields = inputs_of(shape_for(resolved.model))
            plan(resolved.model, fields, lambda shape: Seq((Op("global_pool", {}),)), {"words": 50})
        except Infeasible:
            continue


def shape_for(model: Seq) -> tuple[int, ...]:
    first = model.layers[0] if model.layers else None
    name = first.name if isinstance(first, Op) else ""
    assert name not in SHAPES or name in OPS
    return SHAPES.get(name, (1, 8, 8))
