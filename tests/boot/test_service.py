"""The installed service under a real systemd, in a Debian of its own: run by `make test-systemd`.

The tests stand in the order of a day: each goes on where the one before it ended.
"""

import csv
import io
import os
import re
import time

import pytest

from tests.boot.conftest import CAMERA, CAPTURE, HUB, PROGRAM, UNITS, WORKER

EARLIER = """
[Service]
ExecStart=/bin/sleep 1000
DynamicUser=yes
User=smearwatch
StateDirectory=smearwatch
[Install]
WantedBy=multi-user.target
"""

pytestmark = pytest.mark.systemd


def patience_s(seconds):
    """Return how long to wait for what takes so long at most on a machine that has nothing else to do."""
    return seconds * max(1.0, os.getloadavg()[0] / len(os.sched_getaffinity(0)))


@pytest.fixture
def tell(capsys, request):
    """Print how long something took: it is what one wants to know of this."""

    def print_it(seconds):
        with capsys.disabled():
            print(f" {request.node.name}: {seconds:.1f} s, load {os.getloadavg()[0]:.0f}", flush=True)

    return print_it


@pytest.fixture
def again_s():
    return patience_s(10.0)


def test_what_is_installed_counts(machine, again_s):
    machine.run("systemctl", "start", "smearwatch.target")
    assert machine.active(*UNITS) == ["active"] * len(UNITS)
    machine.counts_again(within_s=again_s)
    assert "http://127.0.0.1:8765/" in machine.as_service("smearwatch review --link")


@pytest.mark.parametrize("unit", [HUB, CAPTURE, WORKER])
def test_a_killed_unit_counts_again(machine, again_s, unit, tell):
    machine.run("systemctl", "kill", "--kill-who=main", "-s", "KILL", unit)
    tell(machine.counts_again(within_s=again_s))


@pytest.mark.parametrize("unit", [HUB, CAPTURE, WORKER])
def test_a_hung_unit_counts_on_and_is_started_again(machine, again_s, unit, tell):
    before = machine.restarts(unit)
    machine.run("systemctl", "kill", "--kill-who=main", "-s", "STOP", unit)
    tell(machine.counts_again(within_s=again_s))
    until_s = time.monotonic() + again_s
    while machine.restarts(unit) == before:
        assert time.monotonic() < until_s, machine.journal(20)
        time.sleep(0.1)
    machine.counts_again(within_s=again_s)


@pytest.mark.parametrize("role", ["hub", "finder", "source", "worker"])
def test_a_hung_role_counts_again(machine, again_s, role, tell):
    restarts = [machine.restarts(unit) for unit in UNITS]
    machine.run("sh", "-c", f"kill -STOP {machine.pid_of_role(role)}")
    tell(machine.counts_again(within_s=again_s))
    assert restarts == [machine.restarts(unit) for unit in UNITS], "its supervisor has not done it"


def test_the_power_fails(machine):
    for _ in range(3):
        machine.drop()
    machine.cut_power()
    machine.boot()
    machine.drop()
    machine.counts_all(frames=machine.dropped, cells=1, within_s=patience_s(30.0))
    shown = machine.as_service("smearwatch", "sessions", "show", "lab-1")
    frames = re.search(r"(\d+) seen = (\d+) counted \+ (\d+) rejected \+ (\d+) pending", shown)
    assert frames is not None, shown
    assert frames.groups() == (str(machine.dropped), str(machine.dropped), "0", "0")
    machine.as_service("smearwatch", "sessions", "verify", "lab-1")


def _labelled(machine, account, name):
    """Give a person's table of cells one label, on a cell that counts; returns the command that puts it in."""
    machine.run("smearwatch sessions export lab-1 --format cells --out cells.csv --force", user=account)
    rows = list(csv.DictReader(io.StringIO(machine.run("cat", f"/home/{account}/cells.csv"))))
    next(row for row in rows if row["counted"] == "True" and not row["label"])["label"] = name
    out = io.StringIO()
    table = csv.DictWriter(out, rows[0].keys())
    table.writeheader()
    table.writerows(rows)
    machine.write(f"/tmp/{account}.csv", out.getvalue())
    return f"smearwatch sessions label lab-1 --from /tmp/{account}.csv --by {account.title()}"


