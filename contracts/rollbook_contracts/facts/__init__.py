"""Facts: the events of the log, in the past tense, one module for each kind of thing they are about."""
