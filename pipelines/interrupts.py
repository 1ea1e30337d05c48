"""Interrupts: Ctrl-C and the like, noted and acted on where it is safe.

Belongs here: why `KeyboardInterrupt` is not left to Python while a run is followed. Python raises it wherever the main thread
happens to be; in a callback of the garbage collector, as SQLAlchemy has some, it is printed and dropped, and the run goes on as if
nobody had asked.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """While it is entered, signals that would raise `KeyboardInterrupt` set `noted` instead; whoever follows a run looks at it.

    A plain attribute, no `threading.Event`: its lock may be held by the very thread in which the signal's handler runs. In other
    threads than the main one nothing changes, since signals do not reach them.
    """

    def __init__(self) -> None:
        self.noted = False
        self._before: dict[signal.Signals, Any] = {}

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.noted = True

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            raising = [s for s in SIGNALS if signal.getsignal(s) is signal.default_int_handler]
            self._before = {s: signal.signal(s, self._note) for s in raising}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for each, handler in self._before.items():
            signal.signal(each, handler)
