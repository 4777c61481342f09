"""A hub's computer and several others, each with a cable of its own to it, as network namespaces; root makes them."""

import os
import subprocess
from itertools import count

from smearwatch.daemon.atomic_write import write_atomically
from smearwatch.daemon.wire.keyring import Allowed, as_text
from smearwatch.daemon.wire.keys import make_pair, write_pair
from tests.two_hosts import Host, check_namespaces, ip

_NUMBERS = count()
PORT = 5760


class Star:
    """The hub's computer in the middle, and so many around it that may work for it."""

    def __init__(self, folder, others):
        check_namespaces()
        name = f"sw-{os.getpid()}-{next(_NUMBERS)}"
        self.hub = Host(f"{name}-hub", "10.214.0.1", folder / "hub")
        self.others = [Host(f"{name}-{n}", f"10.214.{n}.2", folder / f"other-{n}") for n in range(1, others + 1)]
        self._prefix = f"s{os.getpid() % 100000}"

    def __enter__(self):
        try:
            ip("netns", "add", self.hub.name)
            ip("-n", self.hub.name, "link", "set", "lo", "up")
            pair = make_pair()
            write_pair(self.hub.keys / "own.key", pair)
            allowed = []
            for number, host in enumerate(self.others, start=1):
                self._lay_cable(number, host)
                own = make_pair()
                write_pair(host.keys / "own.key", own)
                allowed.append(Allowed(f"host-{number}", own.public, frozenset(("work",))))
            write_atomically(self.hub.keys / "allowed.json", as_text(allowed).encode())
        except BaseException:
            self.__exit__()
            raise
        self.hub_key = pair.public
        return self

    def __exit__(self, *_):
        for host in (self.hub, *self.others):
            subprocess.run(["ip", "netns", "delete", host.name], capture_output=True, check=False)

    def joins(self, number):
        """The settings with which another computer finds the hub."""
        return {"SMEARWATCH_HUB": f"tcp://10.214.{number}.1:{PORT}", "SMEARWATCH_HUB_KEY": self.hub_key}

    def cable(self, number, *, there):
        """Plug one computer's cable in, or pull it."""
        host = self.others[number - 1]
        ip("-n", host.name, "link", "set", f"{self._prefix}o{number}", "up" if there else "down")

    def _lay_cable(self, number, host):
        ours, theirs = f"{self._prefix}h{number}", f"{self._prefix}o{number}"
        ip("netns", "add", host.name)
        ip("link", "add", ours, "type", "veth", "peer", "name", theirs)
        for end, where, address in ((ours, self.hub, f"10.214.{number}.1"), (theirs, host, host.address)):
            ip("link", "set", end, "netns", where.name)
            ip("-n", where.name, "address", "add", f"{address}/24", "dev", end)
            ip("-n", where.name, "link", "set", end, "up")
        ip("-n", host.name, "link", "set", "lo", "up")
