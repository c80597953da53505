"""Searches of people: a filter becomes SQL over ``lms.users``, answered only from a table that holds every write.

columns      which attributes have a column, which stand in the search document
compile      filter → condition in SQL
statement    condition → one statement that reads the page and the proof of its freshness from one snapshot
freshness    waits until the projector has applied what was accepted before the request
parked       people whose rows are behind because their facts are parked
users, rows  what the requests ask
database     the pool, and what its failures mean
"""
