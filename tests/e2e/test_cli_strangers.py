"""What strangers call themselves is shown by every command as the text it is, and does nothing to a terminal."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import asyncpg
import msgspec
import pytest
import typer
from typer.core import TyperGroup

from rollbook.cli import build
from rollbook.printable import printable
from rollbook_contracts.settings import CustomField
from rollbook_contracts.urns import ENTERPRISE
from support.commands import one_by_one
from support.product import Product, tenant_name
from support.scim import Scim

pytestmark = pytest.mark.timeout(240)

NAMES: Final = (
    "[/x]",
    "[link=http://e.x]pay[/link]",
    ":smile:",
    "\x1b]0;T\x07\x1b[31m",
    "\x9b31m\x7f",
    "a\r\nFAKE",
    "\u202eb\u2066\u200b\u2028c",
)
"""Markup of rich, an emoji's name, a title and a colour of a terminal, both again, a second line, bidi controls."""

RUN: Final[dict[str, Sequence[str]]] = {
    "tenant create": ["{tenant}-b", "--region", NAMES[3], "--custom-field", f"1={NAMES[5]}"],
    "tenant list": [],
    "tenant show": ["{tenant}"],
    "tenant disable": ["{tenant}-b"],
    "tenant enable": ["{tenant}-b"],
    "tenant set": ["{tenant}-b", "--division", NAMES[6], "--department", f"{NAMES[3]},{NAMES[5]}"],
    "token issue": ["--tenant", "{tenant}", "--label", "".join(NAMES), "--expires-in", "2h"],
    "token list": ["--tenant", "{tenant}"],
    "token revoke": ["".join(NAMES)],
    "token rotate": ["".join(NAMES)],
    "token regenerate": ["--tenant", "{tenant}-b", "--label", "".join(NAMES)],
    "guide": ["entra", "--tenant", "{tenant}", "--token"],
    "users": ["--tenant", "{tenant}"],
    "groups": ["--tenant", "{tenant}"],
    "group show": ["{group}"],
    "pending": ["--tenant", "{tenant}"],
    "import": ["{file}", "--tenant", "{tenant}", "--dry-run", "--verbose"],
    "log": ["--tenant", "{tenant}"],
    "cycles": ["--tenant", "{tenant}"],
    "tail": ["--tenant", "{tenant}", "--since", "1", "--no-follow"],
    "status": [],
    "verify": [],
    "replay": ["--to", "".join(NAMES), "--tenant", "{tenant}"],
    "rebuild": [],
    "epoch start": [],
    "parked list": ["--tenant", "{tenant}"],
    "parked retry": ["0", "9999999"],
    "parked discard": ["0", "9999999"],
}
"""How each command is run; a new one has its place here, or below."""
NOT_RUN: Final = {
    "up": "serves until it is stopped, and tells only of its own addresses",
    "gateway": "as up",
    "projector": "as up",
    "demo entra": "all its people are made up by Rollbook",
    "demo okta": "as demo entra",
}
SHOW_ALL: Final = (
    "tenant show",
    "guide",
    "users",
    "groups",
    "group show",
    "pending",
    "import",
    "log",
    "tail",
    "verify",
)
SHOW_ALL_JSON: Final = ("tenant show", "users", "groups", "group show", "pending", "import", "log", "verify")
"""What prints every name: escaped in a table, exactly in JSON."""


def commands(command: Any = None, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Walk the command line."""
    command = command or typer.main.get_command(build())
    if isinstance(command, TyperGroup):
        for name, each in command.commands.items():
            yield from commands(each, (*path, name))
    else:
        yield " ".join(path)


def strings(value: Any) -> Iterator[str]:
    """Yield every string in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from strings(inner)


def test_every_command_is_run_or_says_why_not() -> None:
    """A new command cannot be forgotten."""
    assert sorted(commands()) == sorted([*RUN, *NOT_RUN])


async def provisioned(scim: Scim, folder: Path) -> dict[str, str]:
    """Provision people and a group by these names; return what stands for the braces in ``RUN``."""
    people = []
    for name in NAMES:
        body = {"userName": name, "displayName": name, "externalId": name, "title": name}
        person = await scim.created({**body, ENTERPRISE: {"manager": f"boss {name}"}})
        people.append({"value": person["id"]})
        assert (await scim.post("/Users", body)).status == 409
        assert (await scim.post("/Groups", {"displayName": name, "externalId": name})).status == 201
    waiting = [{"value": f"who {name}"} for name in NAMES]
    group = await scim.post("/Groups", {"displayName": "Learners", "members": [*people, *waiting]})
    assert group.status == 201, group
    assert (await scim.get("/Users?count=0")).status == 200
    file = folder / "all.jsonl"
    lines = [{"type": "user", "userName": f"new {name}", "shoe" + name: 1} for name in NAMES]
    lines += [{"type": "membership", "group": "Learners", "member": f"new {name}"} for name in NAMES]
    file.write_bytes(b"\n".join(map(msgspec.json.encode, lines)))
    return {"tenant": tenant_name(scim), "group": group.body["id"], "file": str(file)}


async def park(database: asyncpg.Connection, tenant: str) -> None:
    """Have facts set aside for reasons with these names in them."""
    await database.executemany(
        "INSERT INTO provisioning.parked "
        "(partition, seq, tenant, resource, type, reason, queued, discarded, since, code_version) "
        "VALUES (0, $1, $2, $3, 'user.created.v1', $4, false, false, '2026', '1')",
        [(9_000_000 + at, tenant, f"usr_{at}", f"because {name}") for at, name in enumerate(NAMES)],
    )


async def test_names_do_nothing_to_a_terminal(product: Product, tmp_path: Path) -> None:
    """In text all that is not printable is escaped and nothing is markup; JSON holds the names as they are."""
    custom_fields = tuple(CustomField(at, NAMES[at + 1]) for at in range(1, 5))
    scim = await product.new_tenant(regions=NAMES, default_region=NAMES[3], custom_fields=custom_fields)
    braces = await provisioned(scim, tmp_path)
    tenant = (await product.tenants().get(braces["tenant"])).tenant
    recorded = "SELECT count(*) FROM provisioning.requests WHERE tenant = $1 AND status = 409"
    async with asyncio.timeout(20):
        while await product.database.fetchval(recorded, tenant) < len(NAMES):  # noqa: ASYNC110  # a projector fills it
            await asyncio.sleep(0.02)
    runs = {path: [*path.split(), *(part.format(**braces) for part in rest)] for path, rest in RUN.items()}
    await park(product.database, tenant)
    try:
        texts = await one_by_one(product, list(runs.values()))
        objects = await one_by_one(product, [[*runs[path], "--json"] for path in SHOW_ALL_JSON])
    finally:
        await product.database.execute("DELETE FROM provisioning.parked WHERE seq >= 9000000")
    for path, (status, printed, said) in zip(runs, texts, strict=True):
        assert status in (0, 1, 2), path
        assert "Traceback" not in said, (path, said)
        text = printed + said
        assert all(character.isprintable() or character == "\n" for character in text), (path, text)
        assert not any(line.strip().startswith("FAKE") for line in text.split("\n")), (path, text)
        assert path not in SHOW_ALL or [name for name in NAMES if printable(name) not in text] == [], (path, text)
    for path, (_, printed, said) in zip(SHOW_ALL_JSON, objects, strict=True):
        assert "Traceback" not in said, (path, said)
        whole = "\0".join(strings([msgspec.json.decode(line) for line in printed.split("\n") if line]))
        assert [name for name in NAMES if name not in whole] == [], (path, whole)
