"""The bodies of groups, up to 32 MiB: read, checked and cut; large ones in a process beside the gateway's own."""
