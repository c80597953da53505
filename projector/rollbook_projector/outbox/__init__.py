"""The outbox: changes wait in a table, written with their cause, until the relay has put them into stream CHANGES."""
