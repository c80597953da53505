"""Conditional requests by weak ETags (RFC 7644, 3.14; RFC 9110, 13.1)."""

from rollbook_gateway.scim.errors import ErrorKind, ScimError
from rollbook_gateway.scim.rendering import etag


def check_conditions(if_match: str | None, if_none_match: str | None, version: int | str) -> None:
    """Raise ``preconditionFailed`` where a write's conditions do not hold for the resource, which is there.

    ``If-Match`` must name the present version, ``If-None-Match`` must not; ``*`` names any (RFC 9110, 13.2.2).
    """
    if if_match is not None and not _names(if_match, version):
        raise not_matched(if_match, version)
    if if_none_match is not None and _names(if_none_match, version):
        raise ruled_out(if_none_match, version)


def not_modified(if_none_match: str | None, version: int | str) -> bool:
    """Say whether the sender has the present version already."""
    return if_none_match is not None and _names(if_none_match, version)


def not_matched(if_match: str, version: int | str) -> ScimError:
    """Return the refusal of a write whose If-Match does not name the present version."""
    return ScimError(
        ErrorKind.PRECONDITION_FAILED,
        f"The resource is at version {etag(version)}, which If-Match ({if_match[:100]}) does not name: read it "
        "again and repeat the change.",
    )


def ruled_out(if_none_match: str, version: int | str) -> ScimError:
    """Return the refusal of a write whose If-None-Match names the present version."""
    return ScimError(
        ErrorKind.PRECONDITION_FAILED,
        f"The resource is there, at version {etag(version)}, which If-None-Match ({if_none_match[:100]}) rules out: "
        "nothing was changed.",
    )


def _names(condition: str, version: int | str) -> bool:
    if condition.strip() == "*":
        return True
    wanted = etag(version).removeprefix("W/")
    return any(tag.strip().removeprefix("W/") == wanted for tag in condition.split(","))
