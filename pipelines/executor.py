"""How the steps of a run are executed: each in a process of its own.

Belongs here: the executor of all jobs. Which steps there are is the business of `jobs`, how the run itself is started that of
`launch`.

A training must not share its process with another: TensorFlow's memory and threads end only with it. But a step need not load
Dagster and the definitions again, some two seconds each, and a run has more than a dozen steps and checks. So one process per run
loads them once and forks for each step. That process imports neither TensorFlow nor Keras, whose threads do not survive a fork
(``banned-module-level-imports`` in pyproject.toml holds that), and all steps of a run work with the code that it began with. On
macOS system libraries do not survive a fork either: there each step is a fresh interpreter.
"""

import sys

import dagster as dg

START_METHOD = "forkserver" if sys.platform == "linux" else "spawn"

EXECUTOR = dg.multiprocess_executor.configured({"max_concurrent": 2, "start_method": {START_METHOD: {}}})
