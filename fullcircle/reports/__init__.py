"""Figures and pictures of a finished model, as report.json and a page."""
