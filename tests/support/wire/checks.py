"""The check of each case, found by its name: ``a01_…`` in a module of ``sections`` checks A01."""

import re
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Final, TypeAlias

from support.wire.organization import Wire
from support.wire.sections import (
    connection,
    creation,
    discovery,
    groups,
    managers,
    matching,
    misprints,
    patching,
    replacing,
)

Check: TypeAlias = Callable[[Wire], Awaitable[None]]

_NAME: Final = re.compile(r"([a-z]\d\d)_\w+")
_MODULES: Final = (connection, discovery, matching, creation, patching, managers, misprints, replacing, groups)


@cache
def checks() -> Mapping[str, Check]:
    """Return the checks by the ids of their cases."""
    found: dict[str, Check] = {}
    for module in _MODULES:
        for name, member in vars(module).items():
            if match := _NAME.fullmatch(name):
                case_id = match[1].upper()
                assert case_id not in found, f"{case_id} has two checks"
                found[case_id] = member
    return MappingProxyType(found)
