"""The grammar of NATS subjects: where each kind of fact, claim and change stands; built and parsed only here."""

from dataclasses import dataclass
from typing import Literal

from rollbook_contracts.identifiers import subject_token

ClaimAttribute = Literal["userName", "identifier", "displayName"]


def user(partition: int, tenant: str, user_id: str) -> str:
    """``fact.<pp>.<tenant>.user.<id>``: every fact of one user, the last one being the user's state."""
    return f"fact.{partition:02d}.{tenant}.user.{subject_token(user_id)}"


def group(partition: int, tenant: str, group_id: str) -> str:
    """``fact.<pp>.<tenant>.group.<id>``: a group's head (displayName, externalId); the last one is the head's state."""
    return f"fact.{partition:02d}.{tenant}.group.{subject_token(group_id)}"


def group_members(partition: int, tenant: str, group_id: str) -> str:
    """``fact.<pp>.<tenant>.group.<id>.members``: who was added and removed, in order, until the group is gone."""
    return f"{group(partition, tenant, group_id)}.members"


def group_staging(partition: int, tenant: str, group_id: str, staging: str) -> str:
    """``fact.<pp>.<tenant>.group.<id>.staging.<sid>``: the chunks of one replacement of all members."""
    return f"{group(partition, tenant, group_id)}.staging.{subject_token(staging)}"


def tenant_facts(partition: int, tenant: str) -> str:
    """``fact.<pp>.<tenant>.tenant``: the tenant's creation and settings."""
    return f"fact.{partition:02d}.{tenant}.tenant"


def facts_of_tenant(partition: int, tenant: str) -> str:
    """``fact.<pp>.<tenant>.>``: every fact of a tenant, its people's and groups' too."""
    return f"fact.{partition:02d}.{tenant}.>"


def system(partition: int) -> str:
    """``fact.<pp>.system``: epochs and parking decisions of one partition."""
    return f"fact.{partition:02d}.system"


def claim(partition: int, tenant: str, attribute: ClaimAttribute, digest: str) -> str:
    """``claim.<pp>.<tenant>.<attribute>.<hash>``: who holds one unique value."""
    return f"claim.{partition:02d}.{tenant}.{attribute}.{digest}"


def user_change(tenant: str, user_id: str) -> str:
    """``lms.<tenant>.user.<id>``: the changes of one user, for LMS consumers."""
    return f"lms.{tenant}.user.{subject_token(user_id)}"


def group_change(tenant: str, group_id: str) -> str:
    """``lms.<tenant>.group.<id>``: the changes of one group and of its members, for LMS consumers."""
    return f"lms.{tenant}.group.{subject_token(group_id)}"


def relay_marker(partition: int, apart: str = "") -> str:
    """``relay.<pp>``: in stream CHANGES, how far the changes of a partition were published.

    ``relay.<pp>-<tenant>`` says so of a tenant that is applied apart from its partition.
    """
    return f"relay.{partition:02d}-{apart}" if apart else f"relay.{partition:02d}"


def answered_requests() -> str:
    """``requests.answered``: entries of the provisioning log, by the page, on their way to its table."""
    return "requests.answered"


def checkpoint_notice(partition: int) -> str:
    """``notice.<pp>.checkpoint``: core NATS wake-up that a partition's checkpoint moved; never proof of anything."""
    return f"notice.{partition:02d}.checkpoint"


@dataclass(frozen=True, slots=True)
class FactAddress:
    """What a log subject says.

    ``tenant`` is empty for system facts; ``name`` is a resource id, as the token that stands for it, or a claim's hash;
    ``staging`` is set for the chunks of a staged replacement.
    """

    space: Literal["fact", "claim"]
    partition: int
    tenant: str
    kind: str
    name: str
    staging: str = ""


def parse(subject: str) -> FactAddress:
    """Take a log subject apart; raises ``ValueError`` for a subject that this grammar does not make."""
    tokens = subject.split(".")
    if all(tokens):
        match tokens:
            case ["fact", partition, "system"]:
                return FactAddress("fact", _number(partition), "", "system", "")
            case ["fact", partition, tenant, "tenant"]:
                return FactAddress("fact", _number(partition), tenant, "tenant", tenant)
            case ["fact", partition, tenant, "user" | "group" as kind, name]:
                return FactAddress("fact", _number(partition), tenant, kind, name)
            case ["fact", partition, tenant, "group", name, "members"]:
                return FactAddress("fact", _number(partition), tenant, "members", name)
            case ["fact", partition, tenant, "group", name, "staging", staging]:
                return FactAddress("fact", _number(partition), tenant, "staging", name, staging)
            case ["claim", partition, tenant, attribute, digest]:
                return FactAddress("claim", _number(partition), tenant, attribute, digest)
    raise ValueError(f"no subject of the log: {subject!r}")


def _number(token: str) -> int:
    number = int(token)
    if f"{number:02d}" != token:
        raise ValueError(f"no partition: {token!r}")
    return number
