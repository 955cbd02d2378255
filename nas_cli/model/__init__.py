"""From an architecture to a network: ops, shapes, weights, costs and latency."""
