"""Replays: the tables computed again, compared with the log, and past changes sent once more."""
