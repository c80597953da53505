"""What docs/idp.md says was chosen where a request leaves a choice, as a client meets it."""

import pytest

from support.people import ada
from support.product import Product
from support.scim import Scim


@pytest.fixture
async def scim(product: Product) -> Scim:
    """Lend a tenant of its own."""
    return await product.new_tenant(default_region="EMEA")


async def test_active_is_always_shown_and_silence_changes_nothing(scim: Scim) -> None:
    """Whoever was created without it is active in every read and filter; a leaver stays one until somebody says so."""
    created = await scim.created(ada(active=None))
    path = f"/Users/{created['id']}"
    assert created["active"] is True
    assert (await scim.get(path)).body["active"] is True
    assert [found["active"] for found in await scim.find("active eq true")] == [True]

    await scim.patch(path, {"op": "replace", "path": "active", "value": False})
    for sent in (None, ""):
        assert (await scim.put(path, ada(active=sent, title=f"Left {sent!r}"))).body["active"] is False
        for operation in ({"path": "active", "value": sent}, {"value": {"active": sent, "nickName": f"{sent!r}"}}):
            assert (await scim.patch(path, {"op": "replace", **operation})).body["active"] is False
    assert (await scim.patch(path, {"op": "remove", "path": "active"})).body["active"] is False
    assert await scim.find("active eq true") == []
    assert [found["active"] for found in await scim.find("active eq false")] == [False]
    assert (await scim.put(path, ada())).body["active"] is True
