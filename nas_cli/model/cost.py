"""Costs of a network that are counted. Latency is measured: see `latency`."""

from __future__ import annotations

from nas_cli.model.network import Network
from nas_cli.model.program import Program


def cost(network: Network | Program) -> dict[str, float]:
    """`params`, `macs`, and `activation_mb`, for one sample.

    `macs` are multiply-accumulates of convolutions and matrix products; papers on mobile networks and NAS-Bench-201
    call these FLOPs. `activation_mb` are the activations that training stores for the backward pass, in float32 and
    megabytes (1e6 bytes).
    """
    program = network.program if isinstance(network, Network) else network
    return {"params": program.params, "macs": program.macs, "activation_mb": 4 * program.activations / 1e6}
