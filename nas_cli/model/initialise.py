"""Weights for a network that has none yet."""

from __future__ import annotations

import torch

from nas_cli.model.network import Network
from nas_cli.model.weights import Fresh


def initialise(network: Network, generator: torch.Generator) -> Network:
    """Gives `network` new modules, as `Fresh` makes them; returns it."""
    network.layers.update(Fresh(generator)(network.program))
    return network
