"""What strangers do, counted: one line tells of many."""

from structlog.testing import capture_logs

from rollbook_gateway.edge.refusals import Refusals


def test_one_line_a_minute_tells_of_all() -> None:
    """The first is told of within a second, those after it once a minute; what is left at the end is told then."""
    now = 0.0
    refusals = Refusals(lambda: now)
    with capture_logs() as lines:
        for second in range(90):
            now = float(second)
            for _ in range(1000):
                refusals.count("requests.without_token", "401")
            refusals.count("connections.closed", "silent")
            refusals.tell()
        refusals.tell(now=True)
        refusals.tell(now=True)
    told = [line["counts"] for line in lines if line["event"] == "requests.without_token"]
    assert [counts["401"] for counts in told] == [1000, 60_000, 29_000]
    assert len(lines) == 6
