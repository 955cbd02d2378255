"""What a network costs, counted rather than measured; `latency` measures."""

from __future__ import annotations

import math

from nas_cli.model.network import Network
from nas_cli.model.program import Program


def cost(network: Network | Program) -> dict[str, float]:
    """`params`, `macs`, and `activation_mb`, for one sample.

    `macs` are multiply-accumulates of convolutions and matrix products; papers on mobile networks and NAS-Bench-201
    call these FLOPs. `activation_mb` is what training keeps of a sample in float32, in megabytes.
    """
    program = network.program if isinstance(network, Network) else network
    return {"params": program.params, "macs": program.macs, "activation_mb": activation_bytes(program) / 1e6}


def activation_bytes(network: Network | Program) -> int:
    """Bytes of all steps' outputs for one sample in float32: about what training keeps for the backward pass.

    Values inside a layer that is made of several (an mbconv) are not seen.
    """
    program = network.program if isinstance(network, Network) else network
    return 4 * sum(math.prod(step.shape) for step in program.steps)