def _refused(machine, account, command):
    """Run what somebody may not do; returns the one line that says so."""
    line, status = machine.run(f"timeout 10 {command}; echo status $?", user=account).strip().splitlines()
    assert status == "status 1", line
    return line


def test_who_looks_on(machine):
    said = " ".join(machine.run("timeout 4 smearwatch watch --plain; true", user="alice").split())
    assert f"{machine.dropped} seen = {machine.dropped} counted" in said
    assert "lab-1" in machine.run("smearwatch sessions list", user="alice")
    machine.run("smearwatch sessions verify lab-1", user="alice")
    assert "smearwatch-operators" in _refused(machine, "alice", _labelled(machine, "alice", "monocyte"))
    for command in ("pause", "stop", "next --specimen 17"):
        assert "control" in _refused(machine, "alice", f"smearwatch control {command}")
    assert machine.active(HUB) == ["active"]
    machine.as_service("echo long enough | smearwatch account add Reader --role reader --password-stdin")
    said = machine.run("cat /var/lib/smearwatch/accounts.json; true", user="alice")
    assert "Permission denied" in said, "what is private lets nothing of the access list through"


def test_who_is_in_no_group(machine):
    for command in (
        "watch --plain",
        "watch",
        "control pause",
        "sessions list",
        "sessions show lab-1",
        "sessions verify lab-1",
    ):
        assert "smearwatch-watchers" in _refused(machine, "carol", f"smearwatch {command}")


def test_who_operates(machine):
    assert "seen" in machine.run("timeout 4 smearwatch watch --plain; true", user="bob")
    assert "1 cell labelled" in machine.run(_labelled(machine, "bob", "monocyte"), user="bob")
    machine.run("smearwatch control pause", user="bob")
    machine.run("smearwatch control resume", user="bob")
    machine.run("smearwatch sessions export lab-1 --format archive --out lab-1.zip", user="bob")
    restarts = machine.restarts(HUB)
    machine.run("smearwatch control next --specimen 17 --name lab-2", user="bob")
    machine.run("sleep", "7")  # longer than the watchdog waits
    assert machine.restarts(HUB) == restarts
    before, machine.session = machine.session, "lab-2"
    machine.counts_again(within_s=patience_s(10.0))
    assert machine.counted(before).frames == machine.dropped - 1
    machine.run("smearwatch control stop", user="bob")
    while machine.active(HUB) == ["active"]:
        time.sleep(0.1)


def test_a_review_where_nothing_is_counted(machine):
    assert "1 cell labelled" in machine.run(_labelled(machine, "bob", "basophil"), user="bob")
    page = machine.run("timeout 5 smearwatch review lab-1 --no-browser; true", user="bob")
    assert "http://127.0.0.1" in page
    sign = 'smearwatch sessions sign lab-1 --by Bob --overrule target="few cells" --overrule flagged="none"'
    assert "signed" in machine.run(sign, user="bob")
    assert "smearwatch-operators" in _refused(
        machine, "alice", "smearwatch sessions amend lab-1 --by Alice --reason none"
    )
    machine.run("smearwatch sessions amend lab-1 --by Bob --reason tried", user="bob")
    # The service goes on in what an account has written.
    machine.run("systemctl", "start", "smearwatch.target")
    assert machine.active(*UNITS) == ["active"] * len(UNITS)


def test_it_stops(machine, tell):
    machine.run("systemctl", "stop", "smearwatch.target")
    tell(machine.wait_until_inactive(within_s=patience_s(10.0)))


