"""Augmentation of whole batches: `AUGMENTS` has what a spec may name, and `augmentation` registers one more."""

from __future__ import annotations

from nas_cli.train.augment import geometry, pixels
from nas_cli.train.augment.base import AUGMENTS, Augmentation, Augmentations, augmentation
from nas_cli.train.batch import Batch

__all__ = ["AUGMENTS", "Augmentation", "Augmentations", "Batch", "augmentation", "geometry", "pixels"]
