"""The contract of ops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from nas_cli.axes import Shape
from nas_cli.errors import Infeasible
from nas_cli.model.infer import construct, infer, resolve_arguments
from nas_cli.model.ops import OPS
from nas_cli.model.ops.internal import INTERNAL
from nas_cli.model.ops.vocabulary import apply, incoming
from nas_cli.model.weights import NO_ASSETS, Assets, begin
from nas_cli.space.nodes import Op
from nas_cli.space.parse import parse_architecture

SHAPES: tuple[Shape, ...] = ((8, 9, 7), (8, 1, 1), (8, 6), (12,))
"""An image, an image of a single pixel, a sequence, and a vector."""
BATCH = 4


def check_op(
    name: str,
    arguments: Mapping[str, Any] | None = None,
    shapes: Sequence[Shape] = SHAPES,
    facts: Mapping[str, Any] | None = None,
    assets: Assets = NO_ASSETS,
) -> None:
    """Checks that the op takes at least one of `shapes` (see `check_op_on`), and gives a reason for each that it
    refuses. `facts` and `assets` are those of the data.
    """
    OPS.require_traits(name)
    refused = [check_op_on(name, arguments or {}, shape, facts or {}, assets) for shape in shapes]
    assert not all(refused), f"op '{name}' takes none of {list(shapes)}: {refused[0]}"


def check_op_on(
    name: str, arguments: Mapping[str, Any], shape: Shape, facts: Mapping[str, Any], assets: Assets = NO_ASSETS
) -> str:
    """Checks the op on `shape`: its output has the inferred shape, gradients are finite, in eval mode an example's
    output does not depend on its batch, and initial weights are reproducible. Returns "", or the reason why the op does
    not take `shape`. `assets` are arrays of the data that modules are initialised with.
    """
    try:
        module, after = make_op(name, arguments, shape, facts, assets)
    except Infeasible as error:
        return reason_of(f"op '{name}'", shape, error)
    x = samples(shape).requires_grad_()
    y = run_op(module.train(), x)
    assert y.shape == (BATCH, *after), f"op '{name}' gave {tuple(y.shape)}, and on the meta device {(BATCH, *after)}"
    if y.requires_grad:
        torch.autograd.backward(y.square().sum())
    for tensor in (x, *module.parameters()):
        assert tensor.grad is None or tensor.grad.isfinite().all(), f"op '{name}' has an infinite gradient on {shape}"
    _check_alone(name, module.eval(), samples(shape))
    first, second = (make_op(name, arguments, shape, facts, assets)[0].state_dict() for _ in range(2))
    assert all(map(torch.equal, first.values(), second.values())), f"op '{name}' begins with other weights each time"
    return ""


def reason_of(who: str, shape: Shape, error: Infeasible) -> str:
    """The reason why `who` cannot take `shape`, from `error`. Raises AssertionError where it is missing."""
    assert len(str(error)) > 10, f"{who} refuses {shape} without a reason: '{error}'"
    return str(error)


def _check_alone(name: str, module: nn.Module, x: Tensor) -> None:
    with torch.no_grad():
        together, again, alone = run_op(module, x), run_op(module, x), run_op(module, x[1:2])
    assert torch.equal(together, again), f"op '{name}' gives other outputs for the same inputs in eval mode"
    torch.testing.assert_close(together[1:2], alone, rtol=1e-4, atol=1e-5)


def make_op(
    name: str, arguments: Mapping[str, Any], shape: Shape, facts: Mapping[str, Any], assets: Assets = NO_ASSETS
) -> tuple[nn.Module, Shape]:
    """The initialised module on the CPU, and the inferred output shape. Raises Infeasible."""
    made = dict(arguments)
    if name not in INTERNAL:
        layer = parse_architecture([{name: made}], OPS).layers[0]
        assert isinstance(layer, Op)
        made = resolve_arguments(name, layer.args, shape, facts)
    after = infer(name, made, incoming(shape)).axes.shape
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = construct(name, made, shape)
        begin(module, name, torch.Generator().manual_seed(0), assets)
        return module, after


def run_op(module: nn.Module, x: Tensor) -> Tensor:
    """The output of `module` for `x`; sequences have no padding."""
    return apply(module, x, torch.ones_like(x[:, 0], dtype=torch.bool) if x.dim() == 3 else None)


def samples(shape: Shape, count: int = BATCH) -> Tensor:
    return torch.randn((count, *shape), generator=torch.Generator().manual_seed(0))
