"""Taking the service away: its units and users' folders go, what was counted stays unless somebody says otherwise."""

from pathlib import Path

from smearwatch.daemon.service.files import COMMAND, RUNTIME, SETTINGS, STATE, TARGET, UNITS_IN, own_files, program
from smearwatch.daemon.service.host import Host, enabled_units


def uninstall(host: Host, *, purge: bool) -> None:
    """Stop, disable and remove the service.

    Parameters
    ----------
    purge
        Whether sessions, settings and accounts go, too, for good.

    Raises
    ------
    ServiceUnusable
        Somebody may not, or the system refused.
    """
    host.check()
    prefix = program()
    units = [TARGET, *enabled_units(host)]
    if host.here:
        host.call("systemctl", "stop", *units, may_fail=True)
    elsewhere = () if host.here else (f"--root={host.root}",)
    host.call("systemctl", *elsewhere, "disable", *units, may_fail=True)
    for path in own_files(prefix):
        host.remove(path)
    host.remove(COMMAND, link_to=f"{prefix}/bin/smearwatch")
    host.remove(f"{prefix}/etc/smearwatch", link_to=SETTINGS)
    # What no computer has unless somebody installs such things; where others did, there is something in it.
    host.remove_empty(f"/etc/systemd/system/{TARGET}.wants", UNITS_IN, str(Path(UNITS_IN).parent))
    host.remove_empty("/usr/local/lib/sysusers.d", "/usr/local/lib/tmpfiles.d", f"{prefix}/etc", prefix)
    if host.here:
        host.call("systemctl", "daemon-reload")
        host.call("systemctl", "reset-failed", "smearwatch*", may_fail=True)
    for path, what in ((STATE, "sessions, calibrations, weights, accounts"), (SETTINGS, "settings")):
        if purge:
            host.remove_folder(path)
        elif host.at(path).is_dir():
            host.say(f"kept: {host.at(path)} ({what})")
    if host.here:
        host.remove_folder(RUNTIME)
        host.say("the user smearwatch and its groups stay, for files may be theirs: userdel, groupdel")
    if host.at(prefix).is_dir():
        host.say(f"the program itself stays in {host.at(prefix)}; remove that folder to be rid of it")
