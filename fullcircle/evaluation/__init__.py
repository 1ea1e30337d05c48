"""Figures: errors, baselines, latents, intervals."""
