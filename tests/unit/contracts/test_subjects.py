"""Subjects: what is built can be taken apart, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollbook_contracts import subjects
from rollbook_contracts.identifiers import new_id, subject_token
from rollbook_contracts.subjects import FactAddress, parse

PARTITIONS = st.integers(0, 150)
TENANT = new_id("ten")
TEXTS = st.text(st.one_of(st.sampled_from(". * > \r\n"), st.characters(codec="utf-8")))


@given(PARTITIONS)
def test_subjects_of_ids_are_taken_apart_into_what_they_were_built_from(partition: int) -> None:
    """Each kind of subject gives back partition, tenant, kind and name."""
    user = new_id("usr")

    assert parse(subjects.user(partition, TENANT, user)) == FactAddress("fact", partition, TENANT, "user", user)
    assert parse(subjects.tenant_facts(partition, TENANT)) == FactAddress("fact", partition, TENANT, "tenant", TENANT)
    assert parse(subjects.system(partition)) == FactAddress("fact", partition, "", "system", "")
    assert parse(subjects.claim(partition, TENANT, "userName", "h4sh")) == FactAddress(
        "claim", partition, TENANT, "userName", "h4sh"
    )


@given(PARTITIONS, TEXTS)
def test_any_id_stays_inside_its_token(partition: int, user: str) -> None:
    """Whatever a client asks for as an id, its subject has the tokens of a user's and no wildcard."""
    subject = subjects.user(partition, TENANT, user)

    assert parse(subject) == FactAddress("fact", partition, TENANT, "user", subject_token(user))
    assert not set("*> \r\n") & set(subject)
    assert subjects.user_change(TENANT, user) == f"lms.{TENANT}.user.{subject_token(user)}"


@pytest.mark.parametrize(
    "subject",
    [
        "",
        "fact",
        "fact.00",
        "fact.0.system",
        "fact.+1.system",
        "fact.\u0661\u0662.system",
        "fact.xx.system",
        "fact.00.ten_a",
        "fact.00..tenant",
        "fact.00.ten_a.user",
        "fact.00.ten_a.user.",
        "fact.00.ten_a.group",
        "fact.00.ten_a.group.grp_a.staging",
        "fact.00.ten_a.group.grp_a.owners",
        "fact.00.ten_a.course.crs_a",
        "fact.00.ten_a.user.usr_a.members",
        "claim.00.ten_a.userName",
        "lms.ten_a.user.usr_a",
    ],
)
def test_other_subjects_are_refused(subject: str) -> None:
    """What the grammar does not make is no subject of the log."""
    with pytest.raises(ValueError):  # noqa: PT011  # the kind of error is the promise
        parse(subject)


def test_core_subjects() -> None:
    """Markers and notices have two digits for the partition, as the log's subjects have."""
    assert subjects.relay_marker(3) == "relay.03"
    assert subjects.checkpoint_notice(3) == "notice.03.checkpoint"
