"""Taking the service away: its units and users' folders go, what was counted stays unless somebody says otherwise."""

from smearwatch.daemon.service.files import COMMAND, RUNTIME, SETTINGS, STATE, TARGET, own_files, program
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
    host.say(f"the program stays: rm -r {prefix}")
