"""The schema URNs of a person's document."""

from typing import Final

USER: Final = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
ILMS: Final = "urn:ietf:params:scim:schemas:extension:ilms:2.0:User"
