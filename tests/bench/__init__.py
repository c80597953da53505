"""The bench: `make bench` loads what `rollbook up` starts, over HTTP from a process of its own, and measures.

run                       the command: starts the stack, runs the cells, writes the figures
cells                     what is measured, in order
load, http, rendering     the load process: raw keep-alive connections that send requests rendered before
stack, pipeline           the running stack; how far rows and changes are
processes                 their memory, and who else used the machine
lag                       from an answer to the row and to the change
replaying, filling        a log of many events, and the tables computed from it
profiling                 where the time goes
report                    the table for people, with the marks
"""
