"""Brings a database to the newest schema; called at the start of every process that needs the tables."""

from rollbook_projector.migrations.upgrade import upgrade

__all__ = ["upgrade"]
