"""Two computers with a cable between them, as network namespaces of this one; root is needed to make them."""

import os
import shutil
import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest

_NUMBERS = count()


class Host:
    """A computer with an address and folders of its own."""

    def __init__(self, name: str, address: str, folder: Path) -> None:
        self.name = name
        self.address = address
        self.folder = folder
        for each in ("state", "config", "run"):
            (folder / each).mkdir(parents=True, mode=0o700)

    @property
    def environment(self) -> dict[str, str]:
        own = {"XDG_STATE_HOME": "state", "XDG_CONFIG_HOME": "config", "XDG_RUNTIME_DIR": "run"}
        return {**os.environ, **{name: str(self.folder / each) for name, each in own.items()}}

    @property
    def keys(self) -> Path:
        """Where its keys are."""
        return self.folder / "state" / "smearwatch" / "keys"

    def start(self, *typed: object, **environment: str) -> subprocess.Popen[str]:
        """Start a command of smearwatch on it; what it says goes into a file of its own."""
        said = self.folder / f"{typed[0]}.err"
        with said.open("a") as err:
            return subprocess.Popen(
                ["ip", "netns", "exec", self.name, sys.executable, "-m", "smearwatch.daemon.cli", *map(str, typed)],
                env=self.environment | environment,
                stdin=subprocess.DEVNULL,
                stdout=err,
                stderr=err,
                text=True,
            )

    def type(self, *typed: object, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command of smearwatch on it."""
        command = ["ip", "netns", "exec", self.name, sys.executable, "-m", "smearwatch.daemon.cli", *map(str, typed)]
        return subprocess.run(
            command, env=self.environment | environment, capture_output=True, text=True, timeout=120, check=False
        )


class TwoHosts:
    """Two of them; ``cable`` says whether they hear each other."""

    def __init__(self, folder: Path) -> None:
        check_namespaces()
        number = f"{os.getpid()}-{next(_NUMBERS)}"
        self.one = Host(f"sw-{number}-a", "10.213.7.1", folder / "one")
        self.two = Host(f"sw-{number}-b", "10.213.7.2", folder / "two")
        self._ends = {self.one.name: f"sw{os.getpid() % 100000}a", self.two.name: f"sw{os.getpid() % 100000}b"}

    def __enter__(self) -> "TwoHosts":
        try:
            for host in (self.one, self.two):
                ip("netns", "add", host.name)
            ends = list(self._ends.values())
            ip("link", "add", ends[0], "type", "veth", "peer", "name", ends[1])
        except subprocess.CalledProcessError as error:
            self.__exit__()
            pytest.skip(f"network namespaces cannot be made here: {error.stderr.strip()}")
        for host in (self.one, self.two):
            end = self._ends[host.name]
            ip("link", "set", end, "netns", host.name)
            ip("-n", host.name, "address", "add", f"{host.address}/24", "dev", end)
            ip("-n", host.name, "link", "set", "lo", "up")
        self.cable(there=True)
        return self

    def __exit__(self, *_: object) -> None:
        for name in (self.one.name, self.two.name):
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)

    def cable(self, *, there: bool) -> None:
        for host in (self.one, self.two):
            ip("-n", host.name, "link", "set", self._ends[host.name], "up" if there else "down")


def check_namespaces() -> None:
    """Skip where hosts cannot be made."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("hosts are network namespaces, which need root and the command ip")


def ip(*arguments: str) -> None:
    """Run the command of that name."""
    subprocess.run(["ip", *arguments], capture_output=True, text=True, check=True)
