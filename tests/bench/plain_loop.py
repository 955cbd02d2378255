"""Twelve candidates trained the way most people write it: float32, a DataLoader, default threads, one after another.

    python plain_loop.py CANDIDATES.json FASHION_MNIST_FOLDER

CANDIDATES.json has `models` (architectures), `images`, `epochs`, `batch_size`, `lr`. Prints one accuracy a line.
"""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from nas_cli.axes import Axes
from nas_cli.model.build import build
from nas_cli.model.ops import OPS
from nas_cli.model.weights import Fresh
from nas_cli.space.parse import parse_architecture
from nas_cli.task import open_task

MEAN, STD = 72.94, 90.02


class Pictures(Dataset[tuple[Tensor, int]]):
    """One picture at a time, as a dataset with transforms gives it."""

    def __init__(self, images: np.ndarray, labels: np.ndarray, augment: bool) -> None:
        self.images, self.labels, self.augment = images, labels, augment

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        picture = (torch.from_numpy(self.images[index].astype(np.float32)) - MEAN) / STD
        if self.augment:
            padded = functional.pad(picture, (2, 2, 2, 2))
            top, left = torch.randint(0, 5, (2,)).tolist()
            picture = padded[top : top + 28, left : left + 28]
            if torch.rand(()) < 0.5:
                picture = picture.flip(-1)
        return picture[None], int(self.labels[index])


def read(path: Path, header: int, shape: tuple[int, ...]) -> np.ndarray:
    with gzip.open(path) as file:
        return np.frombuffer(file.read(), np.uint8, offset=header).reshape(shape)


def train(network: nn.Module, train_set: Pictures, valid_set: Pictures, settings: dict[str, float]) -> float:
    loader = DataLoader(train_set, batch_size=int(settings["batch_size"]), shuffle=True, num_workers=2)
    optimizer = torch.optim.SGD(network.parameters(), lr=settings["lr"], momentum=0.9, nesterov=True, weight_decay=5e-4)
    epochs = int(settings["epochs"])
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs * len(loader))
    loss_of = nn.CrossEntropyLoss()
    for _ in range(epochs):
        network.train()
        running = 0.0
        for inputs, targets in loader:
            optimizer.zero_grad()
            loss = loss_of(network(inputs), targets)
            loss.backward()
            optimizer.step()
            scheduler.step()
            running += loss.item()
    network.eval()
    right = 0
    with torch.no_grad():
        for inputs, targets in DataLoader(valid_set, batch_size=256, num_workers=2):
            right += int((network(inputs).argmax(1) == targets).sum())
    return right / len(valid_set)


def main() -> None:
    settings = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    folder = Path(sys.argv[2])
    images = read(folder / "train-images-idx3-ubyte.gz", 16, (60000, 28, 28))
    labels = read(folder / "train-labels-idx1-ubyte.gz", 8, (60000,))
    order = np.random.default_rng(0).permutation(60000)[: settings["images"]]
    held = settings["images"] // 10
    valid_set = Pictures(images[order[:held]], labels[order[:held]], augment=False)
    train_set = Pictures(images[order[held:]], labels[order[held:]], augment=True)
    task = open_task("image-classification")
    for model in settings["models"]:
        network = build(
            parse_architecture(model, OPS),
            {"image": Axes("uint8", (1, 28, 28))},
            lambda shape: parse_architecture(task.head(shape, {"labels": 10}), OPS),
            modules=Fresh(torch.Generator().manual_seed(0)),
        )
        print(train(network, train_set, valid_set, settings), flush=True)


if __name__ == "__main__":
    main()
