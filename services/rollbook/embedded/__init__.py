"""The servers that `rollbook up` brings along: nats-server and PostgreSQL, their data folder and their supervisor.

files, ports, locks       what is kept in a folder: secrets, port numbers, who uses it
account, configuration    the unprivileged account that root hands the servers to; the files of ``deploy/``
process, child            one process with its log; a child that is started, awaited and stopped
nats_server, postgres     the two servers, each usable on its own as an async context manager
data_folder, supervisor   all of one installation's data; all of its processes
"""