def test_what_is_removed_leaves_the_data_and_no_unit(machine):
    machine.run("systemctl", "start", "smearwatch.target")
    said = machine.run("smearwatch", "uninstall-service")
    assert "kept: /var/lib/smearwatch" in said
    assert "smearwatch" not in machine.run("systemctl", "list-units", "--all", "--no-legend", "smearwatch*")
    assert "smearwatch" not in machine.run("systemctl", "list-unit-files", "--no-legend", "smearwatch*", check=False)
    assert machine.run("find", "/usr/local", "/etc/systemd", "-name", "smearwatch*").strip() == ""
    assert machine.counted("lab-1").cells > 0


def test_an_installation_of_before_is_taken_over(machine):
    """The one unit of before had a user without a fixed number, for whom systemd keeps the folder elsewhere."""
    machine.run("sh", "-c", "mkdir -p -m 700 /var/lib/private && mv /var/lib/smearwatch /var/lib/private/smearwatch")
    machine.run("ln", "-s", "private/smearwatch", "/var/lib/smearwatch")
    machine.run("setfacl", "-R", "-b", "/var/lib/private/smearwatch")
    machine.run("chown", "-R", "61234:61234", "/var/lib/private/smearwatch")
    machine.write("/etc/systemd/system/smearwatch.service", EARLIER)
    machine.run("sh", "-c", "userdel smearwatch; systemctl daemon-reload; systemctl enable --now smearwatch.service")
    said = machine.run(PROGRAM, "install-service")
    assert "left as it is: /etc/systemd/system/smearwatch.service" in said
    assert machine.active("smearwatch.service") == ["inactive"]
    machine.run("sh", "-c", "rm /etc/systemd/system/smearwatch.service; systemctl daemon-reload")
    machine.run("systemctl", "start", "smearwatch.target")
    machine.counts_again(within_s=patience_s(10.0))
    machine.as_service("smearwatch", "sessions", "verify", "lab-1")
    machine.run("smearwatch sessions verify lab-1", user="alice")
    assert "1 cell labelled" in machine.run(_labelled(machine, "bob", "segmented"), user="bob")


def test_a_backup_is_brought_back(machine):
    machine.run("systemctl", "stop", "smearwatch.target")
    machine.wait_until_inactive(within_s=patience_s(10.0))
    machine.as_service("smearwatch sessions export lab-1 --format archive --out /var/lib/smearwatch/lab-1.zip")
    machine.as_service("smearwatch sessions delete lab-1 --yes")
    machine.as_service("smearwatch sessions import /var/lib/smearwatch/lab-1.zip")
    machine.as_service("smearwatch sessions verify lab-1")
    assert "lab-1" in machine.run("smearwatch sessions show lab-1", user="alice")


def test_a_session_for_each_subfolder_is_one_unit_in_the_place_of_three(machine):
    machine.run("mkdir", "-p", "/srv/slides")
    machine.drop()
    for name, picture in (("one", "000"), ("two", "001")):
        machine.run("cp", "-rT", CAMERA, f"/srv/slides/{name}")
        machine.run("sh", "-c", f"cd /srv/slides/{name} && find . -name '*.png' ! -name {picture}.png -delete")
    machine.run("smearwatch", "install-service", "--watch", "/srv/slides", "--subfolders")
    machine.run("systemctl", "restart", "smearwatch.target")
    now = machine.active("smearwatch.service", *UNITS)
    assert now == ["active", "inactive", "inactive", "inactive", "active"], machine.journal(40)
    until_s = time.monotonic() + patience_s(30.0)
    while min(machine.counted(name).frames - machine.counted(name).pending for name in ("one", "two")) < 1:
        assert time.monotonic() < until_s, machine.journal(20)
        time.sleep(0.5)


def test_nothing_is_left_where_all_is_to_go(machine):
    machine.run("smearwatch", "uninstall-service", "--purge", "--yes")
    machine.run("sh", "-c", "! ls -d /var/lib/smearwatch /etc/smearwatch /run/smearwatch /var/lib/private/smearwatch")
