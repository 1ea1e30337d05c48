"""Benchmarks: side by side with what a user would use instead, each a module that prints a table and writes it to `results`."""
