"""A Ray cluster of two nodes on this computer, each with processes of its own, and a token to join it."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def _free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class RayCluster:
    """A context manager; nodes have one processor each."""

    def __init__(self):
        self.address = f"127.0.0.1:{_free_port()}"
        self.environment = {
            **os.environ,
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": secrets.token_hex(32),
            "RAY_USAGE_STATS_ENABLED": "0",
        }
        self._nodes = []

    def __enter__(self):
        # Ray's sockets lie there, and the name of a socket is short.
        self._folder = Path(tempfile.mkdtemp(prefix="ray-"))
        port = self.address.rpartition(":")[2]
        try:
            head = ("--head", f"--port={port}", "--include-dashboard=false", f"--temp-dir={self._folder}")
            self._start("127.0.0.1", *head)
            self._wait(1)
            self._start("127.0.0.2", f"--address={self.address}")
            self._wait(2)
        except BaseException:
            self.__exit__()
            raise
        return self

    def lose_node(self):
        """End the second node."""
        node = self._nodes.pop()
        node.terminate()
        node.wait(60)

    def __exit__(self, *_):
        while self._nodes:
            self.lose_node()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self, host, *arguments):
        command = [
            str(Path(sys.executable).parent / "ray"),
            "start",
            "--block",
            "--num-cpus=1",
            "--disable-usage-stats",
        ]
        with (self._folder / f"{host}.said").open("w") as said:
            self._nodes.append(
                subprocess.Popen(
                    [*command, f"--node-ip-address={host}", *arguments],
                    env=self.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=subprocess.STDOUT,
                )
            )

    def _wait(self, nodes):
        script = f"import ray; ray.init({self.address!r}, logging_level='ERROR'); print(len(ray.nodes()))"
        until = time.monotonic() + 120
        said = ""
        while time.monotonic() < until:
            done = subprocess.run(
                [sys.executable, "-c", script], env=self.environment, capture_output=True, text=True, check=False
            )
            said = done.stderr
            if done.returncode == 0 and int(done.stdout.split()[-1]) >= nodes:
                return
            time.sleep(1.0)
        raise TimeoutError(said[-2000:])
