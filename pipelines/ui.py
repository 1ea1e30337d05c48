"""``python -m pipelines.ui``: Dagster's webserver and daemon for workspace.yaml, as ``dagster dev`` starts and ends them together.

Belongs here: what is done before. Runs whose processes were killed are closed, so that the list of runs is true; and the advice
to use ``dg dev`` instead is not shown: that command needs a project of another form, in which Dagster ignores workspace.yaml.
"""

import runpy
import sys
import warnings

import dagster as dg

from pipelines.run_processes import close_and_print

if __name__ == "__main__":
    close_and_print()
    warnings.simplefilter("ignore", dg.SupersessionWarning)
    sys.argv = ["dagster", "dev", "--workspace", "workspace.yaml", *sys.argv[1:]]
    runpy.run_module("dagster", run_name="__main__", alter_sys=True)
