"""Conditional requests by weak ETags (RFC 7644, 3.14; RFC 9110, 13.1)."""

from rollbook_gateway.scim.errors import ErrorKind, ScimError
from rollbook_gateway.scim.rendering import etag


def check_if_match(if_match: str | None, version: int | str) -> None:
    """Raise ``preconditionFailed`` where the condition names versions and the present one is not among them."""
    if if_match is not None and not _names(if_match, version):
        raise ScimError(
            ErrorKind.PRECONDITION_FAILED,
            f"The resource is at version {etag(version)}, which If-Match ({if_match[:100]}) does not name: read it "
            "again and repeat the change.",
        )


def not_modified(if_none_match: str | None, version: int | str) -> bool:
    """Say whether the sender has the present version already."""
    return if_none_match is not None and _names(if_none_match, version)


def _names(condition: str, version: int | str) -> bool:
    if condition.strip() == "*":
        return True
    wanted = etag(version).removeprefix("W/")
    return any(tag.strip().removeprefix("W/") == wanted for tag in condition.split(","))
