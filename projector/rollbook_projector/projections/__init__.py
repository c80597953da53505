"""Projections: each module keeps one table true to the facts; none knows where they come from."""
