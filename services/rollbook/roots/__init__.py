"""Composition roots: one for each process, the only places where parts meet."""
