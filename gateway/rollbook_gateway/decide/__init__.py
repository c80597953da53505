"""Pure decisions: a resource's state and a command go in, facts or a typed refusal come out; no I/O, no clock."""
