"""Operators' decisions about tenants and tokens; called by the command line."""
