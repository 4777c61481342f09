"""Whether the service's units see the folder that they are to watch, and what lets their user into it."""

import stat
import subprocess
from pathlib import Path
from typing import Final

from smearwatch.daemon.folder_check import FolderUnusable
from smearwatch.daemon.service.files import USER
from smearwatch.daemon.service.host import Host

_OF_EACH_UNIT: Final = ("/tmp", "/var/tmp")  # noqa: S108  # none is written to
"""Each unit has its own (`PrivateTmp`). Folders below /home are seen, where their rights let the user in."""


def check(host: Host, folder: Path | None) -> str | None:
    """Return what is to be noted of another computer's folder, None where nothing is.

    Raises
    ------
    FolderUnusable
        It is this computer's, and no unit could watch it.
    """
    if folder is None or (why := _flaw(host, folder)) is None:
        return None
    flaw = FolderUnusable(folder, *why)
    if host.here:
        raise flaw
    return f"in that image, {flaw} ({flaw.hint})"


def what_lets_in(folder: Path) -> list[str]:
    """Return the commands after which the service's user may look into a folder of this computer, none where it may."""
    asked = ["/usr/bin/test", "-r", str(folder), "-a", "-x", str(folder)]
    if subprocess.run(asked, check=False, user=USER, group=USER, extra_groups=[]).returncode == 0:
        return []
    on_the_way = [each for each in reversed(folder.parents) if not each.stat().st_mode & stat.S_IXOTH]
    return [*(f"setfacl -m u:{USER}:x {each}" for each in on_the_way), f"setfacl -m u:{USER}:rx {folder}"]


def _flaw(host: Host, folder: Path) -> tuple[str, str] | None:
    for hidden in _OF_EACH_UNIT:
        if folder.is_relative_to(hidden):
            return f"lies in {hidden}, of which each unit has its own", "watch a folder elsewhere, below /srv say"
    try:
        there = host.at(folder)
        if not there.exists():
            return "does not exist", "make it, or correct --watch"
        if not there.is_dir():
            return "is not a folder", "give the folder that the camera writes into"
    except PermissionError:  # whoever only looks what would be done need not see it
        pass
    return None
