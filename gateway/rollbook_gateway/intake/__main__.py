"""The reading process: takes bodies on stdin, answers on stdout, ends with its gateway; `intake.bodies` starts it."""

import gc
import signal
import sys

from rollbook_gateway.intake.reading import READERS
from rollbook_gateway.intake.wire import answered, refused
from rollbook_gateway.scim.errors import ScimError
from rollbook_gateway.scim.notes import Notes


def serve() -> None:
    """Read one body after the other until the gateway closes its end of the pipe, or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the gateway says when to end
    gc.disable()  # nothing read holds cycles, and a collector would walk hundreds of thousands of objects
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while line := source.readline():
        kind, size = line.split()
        body = source.read(int(size))
        notes: Notes = []
        try:
            sink.writelines(answered(READERS[kind.decode()](body, notes), notes))
        except ScimError as error:
            sink.write(refused(error, notes))
        sink.flush()


serve()
