"""Changes: the public events that LMS consumers subscribe to."""
