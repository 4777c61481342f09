"""Laying the service: users, folders, units and settings; then what to type next."""

import subprocess
from pathlib import Path
from typing import Final

from smearwatch.daemon.service import watched
from smearwatch.daemon.service.files import (
    COMMAND,
    HUB,
    OPERATORS,
    SETTINGS,
    STATE,
    TARGET,
    USER,
    WATCHERS,
    WEB,
    WHOLE,
    WORKER,
    Wanted,
    kept_files,
    own_files,
    program,
)
from smearwatch.daemon.service.host import Host, ServiceUnusable, enabled_units

_ADMINISTRATORS: Final = "/etc/systemd/system"
_EARLIER: Final = (WHOLE, "smearwatch-review.service")
_HIDDEN: Final = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # noqa: S108  # none is written to


def install(host: Host, wanted: Wanted) -> bool:
    """Lay, renew and enable the service; returns whether all of it is as was asked.

    Doing it again changes nothing, after an upgrade what the new version brings. The administrator's own files are
    offered once, and never written over.

    Raises
    ------
    ServiceUnusable
        It cannot be; says why.
    """
    host.check()
    prefix = program()
    kept = kept_files(wanted)
    _check_program(host, prefix)
    noted = watched.check(host, wanted.watch)
    _stop_earlier(host)
    for path, content in own_files(prefix).items():
        host.write(path, content)
    as_asked = [host.offer(path, content) or not _asked(path, wanted) for path, content in kept.items()]
    host.link(f"{prefix}/etc/smearwatch", SETTINGS)
    host.link(COMMAND, f"{prefix}/bin/smearwatch")
    if host.here:
        host.call("systemctl", "daemon-reload")
        _bring_home(host)
        host.call("systemd-sysusers", "smearwatch.conf")
        host.call("systemd-tmpfiles", "--create", "smearwatch.conf")
    elsewhere = () if host.here else (f"--root={host.root}",)
    units = _units(host, wanted)
    if others := [each for each in enabled_units(host) if each != WEB and (each == WHOLE) != (WHOLE in units)]:
        host.call("systemctl", *(elsewhere or ("--now",)), "disable", *others)  # one unit for all, or one for each part
    host.call("systemctl", *elsewhere, "enable", TARGET, *units)
    _say_what_differs(host, kept, as_asked)
    _say_next(host, wanted, prefix, noted)
    return all(as_asked)


def _units(host: Host, wanted: Wanted) -> list[str]:
    if wanted.subfolders:
        return [WHOLE, WEB]
    # Those of an earlier time, too, whose options are still there.
    told = (each.stem.removeprefix("capture-") for each in host.at(SETTINGS).glob("capture-*.env"))
    captures = {f"smearwatch-capture@{kind}.service" for kind in told} | {wanted.capture or ""}
    return [HUB, WORKER, WEB, *sorted(captures - {""})]


def _asked(path: str, wanted: Wanted) -> bool:
    """Return whether somebody has just said what stands in a file."""
    name = path.rpartition("/")[2]
    if name == "hub.env":
        return wanted.session is not None
    if name == "worker.env":
        return wanted.device is not None
    return name.startswith(("capture-", "service."))


def _check_program(host: Host, prefix: str) -> None:
    if not host.dry and any(Path(prefix).is_relative_to(hidden) for hidden in _HIDDEN):
        raise ServiceUnusable(
            f"the program is in {prefix}, which a service cannot see",
            "install the wheel into /opt/smearwatch, and use the program there",
        )


def _stop_earlier(host: Host) -> None:
    """Stop what earlier versions had copied into the administrator's folder: it would count beside this one."""
    for unit in _EARLIER:
        path = host.at(f"{_ADMINISTRATORS}/{unit}")
        if path.is_file() and not path.is_symlink():
            if host.here:
                host.call("systemctl", "disable", "--now", unit)
            host.say(f"left as it is: {path}, of an earlier version or your own; remove it, for it wins over ours")


def _bring_home(host: Host) -> None:
    """Let systemd move sessions from where it kept them for a user without a fixed number."""
    if Path(STATE).is_symlink():
        home = ("-p", f"User={USER}", "-p", "StateDirectory=smearwatch", "-p", "StateDirectoryMode=0750")
        host.call("systemd-sysusers", "smearwatch.conf")
        host.call("systemd-run", "--wait", "--quiet", *home, "true")


def _say_what_differs(host: Host, kept: dict[str, str], as_asked: list[bool]) -> None:
    for (path, content), is_asked in zip(kept.items(), as_asked, strict=True):
        if not is_asked:
            (line,) = (line for line in content.splitlines() if line.startswith("SMEARWATCH_OPTIONS="))
            host.say(f"not done: {host.at(path)} is yours; for what you asked write into it: {line}")
    settings = host.at(f"{SETTINGS}/config.toml")
    if settings.is_file() and "watch_group" not in settings.read_text(encoding="utf-8", errors="replace"):
        host.say(
            f"missing in {settings}: {kept[f'{SETTINGS}/config.toml'].partition('state_dir')[1]}…, see docs/service.md"
        )


def _say_next(host: Host, wanted: Wanted, prefix: str, noted: str | None) -> None:
    if not host.here:
        if noted is not None:
            host.say(f"note: {noted}")
        missing = "" if host.at(f"{prefix}/bin/smearwatch").exists() else "; it is not there yet"
        host.say(f"in that image the program has to lie in {prefix}, where its units start it{missing}")
        host.say("users and folders are made when that computer starts")
        return
    host.say(f"accounts look on in the group {WATCHERS}, and review in {OPERATORS}: usermod -aG GROUP ACCOUNT")
    if wanted.watch is not None and not host.dry and (lets_in := watched.what_lets_in(wanted.watch)):
        host.say(f"the user {USER} may not read {wanted.watch}: {'; '.join(lets_in)}")
    if wanted.capture is None and not wanted.subfolders and not list(Path(SETTINGS).glob("capture-*.env")):
        host.say("no pictures come yet; say from where: smearwatch install-service --watch DIR")
    runs = _is_active()
    host.say(f"next: systemctl {'restart' if runs else 'start'} {TARGET}")


def _is_active() -> bool:
    command = ["systemctl", "is-active", "--quiet", TARGET]
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    except OSError:
        return False
