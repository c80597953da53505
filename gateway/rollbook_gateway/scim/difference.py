"""What a write changes: the names of the attributes that differ, as facts and change events carry them."""

from rollbook_gateway.scim.values import Document

_EXTENSION = "urn:"


def changed_attributes(old: Document, new: Document) -> list[str]:
    """Return the top-level attributes that differ, sorted; those of an extension as ``URN:name``."""
    changed = []
    for name in old.keys() | new.keys():
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        if name.startswith(_EXTENSION):
            changed += [f"{name}:{inner}" for inner in changed_attributes(before or {}, after or {})]
        else:
            changed.append(name)
    return sorted(changed)
