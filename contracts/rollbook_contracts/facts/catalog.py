"""The catalog of facts: wire type and version → class; the codec and the documentation read it."""

from types import MappingProxyType
from typing import Final, TypeAlias

import msgspec

from rollbook_contracts.facts.claim import ClaimReleased, ClaimTaken
from rollbook_contracts.facts.group import GroupCreated, GroupDeleted, GroupUpdated
from rollbook_contracts.facts.membership import (
    MembersAdded,
    MembersClosed,
    MembersRemoved,
    MembersReplaced,
    StagingAbandoned,
    StagingChunk,
    StagingCommitted,
)
from rollbook_contracts.facts.system import EpochCorrected, EpochStarted, ParkDiscarded, ParkRetried
from rollbook_contracts.facts.tenant import TenantCreated, TenantDisabled, TenantEnabled, TenantSettingsChanged
from rollbook_contracts.facts.user import (
    UserClaimsChanged,
    UserCreated,
    UserDeactivated,
    UserDeleted,
    UserReactivated,
    UserUpdated,
)

Fact: TypeAlias = (
    UserCreated
    | UserUpdated
    | UserDeactivated
    | UserReactivated
    | UserClaimsChanged
    | UserDeleted
    | GroupCreated
    | GroupUpdated
    | GroupDeleted
    | MembersAdded
    | MembersRemoved
    | MembersReplaced
    | MembersClosed
    | StagingChunk
    | StagingCommitted
    | StagingAbandoned
    | ClaimTaken
    | ClaimReleased
    | TenantCreated
    | TenantSettingsChanged
    | TenantEnabled
    | TenantDisabled
    | EpochStarted
    | EpochCorrected
    | ParkRetried
    | ParkDiscarded
)

FACTS: Final = MappingProxyType[str, type[msgspec.Struct]](
    {
        "user.created.v1": UserCreated,
        "user.updated.v1": UserUpdated,
        "user.deactivated.v1": UserDeactivated,
        "user.reactivated.v1": UserReactivated,
        "user.claims_changed.v1": UserClaimsChanged,
        "user.deleted.v1": UserDeleted,
        "group.created.v1": GroupCreated,
        "group.updated.v1": GroupUpdated,
        "group.deleted.v1": GroupDeleted,
        "members.added.v1": MembersAdded,
        "members.removed.v1": MembersRemoved,
        "members.replaced.v1": MembersReplaced,
        "members.closed.v1": MembersClosed,
        "staging.chunk.v1": StagingChunk,
        "staging.committed.v1": StagingCommitted,
        "staging.abandoned.v1": StagingAbandoned,
        "claim.taken.v1": ClaimTaken,
        "claim.released.v1": ClaimReleased,
        "tenant.created.v1": TenantCreated,
        "tenant.settings_changed.v1": TenantSettingsChanged,
        "tenant.enabled.v1": TenantEnabled,
        "tenant.disabled.v1": TenantDisabled,
        "epoch.started.v1": EpochStarted,
        "epoch.corrected.v1": EpochCorrected,
        "park.retried.v1": ParkRetried,
        "park.discarded.v1": ParkDiscarded,
    },
)
