"""The wiring: which assets, jobs, resources and storage make one Dagster code location.

Belongs here: when and where things run. Does not belong here: what an asset is (`assets`) or does (`fullcircle`).
"""
