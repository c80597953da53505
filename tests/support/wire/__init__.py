"""The checklist of what providers send, tests/contract/wire-cases.json, with a check for each of its cases."""
