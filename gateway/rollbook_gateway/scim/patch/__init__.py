"""PATCH on documents (RFC 7644, 3.5.2): one module for each verb; ``apply`` takes a whole message through them."""
