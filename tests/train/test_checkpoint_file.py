"""Checkpoints that were damaged, and disks that do not take them: neither is the candidate's fault."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from nas_cli.data import parse_data
from nas_cli.errors import RunError, TrialFailed
from nas_cli.execute.executor import Job, JobResult
from nas_cli.execute.session import Session
from nas_cli.execute.worker import run_job
from nas_cli.model.ops import OPS
from nas_cli.space.parse import parse_space
from nas_cli.train import checkpoint
from nas_cli.train.checkpoint import DiskFault, load_checkpoint, load_tensors, save_checkpoint, save_tensors
from nas_cli.train.settings import TRAIN

SETTINGS = {"epochs": 2, "batch_size": 512, "ema": 0.9}
TRAINING = parse_space(["relu"], SETTINGS, {}, OPS, TRAIN).resolve(lambda path, decision: None).train
FIRST = Job(3, 0, "trial 3", [{"conv": 4}, "relu"], TRAINING, 0, 1, 2, 11, None, None, None)


@pytest.fixture(scope="module")
def session() -> Session:
    return Session.open("image-classification", parse_data({"source": "digits"}), 0, precision="float32")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "trials" / "00003" / "checkpoint.safetensors"


def second(session: Session, path: Path) -> JobResult:
    return run_job(replace(FIRST, rung=1, first_epoch=1, last_epoch=2, checkpoint_in=str(path)), session)


Damage = Callable[[Path], object]


def rewritten(change: Callable[[dict[str, Tensor], dict[str, Any]], object]) -> Damage:
    """A file that is whole and holds something else."""

    def damage(path: Path) -> None:
        tensors, metadata = load_tensors(path)
        change(tensors, metadata)
        save_tensors(path, tensors, metadata)

    return damage


def flipped(path: Path) -> None:
    """One byte of a weight, as a disk may lose it."""
    content = bytearray(path.read_bytes())
    content[-1] ^= 64
    path.write_bytes(content)


def first_moment(tensors: dict[str, Tensor]) -> str:
    return next(name for name in tensors if name.endswith("exp_avg") and tensors[name].dim() > 1)


DAMAGES: dict[str, Damage] = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("damaged", encoding="utf-8"),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-100]),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "a flipped bit": flipped,
    "gone": lambda path: path.unlink(),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "a key that is gone": rewritten(lambda tensors, _: tensors.pop(first_moment(tensors))),
    "a key of another network": rewritten(lambda tensors, _: tensors.update({"optimizer.x:exp_avg": torch.ones(1)})),
    "a key without a name": rewritten(lambda tensors, _: tensors.update({"optimizer.x": torch.ones(1)})),
    "another shape": rewritten(lambda tensors, _: tensors.update({first_moment(tensors): torch.ones(1)})),
    "no metadata": rewritten(lambda _, metadata: metadata.clear()),
    "an epoch that is a text": rewritten(lambda _, metadata: metadata.update(epoch="one")),
    "an epoch that has no end": rewritten(lambda _, metadata: metadata.update(epoch=float("inf"))),
    "a later epoch": rewritten(lambda _, metadata: metadata.update(epoch=7)),
    "metrics that are no numbers": rewritten(lambda _, metadata: metadata.update(metrics={"train_loss": float("nan")})),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_checkpoint_costs_a_training(session: Session, path: Path, name: str) -> None:
    run_job(replace(FIRST, checkpoint_out=str(path)), session)
    DAMAGES[name](path)
    result = second(session, path)
    whole = run_job(replace(FIRST, last_epoch=2), session)
    assert result.status == "finished", result.reason
    assert result.measurement == whole.measurement
    assert result.note.startswith(f"trial 3 is trained again from its first epoch: {path}")


def test_a_sound_checkpoint_is_gone_on_from(session: Session, path: Path) -> None:
    run_job(replace(FIRST, checkpoint_out=str(path)), session)
    assert second(session, path).note == ""


def test_one_of_an_earlier_version_has_no_checksum(session: Session, path: Path) -> None:
    run_job(replace(FIRST, checkpoint_out=str(path)), session)
    rewritten(lambda _, metadata: metadata.pop("checksum"))(path)
    assert second(session, path).note == ""


def test_one_that_is_far_too_large_takes_no_memory_and_costs_a_training(session: Session, path: Path) -> None:
    run_job(replace(FIRST, checkpoint_out=str(path)), session)
    header = json.dumps({"x": {"dtype": "U8", "shape": [10**12], "data_offsets": [0, 10**12]}}).encode()
    with path.open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(8 + len(header) + 10**12)
    result = second(session, path)
    assert result.status == "finished"
    assert "it has 1,000,000,000,0" in result.note


def test_metadata_that_is_nested_too_deep_is_damaged(path: Path) -> None:
    path.parent.mkdir(parents=True)
    checkpoint.save_file({"x": torch.ones(1)}, path, {"nas": "[" * 200_000})
    with pytest.raises(RunError, match="is damaged"):
        load_tensors(path)


@pytest.mark.parametrize("number", [errno.EIO, errno.EROFS, errno.EACCES, errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
@pytest.mark.parametrize("where", ["the file", "its folder", "safetensors"])
def test_a_fault_of_the_disk_is_no_failure(
    session: Session, path: Path, monkeypatch: pytest.MonkeyPatch, number: int, where: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        if where == "safetensors":
            raise SafetensorError(f"Error while serializing: I/O error: something (os error {number})")
        raise OSError(number, "something")

    if where == "its folder":
        monkeypatch.setattr(Path, "mkdir", fail)
    else:
        monkeypatch.setattr(checkpoint, "save_file", fail)
    for job in (replace(FIRST, checkpoint_out=str(path)), replace(FIRST, weights_out=str(path))):
        with pytest.raises(DiskFault) as raised:
            run_job(job, session)
        assert (raised.value.errno, raised.value.filename) == (number, str(path))


@pytest.mark.parametrize(
    "error", [OSError(errno.EMFILE, "Too many open files"), SafetensorError("Error while serializing: HeaderTooLarge")]
)
def test_what_the_candidate_used_up_or_holds_is_its_failure(
    session: Session, path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(checkpoint, "save_file", fail)
    result = run_job(replace(FIRST, weights_out=str(path)), session)
    assert result.status == "failed"
    assert result.reason.startswith("its weights cannot be stored: ")
    with pytest.raises(TrialFailed):
        save_tensors(path, {"x": torch.ones(1)}, {})


def test_state_goes_there_and_back(path: Path) -> None:
    network, scaler = nn.Linear(3, 2), torch.amp.GradScaler("cpu", enabled=False)
    optimizer = torch.optim.AdamW(network.parameters())
    network(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    save_checkpoint(path, network, optimizer, None, scaler, 4, {"train_loss": 0.5})
    other = nn.Linear(3, 2)
    again = torch.optim.AdamW(other.parameters())
    assert load_checkpoint(path, other, again, None, scaler) == (4, {"train_loss": 0.5})
    assert torch.equal(other.weight, network.weight)
    assert torch.equal(again.state[other.weight]["exp_avg"], optimizer.state[network.weight]["exp_avg"])
    assert json.loads(json.dumps(load_tensors(path)[1]))["epoch"] == 4
