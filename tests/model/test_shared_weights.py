"""Networks that share their modules, as a supernet's do: what is the same layer of the space has the same weights."""

from __future__ import annotations

import json
from typing import Any

import torch
from fields import axes_of, inputs_of, run_body
from torch import nn

from nas_cli.model.build import plan
from nas_cli.model.network import Network
from nas_cli.model.ops import OPS, Shape
from nas_cli.model.program import Program
from nas_cli.model.transport import program_from_data, program_to_data
from nas_cli.model.weights import Fresh, Made
from nas_cli.space.edit import replay
from nas_cli.space.nodes import Op, Seq
from nas_cli.space.parse import parse_space

BLOCK = [{"residual": [{"conv": {"channels": {"choice": [4, 6]}}}, "relu"]}]
MODEL: list[Any] = [{"repeat": {"times": {"int": [1, 2]}, "body": BLOCK}}, {"conv": 4}, {"global_pool": "avg"}]
EDGES = [[{"from": 0, "body": {"conv": 4}}, {"from": 0, "body": {"conv": 4}}]]


class Shared:
    """Gives every network the module that an earlier one had for the same layer, made for the same that comes in."""

    def __init__(self) -> None:
        self.known: dict[str, nn.Module] = {}

    def __call__(self, program: Program) -> Made:
        fresh = Fresh(torch.Generator().manual_seed(len(self.known)))(program)
        found = {}
        for step in program.op_steps:
            layer = json.dumps([step.at, step.op, step.args, program.shape(step.inputs[0])])
            found[step.name] = self.known.setdefault(layer, fresh[step.name])
        return found


def head(shape: Shape) -> Seq:
    return Seq((Op("linear", {"units": 3}),))


def program_of(genotype: dict[str, Any], placed: bool = True) -> Program:
    space = parse_space(MODEL, {}, {}, OPS, ())
    return plan(replay(space, genotype, placed).model, {"input": axes_of((3, 8, 8))}, head)


ONCE = {"model[0].repeat.times": 1, "model[0].repeat[0].residual[0].conv.channels": 4}
TWICE = {**ONCE, "model[0].repeat.times": 2, "model[0].repeat[1].residual[0].conv.channels": 6}


def test_steps_know_their_place_in_the_space() -> None:
    assert {step.name: step.at for step in program_of(ONCE).op_steps} == {
        "model_0_residual_0_conv": "model[0].repeat[0].residual[0].conv",
        "model_0_residual_1_relu": "model[0].repeat[0].residual[1].relu",
        "model_0_residual_shortcut_projection": "model[0].repeat[0].residual.shortcut.projection",
        "model_1_conv": "model[1].conv",
        "model_2_global_pool": "model[2].global_pool",
        "head_0_linear": "head[0].linear",
    }
    moved = {step.name: step.at for step in program_of(TWICE).op_steps}
    assert moved["model_2_conv"] == "model[1].conv"
    assert moved["model_1_residual_shortcut_projection"] == "model[0].repeat[1].residual.shortcut.projection"


def test_neighbours_have_one_layer_where_it_is_the_same() -> None:
    shared = Shared()
    small, large = (Network(program_of(genotype), shared) for genotype in (ONCE, TWICE))
    assert small.layers["model_0_residual_0_conv"] is large.layers["model_0_residual_0_conv"]
    assert small.layers["model_0_residual_shortcut_projection"] is large.layers["model_0_residual_shortcut_projection"]
    assert small.layers["head_0_linear"] is large.layers["head_0_linear"]
    assert small.layers["model_1_conv"] is not large.layers["model_2_conv"]  # it takes 6 channels there
    assert run_body(large, torch.zeros(2, 3, 8, 8)).shape == (2, 3)


def test_what_one_network_learns_the_other_has_learned() -> None:
    shared = Shared()
    first, second = (Network(program_of(ONCE), shared) for _ in range(2))
    x = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    before = run_body(second, x).detach()
    optimizer = torch.optim.SGD(first.parameters(), lr=0.1)
    torch.autograd.backward(run_body(first, x).square().sum())
    optimizer.step()
    after = run_body(second, x).detach()
    assert not torch.equal(before, after)
    assert torch.equal(after, run_body(first, x))


def test_without_places_a_layer_goes_by_where_it_stands_in_the_architecture() -> None:
    for step in program_of(TWICE, placed=False).op_steps:
        assert step.at == step.path


def test_a_program_keeps_its_places_on_the_way_to_another_process() -> None:
    program = program_of(TWICE)
    again = program_from_data(json.loads(json.dumps(program_to_data(program))))
    assert [step.at for step in again.steps] == [step.at for step in program.steps]


def test_no_two_steps_are_at_one_place() -> None:
    """Two edges of a cell may lead from one value to one node."""
    model = [{"cell": {"nodes": EDGES, "channels": 4}}, {"conv": 4}]
    space = parse_space(model, {}, {}, OPS, ())
    program = plan(replay(space, {}, placed=True).model, inputs_of((3, 8, 8)), lambda shape: Seq(()))
    assert [step.at for step in program.op_steps] == [
        "model[0].cell.input[0]",
        "model[0].cell.edge[0,1].conv",
        "model[0].cell.edge[0,1].conv#2",
        "model[1].conv",
    ]


def test_a_join_projects_at_its_own_place() -> None:
    space = parse_space([{"tap": "a"}, {"optional": "relu"}, {"conv": 4}, {"join": "a"}], {}, {}, OPS, ())
    for wanted in (True, False):
        model = replay(space, {"model[1].optional": wanted}, placed=True).model
        steps = plan(model, inputs_of((3, 8, 8)), head).op_steps
        assert [step.at for step in steps if step.op == "projection"] == ["model[3].join.projection"]
