"""`make bench`: one table, from one run on this machine. With names of parts as arguments, these alone."""

from __future__ import annotations

import platform
import sys
import time

from bench import bookkeeping, directory, prediction, quality, speed

from nas_cli.execute.hardware import cores
from nas_cli.model.latency import device_name

PARTS = {
    "bookkeeping": bookkeeping.rows,
    "directory": directory.rows,
    "prediction": prediction.rows,
    "speed": speed.rows,
    "quality": quality.rows,
}


def main() -> None:
    import torch

    began = time.time()
    print(f"{device_name(torch.device('cpu'))}, {cores()} cores, torch {torch.__version__}, {platform.platform()}\n")
    print("| what | measured | goal |\n|---|---|---|", flush=True)
    for part in sys.argv[1:] or PARTS:
        for what, measured, goal in PARTS[part]():
            print(f"| {what} | {measured} | {goal} |", flush=True)
    print(f"\n{(time.time() - began) / 60:.0f} minutes")


if __name__ == "__main__":
    main()
