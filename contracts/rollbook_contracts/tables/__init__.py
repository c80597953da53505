"""Table definitions in SQLAlchemy Core: ``lms``, ``provisioning``, ``control``; migrations are made to equal them."""

from rollbook_contracts.tables import control, lms, provisioning

ALL_METADATA = (lms.metadata, provisioning.metadata, control.metadata)

__all__ = ["ALL_METADATA", "control", "lms", "provisioning"]
