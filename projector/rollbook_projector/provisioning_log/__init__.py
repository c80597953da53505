"""The provisioning log's way into its table: beside the partitions, and nothing of theirs depends on it.

keeping     the task of a projector process: stores what comes, prunes what is old
consuming   pages from stream REQUESTS, each handed over until it is stored
rows        their rows in provisioning.requests and provisioning.request_counts
"""
