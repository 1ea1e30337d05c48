"""Full Circle, the library: write a class that draws, get back its inverse.

Belongs here: everything that needs no orchestrator (factors, drawings, examples, models, training, reports).
Does not belong here: Dagster. Imports point one way, ``pipelines -> assets -> fullcircle``; a test holds them to it.
"""
