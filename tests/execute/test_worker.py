"""One job, well or badly: a candidate may fail in any way, and the search goes on."""

from __future__ import annotations

import errno
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nas_cli.data import parse_data
from nas_cli.errors import UserError
from nas_cli.execute import worker
from nas_cli.execute.executor import Job
from nas_cli.execute.hardware import find_device
from nas_cli.execute.inprocess import InProcess
from nas_cli.execute.session import Session
from nas_cli.execute.worker import OnlyJob, make_network, run_job
from nas_cli.model.latency import device_name
from nas_cli.model.ops import OPS, op
from nas_cli.space.parse import parse_architecture, parse_space
from nas_cli.train.checkpoint import load_tensors
from nas_cli.train.settings import TRAIN

TRAINING = parse_space(["relu"], {"epochs": 2}, {}, OPS, TRAIN).resolve(lambda path, decision: None).train
JOB = Job(3, 0, "trial 3", [{"conv": 4}, "relu"], TRAINING, 0, 2, 2, 11, None, None, None)


class Bad(nn.Module):
    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != "meta":
            if self.how == "memory":
                raise MemoryError("cannot allocate 80 GiB")
            if self.how == "error":
                raise ZeroDivisionError("division by zero\nsecond line")
            if self.how == "exit":
                raise SystemExit
            if self.how == "interrupt":
                raise KeyboardInterrupt
            return x * float("nan")
        return x


@pytest.fixture(scope="module", autouse=True)
def bad_op() -> None:
    @op("bad_for_test")
    def bad(shape: tuple[int, ...], how: str) -> nn.Module:
        """Fails on purpose."""
        return Bad(how)


@pytest.fixture(scope="module")
def session() -> Session:
    return Session.open("image-classification", parse_data({"source": "digits"}), 0, threads=1, precision="float32")


def test_a_job_is_measured(session: Session, tmp_path: Path) -> None:
    seen: list[Any] = []
    job = replace(
        JOB, costs={"params": 90.0}, measure=("latency_ms",), weights_out=str(tmp_path / "weights.safetensors")
    )
    result = run_job(job, session, OnlyJob(lambda *progress: seen.append(progress)))
    assert result.status == "finished"
    assert set(result.measurement) >= {"accuracy", "loss", "params", "latency_ms", "epochs", "train_loss"}
    assert result.measurement["params"] == 90.0
    assert [(label, epoch, total) for label, epoch, total, _ in seen] == [("trial 3", 1, 2), ("trial 3", 2, 2)]
    tensors, metadata = load_tensors(tmp_path / "weights.safetensors")
    assert metadata == {"label": "trial 3", "seed": 11}
    assert tensors["levels.image.mean"].flatten().tolist() == pytest.approx(session.problem.levels["image"].mean)


def test_a_job_repeats(session: Session) -> None:
    first, second = run_job(JOB, session), run_job(JOB, session)
    assert first.measurement == second.measurement
    assert run_job(replace(JOB, seed=12), session).measurement != first.measurement


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("memory", "MemoryError: cannot allocate 80 GiB"),
        ("error", "ZeroDivisionError: division by zero"),
        ("exit", "SystemExit"),
        ("nan", "the loss became NaN in epoch 1, by step 1"),
    ],
)
def test_what_a_candidate_raises_is_a_result(session: Session, how: str, reason: str) -> None:
    result = run_job(replace(JOB, architecture=[{"bad_for_test": how}, {"conv": 4}]), session)
    assert (result.status, result.reason, result.number) == ("failed", reason, 3)


def test_an_interrupt_passes(session: Session) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_job(replace(JOB, architecture=[{"bad_for_test": "interrupt"}, {"conv": 4}]), session)


def test_a_full_disk_is_no_fault_of_the_candidate(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(worker, "save_tensors", full)
    with pytest.raises(OSError, match="No space left"):
        run_job(replace(JOB, weights_out=str(tmp_path / "w")), session)


def test_jobs_and_results_are_json(session: Session) -> None:
    assert Job(**json.loads(json.dumps(asdict(JOB)))) == replace(JOB, measure=[], bounds=[], entries=[])  # type: ignore[arg-type]
    assert json.loads(json.dumps(asdict(run_job(JOB, session))))["status"] == "finished"


def test_the_in_process_executor_keeps_the_order(session: Session) -> None:
    executor = InProcess(session)
    executor.submit(JOB)
    executor.submit(replace(JOB, number=4, architecture=["no_such_op"]))
    first, result = executor.wait(), executor.wait()
    assert first is not None
    assert result is not None
    assert first.number == 3
    assert (result.number, result.status) == (4, "failed")
    assert "no_such_op" in result.reason
    executor.close()


def test_costs_need_no_weights(session: Session) -> None:
    model = parse_architecture(JOB.architecture, OPS)
    costs = session.problem.costs(model)
    network = make_network(JOB.architecture, session, 0)
    assert costs["params"] == sum(p.numel() for p in network.parameters())
    assert costs["macs"] == 8 * 8 * 9 * 4 + 4 * 10


def test_a_session_can_be_shortened(session: Session) -> None:
    short = session.shortened(50)
    assert (short.train_size, short.validation_size) == (50, 50)
    assert session.train_size > 1000


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert find_device("auto").type == "cpu"
    with pytest.raises(UserError, match="finds no such device"):
        find_device("cuda")
    assert device_name(torch.device("cpu"))
