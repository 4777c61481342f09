"""The line for an account that may not use the service's folders: which group it would have to be in."""

import getpass
import grp
import os
from pathlib import Path

from smearwatch.daemon.config import SettingsUnusable, load_settings


def which_group(error: BaseException) -> str | None:
    """Return what to say of a refusal by the system, None where the error is none."""
    refused = error if isinstance(error, PermissionError) else error.__cause__
    if not isinstance(refused, PermissionError) or not refused.filename:
        return None
    path = Path(str(refused.filename))
    what = f"{path}: {refused.strerror or 'not permitted'}"
    try:
        settings = load_settings()
    except SettingsUnusable:
        return None
    if not path.is_relative_to(settings.state_dir):
        return None if getattr(error, "hint", None) else f"{what} (see that this user may do that there)"
    groups = [group for group in (settings.watch_group, settings.control_group) if group is not None]
    if not groups:
        return None if getattr(error, "hint", None) else f"{what} (run it as the owner of {settings.state_dir})"
    if any(map(_in, groups)) and (not _seen(settings.state_dir) or _in(settings.control_group)):
        return f"{what} (its rights are not as the service makes them: sudo systemd-tmpfiles --create smearwatch.conf)"
    if not _seen(settings.state_dir):
        return f"{what} ({' or '.join(map(_only, groups))} may, and this account is in none: {_join(groups[0])})"
    if settings.control_group is None:
        return None
    alone = f"{_only(settings.control_group)} may change a session, and this account is not in it"
    return f"{what} ({alone}: {_join(settings.control_group)})"


def _in(group: str | None) -> bool:
    """Return whether this process is of a group."""
    try:
        return group is not None and grp.getgrnam(group).gr_gid in {os.getegid(), *os.getgroups()}
    except KeyError:
        return False


def _only(group: str) -> str:
    return f"the group {group}"


def _join(group: str) -> str:
    try:
        account = getpass.getuser()
    except (KeyError, OSError):
        account = "ACCOUNT"
    return f"sudo usermod -aG {group} {account}, then log in anew"


def _seen(state_dir: Path) -> bool:
    """Return whether this user may look into the folder at all."""
    try:
        next(state_dir.iterdir(), None)
    except OSError:
        return False
    return True
