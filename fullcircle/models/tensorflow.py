"""TensorFlow loaded without its banner, and without its advice on how often it compiles.

Belongs here: what cannot be switched off by a setting. Everything else that is written to stderr is meant to be read.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys

BANNER = rb"^(?:WARNING: All log messages before absl::InitializeLog\(\) |I0000 .* (?:port|cudart_stub)\.cc:\d+\] ).*\n"
"""A line of what its libraries say as they are loaded, of oneDNN and of GPUs."""

FILTER = """
import re, signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
banner = re.compile(sys.argv[1].encode())
for line in sys.stdin.buffer:
    if not banner.match(line):
        sys.stderr.buffer.write(line)
        sys.stderr.buffer.flush()
"""
"""The program of the process that lets everything through but the banner."""

FILTER_SECONDS = 10.0
"""How long it may take to let the rest through."""

RETRACING = "triggered tf.function retracing"
"""What it says of the fifth network in a process: each drawing class has its own, compiled once."""


def is_worth_reading(record: logging.LogRecord) -> bool:
    """Whether a record of TensorFlow's logger is not of `RETRACING`."""
    return RETRACING not in record.getMessage()


def load_tensorflow() -> None:
    """Import TensorFlow without its `BANNER` and its `RETRACING`.

    Whatever else its libraries write to stderr appears at once. TensorFlow 2.21 writes the banner before it looks at
    TF_CPP_MIN_LOG_LEVEL, straight to the file descriptor, so that is where it has to be caught: by another process, for what a
    library says before it aborts this one must be let through too.
    """
    if "tensorflow" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("tensorflow").addFilter(is_worth_reading)
    sys.stderr.flush()
    # Isolated and without site: it starts in a hundredth of a second, and nothing of this environment can get in its way.
    command = [sys.executable, "-I", "-S", "-c", FILTER, BANNER.decode()]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=2) as through:
        assert through.stdin is not None
        stderr = os.dup(2)
        os.dup2(through.stdin.fileno(), 2)
        try:
            import tensorflow  # noqa: F401  to have it loaded
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)
            through.stdin.close()
            try:
                through.wait(FILTER_SECONDS)
            except subprocess.TimeoutExpired:  # a process that was started meanwhile keeps the pipe open
                through.kill()
