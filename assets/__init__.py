"""The assets: thin, they call the library and say what was made.

Belongs here: keys, partitions, descriptions, metadata, checks. One file per room; the checks stand beside them.
Does not belong here: mathematics (`fullcircle`), when and where anything runs (`pipelines`). Heavy imports stay inside functions.
"""
