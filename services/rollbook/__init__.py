"""Rollbook's running assemblies: the command line, the composition roots, the embedded servers; no business rule."""
