"""Searches of people and groups: a filter becomes SQL over ``lms.*``, answered only from tables that hold every write.

columns                 how attributes stand in SQL; user_columns, group_columns: those of people and groups
compile                 filter → condition in SQL
statement               condition → one statement that reads the page and the proof of its freshness from one snapshot
freshness               waits until the projector has applied what was accepted before the request
pages                   both together: how every page is found
parked, last_facts      resources whose rows are behind because their facts are parked, and what the log says of them
group_members, members  the members of the groups on a page, read in parts of the same snapshot
users, groups, rows     what the requests ask
database                the pool, and what its failures mean
"""
