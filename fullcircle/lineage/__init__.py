"""The audit: where a version comes from, what was made from it, whether all of it is still true, and making it again.

Belongs here: walking the ledger and holding the store against it. Nothing here changes either.
Does not belong here: the ledger itself, its chain and its checkpoints (`store`), Dagster's events (`pipelines.audit`).
"""
