"""Where and how candidates train: the `hardware:` section with every `auto` resolved for this machine, once."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from nas_cli.execute.hardware import cores
from nas_cli.model.latency import device_name
from nas_cli.train.precision import Precision


@dataclass(frozen=True)
class Placement:
    """`workers` processes, or this one where `workers` is 0, each with `threads` threads. `latency` is the batch size
    and the number of threads that latency is measured with. `reasons`, JSON data, say how precision and memory layout
    were chosen.
    """

    device: torch.device
    precision: Precision
    threads: int = 1
    workers: int = 0
    latency: tuple[int, int] = (1, 1)
    reasons: Mapping[str, Any] = field(default_factory=dict)

    @property
    def on_cpu(self) -> bool:
        return self.device.type == "cpu"

    def to_data(self) -> dict[str, Any]:
        """The settings of a worker, without its device, as JSON data; `from_data` reads them back."""
        return {
            "precision": dataclasses.asdict(self.precision),
            "threads": self.threads,
            "latency": list(self.latency),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any], device: torch.device) -> Placement:
        batch_size, threads = data["latency"]
        return cls(device, Precision(**data["precision"]), data["threads"], latency=(batch_size, threads))

    def describe(self) -> dict[str, Any]:
        """The device and the choices made for it, as JSON data."""
        return {
            "device": device_name(self.device),
            "cores": cores(),
            "threads": self.threads,
            "precision": {
                "format": self.precision.format,
                "channels_last": self.precision.channels_last,
                **self.reasons,
            },
        }

    def chosen(self) -> dict[str, Any]:
        """What each `auto` was resolved to. It is kept with a run, since other choices may change the results."""
        return {
            "device": self.device.type,
            "workers": self.workers,
            "precision": self.precision.format,
            "layout": "channels-last" if self.precision.channels_last else "channels-first",
        }

    def __str__(self) -> str:
        """For a person: the device, workers and precision, and whether the precision was chosen by timing."""
        who = "this process trains" if self.workers == 0 else f"{self.workers} worker{'s' if self.workers > 1 else ''}"
        threads = f", {self.threads} thread{'s' if self.threads > 1 else ''} each" if self.on_cpu else ""
        timed = ", the fastest here by timing" if self.reasons.get("chosen_by") == "timing" else ""
        return f"{who} on {device_name(self.device)}{threads}; {self.precision}{timed}"
