"""`rollbook import`: a directory snapshot compared with the tables and applied through the gateway."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from rollbook.cli import options
from rollbook.cli.admitted import admitted
from rollbook.cli.output import Row, print_json, print_rows, print_text, progress, say
from rollbook.cli.running import FINDING, run_command
from rollbook.control.applied import wait_until_applied
from rollbook.control.imports import LABEL, only_import
from rollbook.control.tenants import TenantRow
from rollbook.errors import CommandError
from rollbook.memory import settle
from rollbook.printable import printable
from rollbook.roots.operator import Operation, operating
from rollbook.settings import Settings
from rollbook.snapshot.comparison import Comparison, Wish, counted
from rollbook.snapshot.importing import Compared, Import, Imported
from rollbook.snapshot.lines import Snapshot
from rollbook.snapshot.present import Present, read_present
from rollbook.snapshot.reading import read_snapshot
from rollbook.snapshot.telling import told
from rollbook.wire import Wire
from rollbook_contracts.partitions import partition_of

WRONG_USAGE = 2
NOTES_TOLD = 20
MEDIA_TYPE = "application/scim+json"


def import_(  # noqa: PLR0913, PLR0917  # one parameter for each option of the command
    files: Annotated[
        list[Path],
        typer.Argument(
            help="The snapshot, in one file or several: .jsonl or .csv.", exists=True, dir_okay=False, readable=True
        ),
    ],
    tenant: Annotated[str, typer.Option("--tenant", help="The tenant's name.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the difference and change nothing.")] = False,
    deactivate_missing: Annotated[
        bool, typer.Option("--deactivate-missing", help="Deactivate people whom the snapshot does not hold.")
    ] = False,
    remove_missing_members: Annotated[
        bool,
        typer.Option(
            "--remove-missing-members",
            help="Of groups that the snapshot names, remove members whom it does not name as such.",
        ),
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show each step.")] = False,
    data: options.Data = None,
    as_json: options.Json = False,
) -> None:
    """Bring a tenant's people, groups, memberships and managers to what a directory snapshot says.

    The snapshot is compared with the tables, the difference shown, and applied through the running gateway, as if an
    identity provider had sent it. What is stopped or killed is taken up by running the same command again: it compares
    again and does the rest. Lines may stand in any order, and what the snapshot does not hold is left alone.

    JSONL, one object on each line:

      {"type": "user", "userName": "ada@x.org", "externalId": "7", "name": {"givenName": "Ada"}, …any SCIM attribute}

      {"type": "group", "displayName": "Learners", "externalId": "g1"}

      {"type": "membership", "group": "Learners", "member": "ada@x.org"}

      {"type": "manager", "user": "ada@x.org", "manager": "bob@x.org"}

    A user is who has the externalId, else the userName; a group likewise, by externalId, else displayName. An attribute
    that a line leaves out is left alone; null clears it. A member or manager is named by any value: id, externalId,
    userName, e-mail address, employee number or display name; one that names nobody is sent, and waits.

    CSV: a first line with columns. A column `type` (user, group, membership, manager), or one file for each kind, known
    by its columns: userName …; displayName, externalId; group, member; user, manager. People's columns: userName,
    externalId, displayName, active, givenName, familyName, email, phone, mobile, title, employeeNumber, department,
    division, costCenter, region, hireDate, customField1 to customField4, manager, and any SCIM path of a single value.
    Empty cells say nothing.

    Lines that cannot be applied are all listed, with exit status 2, and nothing is applied. Exit status 1: something
    was refused. docs/import.md tells more; deploy/examples/ has a snapshot to try.
    """
    snapshot = _read(files)
    wish = Wish(deactivate_missing=deactivate_missing, remove_missing_members=remove_missing_members)
    if deactivate_missing and not snapshot.users:
        raise typer.BadParameter("the snapshot holds nobody: that would deactivate everybody", param_hint=files[0].name)
    shown = _Shown(tenant, snapshot, dry_run=dry_run, verbose=verbose, as_json=as_json)

    async def command(settings: Settings) -> Imported:
        async with operating(settings) as operation:
            row = await operation.tenants().get(tenant)
            run = Import(snapshot, wish, _Tables(operation, row))
            if dry_run:
                return Imported(last=(await _compared(run, shown)).comparison)
            async with only_import(operation.connection, row.tenant, now=datetime.now(UTC)):
                return await _apply(operation, row, run, await _compared(run, shown))

    imported = run_command(data, command)
    if imported.last.problems:
        raise typer.Exit(WRONG_USAGE)
    shown.outcome(imported)
    if not dry_run and not imported.complete:
        raise typer.Exit(FINDING)


def _read(files: list[Path]) -> Snapshot:
    settle()
    try:
        with progress("Reading"):
            return read_snapshot(files)
    except CommandError as error:
        raise typer.BadParameter(printable(str(error)), param_hint="FILES") from error


class _Tables:
    """Reads the tables once they show everything that was answered."""

    def __init__(self, operation: Operation, row: TenantRow) -> None:
        self._operation = operation
        self._row = row

    async def __call__(self) -> Present:
        operation, tenant = self._operation, self._row.tenant
        partition = partition_of(tenant, operation.partitions)
        await wait_until_applied(operation.connection, partition, await operation.log.head(partition), tenant)
        return await read_present(operation.connection, tenant, self._row.settings)


async def _compared(run: Import, shown: "_Shown") -> Compared:
    with progress("Comparing"):
        compared = await run.compared()
    shown.difference(compared.comparison)
    return compared


async def _apply(operation: Operation, row: TenantRow, run: Import, first: Compared) -> Imported:
    if first.comparison.problems or not first.comparison.steps:
        return Imported(last=first.comparison)
    async with admitted(operation, row, label=LABEL) as (tenant_url, token):
        headers = {"Authorization": f"Bearer {token}", "Accept": MEDIA_TYPE, "User-Agent": "rollbook import"}
        async with Wire(tenant_url, headers, MEDIA_TYPE) as wire:
            with progress(f"Importing into {row.name}") as advance:
                return await run.run(wire, advance, first)


class _Shown:
    """What the command prints: the difference before, the outcome after."""

    def __init__(self, tenant: str, snapshot: Snapshot, *, dry_run: bool, verbose: bool, as_json: bool) -> None:
        self._tenant = tenant
        self._snapshot = snapshot
        self._dry_run = dry_run
        self._each = verbose or as_json
        self._as_json = as_json
        self._differences: dict[str, int] = {}

    def difference(self, comparison: Comparison) -> None:
        """Show what is to be done, or why nothing can be."""
        for note in self._snapshot.notes[:NOTES_TOLD]:
            say(str(note))
        if more := len(self._snapshot.notes[NOTES_TOLD:]):
            say(f"{more} more notes are not shown.")
        if comparison.problems:
            self._problems(comparison)
            return
        self._differences = comparison.counts
        if self._each:
            for step in comparison.steps:
                row = told(step)
                print_json(row) if self._as_json else print_text(" ".join(map(str, row.values())))
        if not self._as_json:
            print_rows(_counts(comparison.counts), as_json=False)
            for sentence in _sentences(comparison):
                say(sentence)

    def outcome(self, imported: Imported) -> None:
        """Show what was done and what was not."""
        done = counted(imported.done)
        if self._as_json:
            for refused in imported.refused:
                print_json({"refused": told(refused.step), "reason": refused.reason})
            print_json(self._summary(imported, done))
            return
        if self._dry_run:
            say("Nothing was changed: this was a dry run.")
            return
        for refused in imported.refused:
            say(f"Refused: {' '.join(map(str, told(refused.step).values()))}: {refused.reason}")
        steps = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in done.items() if count)
        say(f"Done: {steps or 'nothing, since nothing differs'}.")
        if not imported.complete:
            say(f"{len(imported.last.steps)} steps remain: run the same command again when their reasons are mended.")

    def _summary(self, imported: Imported, done: dict[str, int]) -> Row:
        last = imported.last
        return {
            "tenant": self._tenant,
            "dry_run": self._dry_run,
            "differences": self._differences,
            "done": done,
            "refused": len(imported.refused),
            "remaining": len(last.steps),
            "left_alone": {name: getattr(last.left_alone, name) for name in ("users", "groups", "members")},
            "waiting": last.waiting,
        }

    def _problems(self, comparison: Comparison) -> None:
        for problem in comparison.problems:
            say(str(problem))
            if self._as_json:
                print_json({"file": problem.place.file, "line": problem.place.line, "problem": problem.text})
        say(f"{len(comparison.problems)} problems; nothing was applied.")


def _counts(counts: dict[str, int]) -> list[Row]:
    return [{"difference": name.replace("_", " "), "count": count} for name, count in counts.items() if count]


def _sentences(comparison: Comparison) -> Iterator[str]:
    if not comparison.steps:
        yield "The tables are what the snapshot says."
    alone = comparison.left_alone
    if alone.users:
        yield f"{alone.users} people are not in the snapshot and are left alone (--deactivate-missing)."
    if alone.groups:
        yield f"{alone.groups} groups are not in the snapshot and are left alone."
    if alone.members:
        yield f"{alone.members} members are not in the snapshot and are left alone (--remove-missing-members)."
    if comparison.waiting:
        yield f"{comparison.waiting} members and managers name nobody: they wait, and `rollbook pending` lists them."
