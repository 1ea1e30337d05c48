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
    "MAX_RUNTIME_TAG",
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

MAX_RUNTIME_TAG = "dagster/max_runtime"
"""The tag with the seconds after which Dagster's monitoring ends a run; Dagster's, which has no public name for it."""

UNATTENDED = {MAX_RUNTIME_TAG: str(24 * 60 * 60)}
"""Tags of every run that a schedule or a sensor asks for: nobody watches it, and one that hangs would hold its pool for ever."""

BACKFILL_TAG = "dagster/backfill"
"""The tag of a run that belongs to a backfill; Dagster's, which has no public name for it."""
