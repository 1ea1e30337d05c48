"""``python -m pipelines.code_server``: the code location as a server of its own, which deploy/compose.yaml starts in a container.

Belongs here: what is done before it serves. Its runs die with it, for example when its container is replaced; those are closed
when it starts again, so that the list of runs is true and no pool waits for them. What comes after the module's name is given to
``dagster api grpc``.
"""

import runpy
import sys

import dagster as dg

from pipelines.run_processes import close_dead_runs, name_of

if __name__ == "__main__":
    with dg.DagsterInstance.get() as instance:
        for closed in close_dead_runs(instance):
            print(f"Closed {name_of(closed)}: its processes were gone.", flush=True)
    sys.argv = ["dagster", "api", "grpc", "--module-name", "pipelines.definitions", *sys.argv[1:]]
    runpy.run_module("dagster", run_name="__main__", alter_sys=True)
