"""A Debian with its own systemd as process 1, in namespaces of this machine: what a service does there is real.

Its programs come from one folder that is made once (`build/systemd-root`); what a box writes lies in a folder of its
own, and outlives a restart. It has no network, and no device but the harmless ones. Needs root.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]
BASE = ROOT / "build" / "systemd-root"
PACKAGES = ("systemd", "systemd-sysv", "dbus", "python3", "python3-venv", "acl", "libgl1", "libglib2.0-0")
_BOOT = Path(__file__).with_name("boot.sh")
_CLEAN = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8"}


class NoBox(RuntimeError):
    """This machine cannot have one; says why."""


def own_base() -> Path:
    """Return this machine's own disk, where it has a systemd: a box writes over it and not on it; raises `NoBox`."""
    _check("unshare", "nsenter")
    if not Path("/lib/systemd/systemd").exists() or shutil.which("systemctl") is None:
        raise NoBox("no systemd on this machine's disk: apt-get install systemd dbus")
    return Path("/")


def make_base() -> Path:
    """Return the folder with Debian's programs, and make it where it is missing; raises `NoBox`."""
    _check("debootstrap", "unshare", "nsenter")
    if not (BASE / "etc" / "debian_version").is_file():
        partial = BASE.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.parent.mkdir(exist_ok=True)
        mirror, suite = _mirror()
        command = ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", suite, partial, mirror]
        done = subprocess.run([str(word) for word in command], check=False, capture_output=True, text=True)
        if done.returncode:
            raise NoBox(f"debootstrap failed: {(done.stdout + done.stderr).strip().splitlines()[-1:]}")
        partial.rename(BASE)
    return BASE


def _check(*programs: str) -> None:
    for need in programs:
        if shutil.which(need) is None:
            raise NoBox(f"no {need} on this machine: apt-get install {need}")
    if os.geteuid() != 0:
        raise NoBox("only root may boot a systemd: run it with sudo")


def _mirror() -> tuple[str, str]:
    """Return where this machine's own packages come from, and which Debian it is."""
    asked = ["apt-get", "indextargets", "--format", "$(SITE) $(CODENAME)", "Created-By: Packages", "Origin: Debian"]
    lines = subprocess.run(asked, check=False, capture_output=True, text=True).stdout.splitlines()
    for line in lines:
        site, _, suite = line.partition(" ")
        if site and suite and "-" not in suite:
            return site, suite
    raise NoBox("this machine takes its packages from no Debian: run apt-get update")


class Box:
    """One such machine.

    Parameters
    ----------
    folder
        Where what it writes lies.
    shown
        Folders of this machine that it sees, by where; it cannot change them.
    base
        The folder with its programs; `make_base` gives one.
    """

    def __init__(self, folder: Path, shown: Mapping[str, Path], base: Path) -> None:
        self._folder = folder
        self._base = base
        self._shown = shown
        self._parent: subprocess.Popen[bytes] | None = None
        self._init = 0
        mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
        trees = [Path(mount[1]) for mount in mounts if mount[2] == "cgroup2"]
        if not trees:
            raise NoBox("no cgroup2 is mounted on this machine")
        self._cgroup = trees[0] / f"smearwatch-box-{os.getpid()}"

    def boot(self) -> None:
        """Start it, and wait until systemd has started all that it starts."""
        self._cgroup.mkdir(exist_ok=True)
        self._folder.mkdir(parents=True, exist_ok=True)
        spaces = ("--pid", "--mount", "--uts", "--ipc", "--net", "--fork")
        shown = [f"{where}={what}" for where, what in self._shown.items()]
        places = [str(each) for each in (_BOOT, self._cgroup, self._base, self._folder)]
        command = ["unshare", *spaces, "bash", *places, *shown]
        with (self._folder / "console").open("ab") as console:
            self._parent = subprocess.Popen(
                command, env=_CLEAN, stdin=subprocess.DEVNULL, stdout=console, stderr=console
            )
        busy = max(1.0, os.getloadavg()[0] / len(os.sched_getaffinity(0)))
        until_s = time.monotonic() + 60.0 * busy
        while not self._is_up():
            if self._parent.poll() is not None or time.monotonic() > until_s:
                self.cut_power()
                raise NoBox(f"systemd did not start: {self.console()[-400:]}")
            time.sleep(0.2)

    def _is_up(self) -> bool:
        assert self._parent is not None
        children = Path(f"/proc/{self._parent.pid}/task/{self._parent.pid}/children")
        with suppress(OSError, ValueError):
            self._init = int(children.read_text())
            if Path(f"/proc/{self._init}/comm").read_text().strip() == "systemd":
                return self.run("systemctl", "is-system-running", check=False).strip() in ("running", "degraded")
        return False

    def cut_power(self) -> None:
        """End every process in it at once; what was written stays."""
        if self._parent is None:
            return
        with suppress(ProcessLookupError):
            os.kill(self._init or self._parent.pid, signal.SIGKILL)
        self._parent.wait(30)
        self._parent, self._init = None, 0
        for folder in sorted(self._cgroup.rglob("*"), reverse=True):
            if folder.is_dir():
                _remove_cgroup(folder)
        _remove_cgroup(self._cgroup)

    def run(self, *command: str, user: str | None = None, check: bool = True, timeout_s: float = 120.0) -> str:
        """Run a command in it, as root or as somebody who has logged in; returns what was said on both outputs."""
        whole: Sequence[str] = command
        if user is not None:
            whole = ["runuser", "-l", user, "-c", " ".join(command)]
        done = subprocess.run(
            ["nsenter", "-t", str(self._init), "-a", "--", *whole],
            env=_CLEAN,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)} ended with {done.returncode}: {done.stdout[-3000:]}")
        return done.stdout

    def write(self, path: str, content: bytes | str) -> None:
        """Put a file into it, whole or not at all."""
        target = Path(f"/proc/{self._init}/root{path}")
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.new")
        partial.write_bytes(content.encode() if isinstance(content, str) else content)
        partial.rename(target)

    def console(self) -> str:
        """Return what its systemd and the start of it have said."""
        return (self._folder / "console").read_text(errors="replace")


def _remove_cgroup(folder: Path) -> None:
    until_s = time.monotonic() + 5.0
    while folder.is_dir():
        try:
            folder.rmdir()
        except OSError:
            if time.monotonic() > until_s:
                return
            time.sleep(0.05)
