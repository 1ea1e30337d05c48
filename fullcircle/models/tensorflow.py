"""Quiet: TensorFlow loaded without its banner, and without its advice on how often it compiles.

Belongs here: what cannot be switched off by a setting. Everything else that is said on stderr is meant to be read.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import tempfile

BANNER = re.compile(
    rb"^(?:WARNING: All log messages before absl::InitializeLog\(\) |I0000 .* (?:port|cudart_stub)\.cc:\d+\] ).*\n",
    re.MULTILINE,
)
"""What its libraries say as they are loaded, of oneDNN and of GPUs."""


RETRACING = "triggered tf.function retracing"
"""What it says of the fifth network in a process: each drawing class has its own, compiled once."""


def is_worth_reading(record: logging.LogRecord) -> bool:
    """Whether a record of TensorFlow's logger is not of `RETRACING`."""
    return RETRACING not in record.getMessage()


def load_tensorflow() -> None:
    """Import TensorFlow without its `BANNER` and its `RETRACING`.

    Whatever else its libraries say on stderr is said when they are loaded.

    TensorFlow 2.21 writes these lines before it looks at TF_CPP_MIN_LOG_LEVEL, straight to the file descriptor, so that is where
    they have to be caught.
    """
    if "tensorflow" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("tensorflow").addFilter(is_worth_reading)
    sys.stderr.flush()
    with tempfile.TemporaryFile() as caught:
        stderr = os.dup(2)
        os.dup2(caught.fileno(), 2)
        try:
            import tensorflow  # noqa: F401  to have it loaded
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)
            caught.seek(0)
            os.write(2, without_banner(caught.read()))


def without_banner(said: bytes) -> bytes:
    """What is left of the lines that libraries wrote."""
    return BANNER.sub(b"", said)
