"""SCIM 2.0 as pure functions on JSON documents: schemas, documents, PATCH, filters, rendering; no HTTP, no storage."""
