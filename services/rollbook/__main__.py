"""``python -m rollbook``: the command line, as `rollbook up` starts its own processes."""

from rollbook.cli import main

main()
