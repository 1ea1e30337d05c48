"""Picture after picture through a reader, in batches: what the command and Python's `read` both do.

Belongs here: which pictures are open at a time, and the chance that each is read with.
Does not belong here: how a picture is opened (`pictures`) or read (`reader`), and what becomes of the answers.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np

from fullcircle.reading.answers import Answer, answers
from fullcircle.reading.pictures import Picture
from fullcircle.reading.reader import Pictures, Reader


def read_in_batches(reader: Reader, pictures: Iterable[Picture], total: int) -> Iterator[list[Answer]]:
    """The answers to pictures, in order, a batch of the reader's settings at a time.

    What is open at a time does not grow with the number of pictures. What is read from one depends on its place, not on which
    others there are.

    Args:
        reader: whose settings say the seed and how many pictures make a batch.
        pictures: asked for when they are needed.
        total: how many they are at most, to decide how many processes pay.
    """
    rng = np.random.default_rng(reader.settings.seed)
    waiting: deque[list[Picture]] = deque()  # batches that are being read
    given = iter(pictures)

    def batches() -> Iterator[Pictures]:
        while batch := list(itertools.islice(given, reader.settings.batch_size)):
            waiting.append(batch)
            yield Pictures(np.stack([p.image for p in batch]), rng.integers(2**63, size=len(batch)))

    for steps in reader.stream(batches(), total):
        yield answers(reader.drawing, waiting.popleft(), steps.answer)
