"""The assets: thin, they call the library and say what was made.

Belongs here: keys, partitions, descriptions, metadata, checks. One file per room; the checks stand beside them.
Does not belong here: mathematics (`fullcircle`), when and where anything runs (`pipelines`). Heavy imports stay inside functions.
"""

import warnings

import dagster as dg

# Partitioned checks and code references: Dagster calls them preview and beta each time that a process loads the definitions.
warnings.simplefilter("ignore", dg.PreviewWarning)
warnings.simplefilter("ignore", dg.BetaWarning)
