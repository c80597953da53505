"""The partition function never changes: tenants would lose their facts."""

import pytest

from rollbook_contracts.partitions import FUNCTION, partition_of

GOLDEN = {
    "ten_01kb1cbm8rfvnm0g2v3w4x5y6z": (0, 1, 13),
    "ten_01kb1cbm8rfvnm0g2v3w4x5y70": (0, 0, 12),
    "ten_01kb1cbm8rfvnm0g2v3w4x5y71": (0, 2, 14),
    "ten_a": (0, 2, 6),
}
"""Tenant → its partition of 1, of 4, of 16."""


@pytest.mark.parametrize("tenant", GOLDEN)
def test_tenant_keeps_its_partition(tenant: str) -> None:
    """Each tenant is where it always was."""
    assert tuple(partition_of(tenant, partitions) for partitions in (1, 4, 16)) == GOLDEN[tenant]


def test_function_keeps_its_name() -> None:
    """The name in the streams' metadata belongs to this function."""
    assert FUNCTION == "sha256-32-mod"


def test_tenants_spread() -> None:
    """Many tenants use every partition about alike."""
    counts = [0] * 4
    for number in range(4000):
        counts[partition_of(f"ten_{number}", 4)] += 1

    assert min(counts) > 850
