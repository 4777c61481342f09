"""``smearwatch install-service``: the count as a service of this computer."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from smearwatch.daemon.columns import write_line
from smearwatch.daemon.record.sessions import check_name
from smearwatch.daemon.service.files import Wanted
from smearwatch.daemon.service.host import Host
from smearwatch.daemon.service.installing import install

app = typer.Typer(add_completion=False)

RootOption = Annotated[
    Path,
    typer.Option("--root", metavar="DIR", help="Lay the files below DIR, the root of another computer."),
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Print what files would contain and all that would be done; do nothing.")
]


@app.command()
def install_service(
    watch: Annotated[
        Path | None, typer.Option("--watch", metavar="DIR", help="Folder to watch for frames.", resolve_path=True)
    ] = None,
    camera: Annotated[
        str | None, typer.Option("--camera", metavar="INDEX|URL|PATH", help="Camera or network stream instead.")
    ] = None,
    subfolders: Annotated[
        bool, typer.Option("--subfolders", help="Each subfolder of DIR becomes a session; all is then one unit.")
    ] = False,
    session: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name of the session that the service counts. [default: lab-1]")
    ] = None,
    device: Annotated[
        Literal["auto", "cpu", "cuda"] | None, typer.Option(help="On what the networks run. [default: auto]")
    ] = None,
    dry_run: DryRunOption = False,
    root: RootOption = Path("/"),
) -> None:
    """Install this program as a service of systemd: users and groups, folders, units, settings.

    Only root may (sudo); the program lies in /opt/smearwatch, say, where a service sees it. It can be typed again
    at any time, and is after an upgrade. What an administrator wrote stays; what is in the way is said.

    Example: smearwatch install-service --watch /srv/camera --session lab-1
    """
    if watch is not None and camera is not None:
        raise typer.BadParameter("choose --watch or --camera, not both")
    if subfolders and watch is None:
        raise typer.BadParameter("say of which folder: --watch DIR", param_hint="--subfolders")
    if session is not None:
        check_name(session)
    wanted = Wanted(watch, camera, subfolders, session, device)
    host = Host(root.absolute(), dry=dry_run, say=lambda line: write_line(sys.stdout, line))
    as_asked = install(host, wanted)
    host.finish()
    if not as_asked:
        raise typer.Exit(1)
