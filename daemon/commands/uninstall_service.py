"""``smearwatch uninstall-service``: takes away what ``install-service`` laid."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from smearwatch.daemon.columns import write_line
from smearwatch.daemon.commands.install_service import DryRunOption, RootOption
from smearwatch.daemon.service.host import Host
from smearwatch.daemon.service.removing import uninstall

app = typer.Typer(add_completion=False)


@app.command()
def uninstall_service(
    purge: Annotated[bool, typer.Option("--purge", help="Delete sessions, settings and accounts, too.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Delete them without asking.")] = False,
    dry_run: DryRunOption = False,
    root: RootOption = Path("/"),
) -> None:
    """Stop the service and remove its units, as root (sudo). Sessions, settings and the program stay.

    Example: smearwatch uninstall-service
    """
    if purge and not (yes or dry_run):
        typer.confirm("Delete all sessions, settings and accounts of the service, for good?", abort=True)
    host = Host(root.absolute(), dry=dry_run, say=lambda line: write_line(sys.stdout, line))
    uninstall(host, purge=purge)
    host.finish()
