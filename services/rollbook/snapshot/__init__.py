"""A directory snapshot, compared with the tables and applied through the gateway; `rollbook import` runs it.

lines                     what a snapshot says: people, groups, memberships, managers, each with its place in the files
text, rows                the lines of files, whatever program wrote them, and the rows of CSV
records, spreadsheet      lines and rows as JSON objects
reading                   records become lines; every problem is kept with its place
present                   what the tables hold of the tenant
names                     whom a value names: the rule by which references link
people, groups, managers  the three parts of the comparison: pure, from lines and tables to steps
comparison                the whole of it, in order, with what is left alone
steps, requests           what is to be done, and the SCIM request that does it
applying                  steps sent through the gateway, many at once
telling                   steps as rows to print
importing                 compare, apply, compare again, until nothing is left to do
"""
