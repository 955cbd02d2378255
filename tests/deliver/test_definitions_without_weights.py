"""Classes that bring their weights, as an exported network has them: it has its weights, and asks nobody for any."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from nas_cli.deliver.export.definitions import definitions
from nas_cli.model.ops import OPS
from nas_cli.plugins import import_plugin, taking_back

PLUGIN = '''
import functools
import json
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from nas_cli.plugins import op

WHERE = "/models/net.json"


def read() -> dict[str, float]:
    return json.load(open(WHERE))


def noted(function):
    return function


class Between(nn.Linear):
    """In the middle."""

    scale = 2.0

    @noted
    @torch.no_grad()
    def first_weights(
        self, generator: torch.Generator, assets: Mapping[str, Tensor]
    ) -> None:
        """Reads a file.

        Twice."""
        for key in read():
            self.bias.fill_(read()[key])

    def forward(self, x: Tensor) -> Tensor:
        return self.scale * super().forward(x)


class Last(Between):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + 1

    def first_weights(self, generator: torch.Generator, assets: Mapping[str, Tensor]) -> None:
        read()


class Alone(nn.Linear):
    def first_weights(self, generator, assets): read()


class Without(nn.Linear):
    def first_weight(self) -> int:
        return 1


@op("lasting")
def lasting(shape: tuple[int, ...]) -> nn.Module:
    """All of them."""
    return nn.Sequential(Last(shape[0], 3), Alone(3, 3), Without(3, 3))
'''

IMPORTS = "from __future__ import annotations\nimport torch\nfrom torch import Tensor, nn"


@pytest.fixture
def module(tmp_path: Path) -> Iterator[nn.Module]:
    (tmp_path / "mine.py").write_text(PLUGIN)
    with taking_back():
        import_plugin(tmp_path / "mine.py")
        yield OPS["lasting"]((4,))


def test_what_brings_weights_is_left_out_with_all_that_it_needs(module: nn.Module, tmp_path: Path) -> None:
    theirs = {type(part) for part in module.modules() if type(part).__module__.startswith("nas_plugin")}
    text = definitions(sorted(theirs, key=str))
    for word in ("first_weights", "json", "WHERE", "read()", "noted", "Reads a file", "Mapping", "nas_cli"):
        assert word not in text
    (tmp_path / "exported.py").write_text(f"{IMPORTS}\n\n{text}\n")
    spec = importlib.util.spec_from_file_location("exported", tmp_path / "exported.py")
    assert spec is not None
    assert spec.loader is not None
    exported = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(exported)
    assert exported.Last(4, 3)(torch.ones(2, 4)).shape == (2, 3)
    assert exported.Between.__doc__ == "In the middle."
    assert exported.Alone(2, 2)(torch.ones(1, 2)).shape == (1, 2)
    assert exported.Without(2, 2).first_weight() == 1
