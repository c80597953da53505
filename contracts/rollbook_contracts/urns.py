"""The schema URNs of the documents of people and groups."""

from typing import Final

GROUP: Final = "urn:ietf:params:scim:schemas:core:2.0:Group"
USER: Final = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
ILMS: Final = "urn:ietf:params:scim:schemas:extension:ilms:2.0:User"
