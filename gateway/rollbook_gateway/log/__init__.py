"""The event log as the gateway sees it: append with guards, read from the leader; it knows no SCIM."""
