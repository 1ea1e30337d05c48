"""Processes: a function applied to many tasks by several processes, answers in order.

Belongs here: how many processes, starting and ending them. What they do changes nothing here, and their number changes nothing
in what comes out. Fresh interpreters, never forks: TensorFlow's threads do not survive one, and a fresh one does not import it.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context, parent_process
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")


def cores() -> int:
    """How many processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_order(
    function: Callable[[T], R],
    tasks: Iterable[T],
    workers: int,
    begin: Callable[..., None],
    arguments: tuple[Any, ...] = (),
    ahead: int = 0,
) -> Iterator[R]:
    """``map(function, tasks)`` by `workers` processes. Tasks are asked for only as far as the processes can work on them.

    Args:
        function: of a module, for the processes import it by name.
        tasks: asked for in this process, while the others work on those before.
        workers: how many processes, at least 1.
        begin: of a module; called in each process before anything else.
        arguments: of `begin`.
        ahead: how many tasks more than there are processes may wait for their turn.
    """
    waiting: deque[Future[R]] = deque()
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _begin, (begin, arguments))
    try:
        for task in tasks:
            waiting.append(pool.submit(function, task))
            while waiting and (waiting[0].done() or len(waiting) > workers + ahead):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _begin(begin: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    # Ctrl-C reaches every process of a terminal; the first one ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
    begin(*arguments)


def end_with_parent() -> None:
    """For a process of a pool: it would wait for its next task for ever, also when whoever started it was killed."""
    parent = parent_process()
    if parent is None:
        return

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
