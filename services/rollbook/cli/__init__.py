"""The command line, `rollbook`: one module for each noun; every command explains itself with --help."""

import typer

from rollbook.cli import (
    cycles,
    demo,
    epoch,
    gateway,
    groups,
    guide,
    importing,
    log,
    parked,
    pending,
    projector,
    replay,
    status,
    tail,
    tenant,
    token,
    up,
    users,
    verify,
)


def build() -> typer.Typer:
    """Return the command line."""
    app = typer.Typer(
        name="rollbook",
        help="SCIM provisioning for the iLMS: people and groups go from identity providers to the LMS tables, through "
        "a log that loses nothing. Begin with `rollbook up`.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.command()(up.up)
    app.command()(gateway.gateway)
    app.command()(projector.projector)
    app.add_typer(tenant.app, name="tenant")
    app.add_typer(token.app, name="token")
    app.command()(guide.guide)
    app.command()(users.users)
    app.command()(groups.groups)
    app.add_typer(groups.app, name="group")
    app.command()(pending.pending)
    app.command("import")(importing.import_)
    app.command()(log.log)
    app.command()(cycles.cycles)
    app.command()(tail.tail)
    app.command()(status.status)
    app.command()(verify.verify)
    app.command()(replay.replay)
    app.command()(replay.rebuild)
    app.add_typer(parked.app, name="parked")
    app.add_typer(epoch.app, name="epoch")
    app.add_typer(demo.app, name="demo")
    return app


def main() -> None:
    """Run the command line; the entry point of `rollbook` and of ``python -m rollbook``."""
    build()()
