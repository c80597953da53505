"""Admission: which tenant a token belongs to, known before a request's body is read."""
