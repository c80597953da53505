"""Who is named by a value that a group or a person was sent with, and what becomes of it: pure."""
