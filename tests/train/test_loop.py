"""The training loop: repeatable bit for bit, cut anywhere, and honest about what fails."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from fields import inputs_of, pictures
from sklearn.datasets import load_digits

from nas_cli.axes import Shape
from nas_cli.errors import RunError, TrialFailed
from nas_cli.model.build import build
from nas_cli.model.network import Network
from nas_cli.model.ops import OPS
from nas_cli.model.weights import Fresh
from nas_cli.space.nodes import Op, Seq
from nas_cli.space.parse import parse_architecture, parse_space
from nas_cli.task import Scorer, open_task
from nas_cli.train.checkpoint import load_tensors, save_tensors
from nas_cli.train.feed import CPU, Parts, Resident, Streamed, open_feed
from nas_cli.train.loop import Epochs, train_network
from nas_cli.train.precision import Format, Precision
from nas_cli.train.scoring import evaluate_network, evaluation_batch, score
from nas_cli.train.settings import TRAIN

TASK = open_task("image-classification")
MODEL = [{"conv": 8}, "batch_norm", "relu", {"max_pool": 2}, {"dropout": 0.2}, "flatten"]


@pytest.fixture(scope="module")
def data() -> Parts:
    digits = load_digits()
    inputs = torch.from_numpy((digits.images * 15).astype("uint8"))[:, None]
    targets = torch.from_numpy(digits.target).long()
    return Parts(pictures(inputs[:513], targets[:513]), pictures(inputs[600:900], targets[600:900]), 10)


def head(shape: Shape) -> Seq:
    return Seq((Op("linear", {"units": 10}),))


def network_of(seed: int = 0, model: Sequence[Any] = MODEL) -> Network:
    fresh = Fresh(torch.Generator().manual_seed(seed))
    network = build(parse_architecture(list(model), OPS), inputs_of((1, 8, 8), "image"), head, modules=fresh)
    network.set_normalisation("image", [75.0], [90.0])
    return network


def settings(**given: Any) -> dict[str, Any]:
    return parse_space(["relu"], given, {}, OPS, TRAIN).resolve(lambda path, decision: None).train


def train(
    data: Parts, network: Network, first: int = 0, last: int = 3, total: int = 3, **given: Any
) -> dict[str, float]:
    places = {key: given.pop(key) for key in ("checkpoint_in", "checkpoint_out", "progress", "beat") if key in given}
    precision = given.pop("precision", Precision())
    seed = given.pop("seed", 7)
    return train_network(network, data, TASK, settings(**given), Epochs(first, last, total), seed, precision, **places)


def state(network: Network) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


LEARNS: dict[str, Any] = {"last": 8, "total": 8, "batch_size": 32, "optimizer": {"adamw": {"lr": 0.01}}}
EVERYTHING: dict[str, Any] = {
    "batch_size": 64,
    "augment": [{"crop": 1}, "flip", {"cutout": 2}, {"mixup": 0.2}],
    "clip": 1.0,
    "ema": 0.99,
    "loss": {"cross_entropy": 0.1},
    "schedule": "one_cycle",
}


def test_it_learns(data: Parts) -> None:
    seen: list[int] = []
    metrics = train(data, network_of(), progress=lambda epoch, _: seen.append(epoch), **LEARNS)
    assert metrics["accuracy"] > 0.85
    assert metrics["train_loss"] < 1.0
    assert seen == list(range(1, 9))


def test_two_trainings_are_equal_bit_for_bit_and_leave_the_global_generator_alone(data: Parts) -> None:
    first, second = network_of(), network_of()
    before = torch.random.get_rng_state()
    one = train(data, first, **EVERYTHING)
    torch.rand(3)
    two = train(data, second, **EVERYTHING)
    torch.random.set_rng_state(before)
    assert one == two
    assert same(state(first), state(second))
    torch.random.set_rng_state(before)
    train(data, network_of(), last=1)
    assert torch.equal(torch.random.get_rng_state(), before)
    third = network_of()
    train(data, third, seed=8, **EVERYTHING)
    assert not same(state(first), state(third))


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
@pytest.mark.parametrize("channels_last", [False, True])
def test_a_training_cut_into_rungs_ends_where_an_uncut_one_does(
    data: Parts, tmp_path: Path, optimizer: str, channels_last: bool
) -> None:
    given = {**EVERYTHING, "optimizer": optimizer, "precision": Precision("float32", channels_last)}
    whole = network_of()
    expected = train(data, whole, 0, 4, 4, **given)
    for first, last in ((0, 1), (1, 3), (3, 4)):
        piece = network_of(seed=99)  # its weights come from the checkpoint
        if first == 0:
            piece = network_of()
        got = train(
            data,
            piece,
            first,
            last,
            4,
            checkpoint_in=tmp_path / f"{first}.safetensors" if first else None,
            checkpoint_out=tmp_path / f"{last}.safetensors",
            **given,
        )
    assert got == expected
    assert same(state(piece), state(whole))


def test_a_rung_whose_job_was_killed_after_its_checkpoint_ends_the_same(data: Parts, tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint.safetensors"
    train(data, network_of(), 0, 1, 4, checkpoint_out=checkpoint, **EVERYTHING)
    expected = train(data, network_of(), 1, 3, 4, checkpoint_in=checkpoint, checkpoint_out=checkpoint, **EVERYTHING)
    written = checkpoint.read_bytes()
    # Killed before the journal had the result, the rung is run again from what is now the state after it.
    seen: list[int] = []
    again = train(
        data,
        network_of(),
        1,
        3,
        4,
        checkpoint_in=checkpoint,
        checkpoint_out=checkpoint,
        progress=lambda epoch, _: seen.append(epoch),
        **EVERYTHING,
    )
    assert again == expected
    assert seen == []
    assert checkpoint.read_bytes() == written
    with pytest.raises(RunError, match="is of epoch 3; one of epoch 1 to 2 is wanted"):
        train(data, network_of(), 1, 2, 4, checkpoint_in=checkpoint, **EVERYTHING)


@pytest.mark.parametrize(
    "precision",
    [Precision("float32", True), Precision("bf16", False), Precision("bf16", True), Precision("fp16", False)],
    ids=str,
)
def test_rungs_of_every_precision_end_where_an_uncut_training_does(
    data: Parts, tmp_path: Path, precision: Precision
) -> None:
    model: list[Any] = [{"conv": 8}, "relu", {"mbconv": {"expand": 2, "kernel": 3}}, {"drop_path": 0.3}, "global_pool"]
    checkpoint = tmp_path / "checkpoint.safetensors"
    data = replace(data, train=data.train.shortened(145))
    whole, piece = network_of(model=model), network_of(model=model)
    expected = train(data, whole, 0, 3, 3, precision=precision, clip=0.5, ema=0.9)
    train(data, piece, 0, 2, 3, precision=precision, clip=0.5, ema=0.9, checkpoint_out=checkpoint)
    piece = network_of(seed=3, model=model)
    got = train(data, piece, 2, 3, 3, precision=precision, clip=0.5, ema=0.9, checkpoint_in=checkpoint)
    assert got == expected
    assert same(state(piece), state(whole))


def test_a_stored_score_is_recomputed_exactly(data: Parts) -> None:
    network = network_of()
    metrics = train(data, network, **EVERYTHING)
    again = network_of(seed=5)
    again.load_state_dict(state(network))
    recomputed = evaluate_network(again, data.validation, TASK)
    assert {name: metrics[name] for name in recomputed} == recomputed


def test_the_average_of_the_weights_is_what_is_left(data: Parts) -> None:
    plain, averaged = network_of(), network_of()
    train(data, plain)
    train(data, averaged, ema=0.9)
    assert not same(state(plain), state(averaged))


@pytest.mark.parametrize("lr", [90.0, 30.0])
def test_a_loss_that_is_not_finite_ends_the_trial(data: Parts, lr: float) -> None:
    with pytest.raises(TrialFailed, match=r"the loss became (NaN|infinite) in epoch \d"):
        train(data, network_of(), last=20, total=20, optimizer={"sgd": {"lr": lr, "weight_decay": 50.0}})


def test_batches_of_odd_sizes(data: Parts) -> None:
    # 513 = 4·128 + 1: a last batch of one example would break batch norm
    assert train(data, network_of(), last=1, total=1, batch_size=128)["train_loss"] > 0
    assert train(data, network_of(), last=1, total=1, batch_size=100_000)["train_loss"] > 0


def test_large_images_are_evaluated_in_small_batches() -> None:
    shapes = [(2000, 1, 28, 28), (2000, 3, 32, 32), (2000, 3, 224, 224), (3, 3, 4000, 4000)]
    assert [evaluation_batch(pictures(torch.empty(shape, device="meta"), torch.empty(0))) for shape in shapes] == [
        128,
        128,
        10,
        1,
    ]


def test_a_checkpoint_cut_or_changed_anywhere_is_refused(data: Parts, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    train(data, network_of(), 0, 1, 2, checkpoint_out=path)
    whole = path.read_bytes()
    header = 8 + int.from_bytes(whole[:8], "little")
    for length in [*range(0, header, 97), header, len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(RunError, match=r"checkpoint\.safetensors is damaged"):
            train(data, network_of(), 1, 2, 2, checkpoint_in=path)
    path.write_bytes(whole)
    tensors, _ = load_tensors(path)
    wrong: list[Any] = [[], {}, {"epoch": "x", "metrics": {}}, {"epoch": 1, "metrics": 3}, {"epoch": None}]
    for metadata in wrong:
        save_tensors(path, tensors, metadata)
        with pytest.raises(RunError, match="is no checkpoint of this network"):
            train(data, network_of(), 1, 2, 2, checkpoint_in=path)


def test_damaged_and_foreign_checkpoints_are_answered(data: Parts, tmp_path: Path) -> None:
    good = tmp_path / "good.safetensors"
    train(data, network_of(), 0, 1, 2, checkpoint_out=good)
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(good.read_bytes()[:-100])
    for path, words in ((damaged, "is damaged"), (tmp_path / "none.safetensors", "is missing")):
        with pytest.raises(RunError, match=words):
            train(data, network_of(), 1, 2, 2, checkpoint_in=path)
    other = network_of(0, [{"conv": 9}])
    with pytest.raises(RunError, match="is no checkpoint of this network"):
        train(data, other, 1, 2, 2, checkpoint_in=good)
    tensors, metadata = load_tensors(good)
    assert metadata["epoch"] == 1
    assert set(metadata["metrics"]) == {"train_loss"}
    assert any(name.startswith("optimizer.") for name in tensors)


@pytest.mark.parametrize("kind", ["bf16", "fp16"])
def test_16_bits_train_too(data: Parts, kind: Format) -> None:
    full = train(data, network_of(), **LEARNS)
    half = train(data, network_of(), precision=Precision(kind, True), **LEARNS)
    assert half["accuracy"] > 0.85
    assert half["train_loss"] != full["train_loss"]
    assert half["train_loss"] == pytest.approx(full["train_loss"], abs=0.05)


def test_a_scaled_training_skips_steps_whose_gradients_overflow_and_keeps_its_scale(
    data: Parts, tmp_path: Path
) -> None:
    checkpoint = tmp_path / "checkpoint.safetensors"
    precision = Precision("fp16")
    small = replace(data, train=data.train.shortened(65))
    train(small, network_of(), 0, 1, 2, precision=precision, checkpoint_out=checkpoint, batch_size=64)
    _, metadata = load_tensors(checkpoint)
    assert metadata["scaler"]["scale"] in {2.0**n for n in range(17)}
    assert metadata["scaler"]["_growth_tracker"] in (0, 1)
    tensors, _ = load_tensors(checkpoint)
    for scaler in ({}, None, {"scale": "x"}):
        save_tensors(checkpoint, tensors, {**metadata, "scaler": scaler})
        with pytest.raises(RunError, match="is no checkpoint of this network"):
            train(small, network_of(), 1, 2, 2, precision=precision, checkpoint_in=checkpoint, batch_size=64)


def test_a_beat_is_heard_after_every_step(data: Parts) -> None:
    beats: list[int] = []
    train(data, network_of(), last=2, total=2, batch_size=100, beat=lambda: beats.append(1))
    assert len(beats) == 2 * 6


def test_a_streamed_training_is_the_resident_one_bit_for_bit(data: Parts, tmp_path: Path) -> None:
    resident, streamed = network_of(), network_of()
    expected = train(data, resident, **EVERYTHING)
    rows = torch.randperm(813, generator=torch.Generator().manual_seed(3))
    file = np.memmap(tmp_path / "inputs", np.uint8, "w+", shape=(813, 1, 8, 8))
    file[rows[:513].numpy()] = data.train.columns["image"].values.numpy()
    file[rows[513:].numpy()] = data.validation.columns["image"].values.numpy()
    file.flush()
    inputs = torch.from_numpy(np.memmap(tmp_path / "inputs", np.uint8, "c", shape=(813, 1, 8, 8)))
    train_part = pictures(inputs, data.train.targets, rows[:513])
    mapped = Parts(train_part, pictures(inputs, data.validation.targets, rows[513:]), 10)
    assert isinstance(open_feed(data.train, CPU), Resident)
    assert isinstance(open_feed(mapped.train, CPU), Streamed)
    assert train(mapped, streamed, **EVERYTHING) == expected
    assert same(state(streamed), state(resident))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("kind", ["float32", "tf32", "bf16", "fp16"])
@pytest.mark.parametrize("resident", [True, False])
def test_no_step_waits_for_a_gpu(data: Parts, kind: Format, resident: bool) -> None:
    device = torch.device("cuda")
    placed = data.place(device) if resident else replace(data, device=device)

    def waits(batch_size: int) -> int:
        torch.cuda.set_sync_debug_mode("warn")
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                train(
                    placed,
                    network_of(),
                    0,
                    1,
                    1,
                    precision=Precision(kind, True),
                    **{**EVERYTHING, "batch_size": batch_size},
                )
        finally:
            torch.cuda.set_sync_debug_mode("default")
        return sum("synchroniz" in str(warning.message) for warning in caught)

    waits(256)
    assert waits(16) == waits(256)


def test_a_scorer_that_fails_leaves_the_network_and_torch_as_they_were(data: Parts) -> None:
    class Failing:
        def add(self, outputs: torch.Tensor, targets: torch.Tensor) -> None:
            assert not torch.is_inference_mode_enabled()
            raise RuntimeError("no more of it")

    network = network_of().train()
    with pytest.raises(RuntimeError, match="no more of it") as caught:
        score(network, data.validation, cast(Scorer, Failing()))
    assert caught.value.__traceback__ is not None  # which holds the frames of all that was under way
    assert network.training
    assert not torch.is_inference_mode_enabled()
