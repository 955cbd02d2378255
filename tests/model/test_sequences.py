"""Sequences: a padded batch gives the same outputs as single sentences, and any length works."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from fields import inputs_of
from torch import Tensor

from nas_cli.errors import Infeasible
from nas_cli.model.build import build
from nas_cli.model.network import Network
from nas_cli.model.ops import OPS
from nas_cli.model.ops.sequence_modules import Characters, ShortConv
from nas_cli.model.weights import Fresh
from nas_cli.space.parse import parse_architecture
from nas_cli.task import open_task

FACTS = {"words": 50, "characters": 20, "labels": 4, "places": 9}
WORDS = [{"embedding": {"units": 8}}]
BOTH = [{"branches": {"paths": [WORDS, [{"characters": {"units": 6}}]], "join": "concat"}}]
SPELT = [{"branches": {"paths": [WORDS, [{"characters": {"units": 6, "kind": "lstm"}}]], "join": "concat"}}]
BODIES: dict[str, list[Any]] = {
    "lstm": [*BOTH, {"lstm": {"units": 10}}],
    "lstm-one-way": [*BOTH, {"lstm": {"units": 10, "bidirectional": False}}],
    "gru": [*SPELT, {"gru": {"units": 10}}, "tanh"],
    "conv": [*WORDS, {"conv1d": {"channels": 6}}, "relu", {"conv1d": {"kernel": 5, "dilation": 2, "gated": True}}],
    "residual": [*WORDS, {"residual": [{"conv1d": {"channels": 12}}, "layer_norm", "sigmoid"]}, {"conv1d": {}}],
    "attention": [*WORDS, "position_encoding", {"residual": ["layer_norm", {"attention": {"heads": 2}}]}],
    "torch": [*WORDS, {"nn.Conv1d": {"out_channels": 5, "kernel_size": 3, "padding": 1}}, {"conv1d": {}}],
    "highway": [*WORDS, "highway", {"locked_dropout": 0.3}, {"linear": {"units": 7}}, "softplus", {"conv1d": {}}],
    "crf": [*BOTH, {"lstm": {"units": 8}}, "crf"],
}


def sentences() -> list[Tensor]:
    """Of 1 to 9 words, each with 1 to 4 of 4 characters."""
    generator = torch.Generator().manual_seed(0)
    made = []
    for length in (9, 1, 4, 2, 7):
        sentence = torch.randint(1, 20, (5, length), generator=generator, dtype=torch.int32)
        for word in range(length):
            sentence[2 + word % 4 :, word] = 0
        made.append(sentence)
    return made


def padded(single: list[Tensor], extra: int = 0) -> Tensor:
    longest = max(sentence.shape[1] for sentence in single) + extra
    return torch.stack([torch.nn.functional.pad(s, (0, longest - s.shape[1])) for s in single])


def network_of(body: list[Any], task: str) -> Network:
    learned = open_task(task)
    network = build(
        parse_architecture(body, OPS),
        inputs_of((5, 9)),
        lambda s: parse_architecture(learned.head(s, FACTS), OPS),
        FACTS,
        Fresh(torch.Generator().manual_seed(1)),
    )
    return network.eval()


@pytest.mark.parametrize("extra", [0, 6])
@pytest.mark.parametrize("body", BODIES)
def test_a_padded_batch_gives_what_single_sentences_give(body: str, extra: int) -> None:
    network = network_of(BODIES[body], "sequence-labelling")
    single = sentences()
    before = 6 if body == "crf" else 0
    with torch.inference_mode():
        together = network(padded(single, extra))
        for row, sentence in enumerate(single):
            alone = network(sentence[None])[0]
            width = before + sentence.shape[1]
            assert alone.shape[1] == width
            torch.testing.assert_close(together[row, :, :width], alone, rtol=1e-4, atol=1e-5)
            assert not together[row, :, width:].any()


@pytest.mark.parametrize("kind", ["avg", "max"])
@pytest.mark.parametrize("body", [name for name in BODIES if name != "crf"])
def test_pooling_sees_what_is_there(body: str, kind: str) -> None:
    network = network_of([*BODIES[body], {"global_pool": kind}], "text-classification")
    single = sentences()
    with torch.inference_mode():
        together = network(padded(single, 3))
        for row, sentence in enumerate(single):
            torch.testing.assert_close(together[row], network(sentence[None])[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ([*WORDS, "flatten"], "sequences vary in length"),
        ([*WORDS, {"nn.Linear": {"in_features": 9, "out_features": 9}}], "sequences vary in length"),
        ([*WORDS, "batch_norm"], "take layer_norm"),
        ([*WORDS, {"global_pool": "avg"}], "every word needs a tag"),
        ([*WORDS, {"nn.MaxPool1d": {"kernel_size": 2}}], "(vary in length|every word needs a tag)"),
        ([{"conv": {"channels": 4}}], "images"),
    ],
)
def test_what_no_tagger_can_do(body: list[Any], words: str) -> None:
    with pytest.raises(Infeasible, match=words):
        network_of(body, "sequence-labelling")


def test_an_op_for_other_data_says_so() -> None:
    with pytest.raises(Infeasible, match="data with words, and this data has none"):
        build(parse_architecture(["embedding"], OPS), inputs_of((3, 4, 4)), lambda s: parse_architecture([], OPS))


def test_the_field_against_a_linear_layer() -> None:
    """Without moves, a random field's best path is each word's best tag."""
    from nas_cli.data.portable import best_labels

    network = network_of([*WORDS, "crf"], "sequence-labelling")
    x = padded(sentences())
    with torch.inference_mode():
        outputs = network(x).numpy()
    paths = best_labels(outputs, x.numpy())
    taken = x[:, 0].numpy() != 0
    assert (paths == outputs[:, :, 6:].argmax(1))[taken].all()


@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("longest", [1, 4])
def test_the_convolution_over_characters_is_torchs(kernel: int, longest: int) -> None:
    generator = torch.Generator().manual_seed(0)
    ours = ShortConv(6, 5, kernel)
    plain = torch.nn.Conv1d(6, 5, kernel, padding=kernel // 2)
    plain.load_state_dict(ours.state_dict())
    x = torch.randn(7, longest, 6, generator=generator)
    torch.testing.assert_close(ours(x), plain(x.transpose(1, 2)).transpose(1, 2))
    wanted = torch.autograd.grad(plain(x.transpose(1, 2)).square().sum(), plain.parameters())
    torch.testing.assert_close(torch.autograd.grad(ours(x).square().sum(), ours.parameters()), wanted)


@pytest.mark.parametrize("kind", ["cnn", "lstm"])
def test_words_that_are_looked_at_once_in_training_are_those_of_a_whole_batch(kind: str) -> None:
    layer = Characters(9, 6, 5, 3, kind)
    x = torch.randint(0, 9, (4, 6, 3), generator=torch.Generator().manual_seed(0))
    x = torch.cat([x, x, x.roll(1, 0)], 2)
    once, whole = layer.train()(x), layer.eval()(x)
    torch.testing.assert_close(once, whole)
    weights = [p for name, p in layer.named_parameters() if "table" not in name]
    wanted = torch.autograd.grad(whole.square().sum(), weights)
    torch.testing.assert_close(torch.autograd.grad(once.square().sum(), weights), wanted)
