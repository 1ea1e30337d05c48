"""Augmentation: many pictures from a few, by operations drawn by chance.

A new operation is a class here and a line in `OPERATIONS`, which is also the vocabulary of pipelines as data and the parameter list
of the contract tests. Names of operations and arguments are Augmentor's (Bloice, Roth and Holzinger 2019), because people know
them. Importable without OpenCV.
"""

from __future__ import annotations

from fullcircle.images.augmentation.operation import Operation
from fullcircle.images.augmentation.operations import OPERATIONS
from fullcircle.images.augmentation.pipeline import BLOCK, CHOICES, Copies, Pipeline
from fullcircle.images.augmentation.records import Fired, Records

__all__ = ["BLOCK", "CHOICES", "OPERATIONS", "Copies", "Fired", "Operation", "Pipeline", "Records"]
