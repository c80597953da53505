"""Tenants whose facts weigh much are applied apart from their partition, so that the others of it go on."""
