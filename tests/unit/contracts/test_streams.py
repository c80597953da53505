"""Stream definitions: what is asked of the server, and in what a stream may not differ."""

from typing import Any

import pytest

from rollbook_contracts.streams import StreamDefinition, Topology, provisioning

TOPOLOGY = Topology(2, 1, "fingerprint", "sha256-32-mod", max_bytes=1000)


def as_the_server_shows(definition: StreamDefinition) -> dict[str, Any]:
    """Return a definition's configuration with the server's additions, and without what it leaves out."""
    shown = {key: value for key, value in definition.config().items() if value not in (False, 0)}
    shown["metadata"] = {**shown["metadata"], "_nats.ver": "2.15.1"}
    return {**shown, "max_consumers": -1, "duplicate_window": 120_000_000_000}


@pytest.mark.parametrize("definition", [*TOPOLOGY.log_streams(), TOPOLOGY.changes_stream()], ids=lambda one: one.name)
def test_stream_as_defined_differs_in_nothing(definition: StreamDefinition) -> None:
    """What the server adds of its own, and what it leaves out as false or zero, is no difference."""
    assert definition.differences(as_the_server_shows(definition)) == []


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"storage": "memory"}, "PROVISIONING-00: storage is 'memory', must be 'file'"),
        ({"max_age": 1}, "PROVISIONING-00: max_age is 1, must be 0"),
        ({"allow_atomic": False}, "PROVISIONING-00: allow_atomic is False, must be True"),
        ({"allow_rollup_hdrs": True}, "PROVISIONING-00: allow_rollup_hdrs is True, must be False"),
        ({"discard": "old"}, "PROVISIONING-00: discard is 'old', must be 'new'"),
        ({"subjects": ["fact.00.>"]}, "PROVISIONING-00: subjects is ['fact.00.>'], must be"),
        ({"num_replicas": 3}, "PROVISIONING-00: num_replicas is 3, must be 1"),
        ({"metadata": {}}, "PROVISIONING-00: metadata rollbook-claim-key is None, must be 'fingerprint'"),
        ({"metadata": None}, "PROVISIONING-00: metadata rollbook-partitions is None, must be '2'"),
    ],
)
def test_difference_is_named(change: dict[str, Any], named: str) -> None:
    """A stream that would break a promise is told from the definition, with both values."""
    definition = TOPOLOGY.log_streams()[0]

    found = definition.differences(as_the_server_shows(definition) | change)

    assert any(sentence.startswith(named) for sentence in found)


@pytest.mark.parametrize("missing", ["storage", "deny_purge", "allow_atomic", "retention", "subjects"])
def test_what_a_server_leaves_out_is_a_difference(missing: str) -> None:
    """A key that must be set and is not there at all is a difference too."""
    definition = TOPOLOGY.log_streams()[0]
    shown = as_the_server_shows(definition)
    del shown[missing]

    assert [sentence for sentence in definition.differences(shown) if f": {missing} is" in sentence]


def test_size_is_the_operators_business() -> None:
    """A stream that was given more room is left alone."""
    definition = TOPOLOGY.log_streams()[0]

    assert definition.differences(as_the_server_shows(definition) | {"max_bytes": 5}) == []


def test_subjects_of_partitions_do_not_overlap() -> None:
    """Each partition's stream takes its own facts and claims, the changes' stream neither."""
    subjects = [subject for stream in TOPOLOGY.log_streams() for subject in stream.subjects]

    assert subjects == ["fact.00.>", "claim.00.>", "fact.01.>", "claim.01.>"]
    assert TOPOLOGY.changes_stream().subjects == ("lms.>", "relay.*")
    assert provisioning(7) == "PROVISIONING-07"


def test_streams_are_kept_for_ever() -> None:
    """Nothing ages out, nothing is purged or rolled up, a full stream refuses rather than forgets."""
    for definition in (*TOPOLOGY.log_streams(), TOPOLOGY.changes_stream()):
        config = definition.config()
        assert (config["storage"], config["discard"], config["retention"]) == ("file", "new", "limits")
        assert (config["max_age"], config["deny_purge"], config["allow_rollup_hdrs"]) == (0, True, False)


def test_requests_are_forgotten() -> None:
    """The provisioning log's stream forgets by age, and what it has had longest when it is full."""
    definition = TOPOLOGY.requests_stream()
    config = definition.config()

    assert (config["storage"], config["discard"], config["max_age"]) == ("file", "old", 7 * 24 * 3600 * 10**9)
    assert (config["deny_purge"], config["allow_atomic"], definition.subjects) == (False, False, ("requests.answered",))
    assert definition.differences(as_the_server_shows(definition)) == []
