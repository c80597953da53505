"""What passes between Rollbook's processes: no I/O, no framework; SQLAlchemy only in ``tables``."""
