"""``python -m pipelines.code_server``: the code location as a server of its own, which deploy/compose.yaml starts in a container.

Belongs here: what is done before it serves. Its runs die with it, for example when its container is replaced; those are closed
when it starts again, so that the list of runs is true and no pool waits for them. What comes after the module's name is given to
``dagster api grpc``.
"""

import runpy
import sys

from pipelines.run_processes import close_and_print

if __name__ == "__main__":
    close_and_print()
    sys.argv = ["dagster", "api", "grpc", "--module-name", "pipelines.definitions", *sys.argv[1:]]
    runpy.run_module("dagster", run_name="__main__", alter_sys=True)
