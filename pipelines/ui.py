"""``python -m pipelines.ui``: Dagster's webserver and daemon for workspace.yaml, as ``dagster dev`` starts and ends them together.

Belongs here: only that Dagster's advice to use ``dg dev`` instead is not shown; that command needs a project of another form, in
whose presence Dagster ignores workspace.yaml.
"""

import runpy
import sys
import warnings

import dagster as dg

if __name__ == "__main__":
    warnings.simplefilter("ignore", dg.SupersessionWarning)
    sys.argv = ["dagster", "dev", "--workspace", "workspace.yaml", *sys.argv[1:]]
    runpy.run_module("dagster", run_name="__main__", alter_sys=True)
