"""Trainings: one loop, and what is trained by it."""
