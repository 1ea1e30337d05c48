"""Tags of runs, beside Dagster's own: what launches, follows and groups them looks them up by."""

from assets.materialization import ASKED_TAG, FORCE_TAG

__all__ = [
    "ASKED_FOR_TAG",
    "ASKED_TAG",
    "BACKFILL_TAG",
    "BECAUSE_TAG",
    "FORCE_TAG",
    "GROUP_TAG",
    "LAUNCH_TAG",
    "SEED_TAG",
    "UNATTENDED",
]

LAUNCH_TAG = "full_circle/launch"
"""One launch of `make run`, by a name of its own: its run and the file with all that the run's processes print."""

GROUP_TAG = "full_circle/group"
"""The runs that one command launched for several partitions; the UI's list of runs filters by it."""

ASKED_FOR_TAG = "full_circle/asked_for"
"""What a sensor asked for, as a hash: runs that it asked for again after one failed have the same."""

BECAUSE_TAG = "full_circle/because"
"""Why a sensor asked for a run, in a sentence."""

SEED_TAG = "full_circle/seed"
"""The seed that a schedule gave the runs of a tick."""

UNATTENDED = {
    "dagster/max_runtime": str(24 * 60 * 60),
    "dagster/max_retries": "1",
    "dagster/retry_strategy": "ALL_STEPS",
}
"""Tags of every run that a schedule or a sensor asks for; Dagster's own, which have no public names.

Nobody watches such a run. One that hangs would hold its pool for ever, so it is ended after a day. One whose processes were
killed is executed once more, all of it: a step takes what it had made before from the store.
"""

BACKFILL_TAG = "dagster/backfill"
"""The tag of a run that belongs to a backfill; Dagster's, which has no public name for it."""
