"""Random sentences of the language, for hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from nas_cli.space.size import size
from nas_cli.space.space import Space

CHANNELS = st.one_of(
    st.sampled_from([4, 6, 8, "same", "x2", "$width"]),
    st.just({"choice": [4, 8, "same"]}),
    st.just({"int": [2, 8], "step": 2}),
)
KERNELS = st.one_of(st.sampled_from([1, 3]), st.just({"choice": [1, 3]}))
LEAVES = st.one_of(
    st.builds(lambda c, k: {"conv": {"channels": c, "kernel": k}}, CHANNELS, KERNELS),
    st.sampled_from(["relu", "batch_norm", "identity", "nn.SiLU", {"max_pool": {"size": 2}}, "$block"]),
    st.just({"dropout": {"rate": {"float": [0.0, 0.5]}}}),
    st.just({"choice": ["relu", "gelu", "identity"]}),
)
CELL_OPS = ["zero", "identity", [{"conv": {"channels": "same", "kernel": {"choice": [1, 3]}}}, "relu"]]


def _bodies(layers: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(layers, min_size=0, max_size=3)


def _compound(layers: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    bodies = _bodies(layers)
    return st.one_of(
        st.builds(
            lambda low, more, body, tied: {"repeat": {"times": {"int": [low, low + more]}, "body": body, "tied": tied}},
            st.integers(0, 1),
            st.integers(0, 2),
            bodies,
            st.booleans(),
        ),
        st.builds(lambda body: {"repeat": {"times": "$depth", "body": body}}, bodies),
        st.builds(lambda body: {"optional": body}, bodies),
        st.builds(lambda body: {"residual": body}, bodies),
        st.builds(
            lambda paths, join: {"branches": {"paths": paths, "join": join}},
            st.lists(bodies, min_size=1, max_size=2),
            st.sampled_from(["add", "concat", {"choice": ["add", "concat"]}]),
        ),
        st.builds(lambda options: {"choice": options}, st.lists(layers, min_size=1, max_size=3)),
        st.just({"cell": {"nodes": 3, "inputs": "all", "ops": CELL_OPS}}),
        st.just({"cell": {"nodes": 2, "inputs": 2, "from": 2, "channels": "x0.5", "ops": CELL_OPS}}),
    )


LAYERS = st.recursive(LEAVES, _compound, max_leaves=6)
MODELS = st.lists(LAYERS, min_size=1, max_size=4)
LET = {
    "width": {"choice": [4, 8]},
    "depth": {"choice": [0, 1, 2]},
    "block": [{"conv": {"channels": "same", "kernel": {"choice": [1, 3]}}}, {"choice": ["relu", "gelu"]}],
}


def number(space: Space) -> int | float:
    """How many genotypes `space` holds, counted to the last."""
    counted = size(space)
    assert counted.exact
    return counted.number
