"""A web server that ends when it is asked to, and that nobody keeps others from by what is left half done."""

import asyncio
import socket
from collections.abc import Callable
from functools import partial
from typing import Final

import uvicorn

from smearwatch.daemon.open_files import raise_limit

_HANDSHAKE_S: Final = 5.0  # until TLS is agreed on


class Server(uvicorn.Server):
    """Ends when it is asked to from outside, too.

    Parameters
    ----------
    config
        What is served, and how.
    over
        Asked ten times a second whether to end.
    """

    def __init__(self, config: uvicorn.Config, over: Callable[[], bool] | None) -> None:
        super().__init__(config)
        self._over = over

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen; each connection takes a file, so as many as the system allows may be open."""
        raise_limit()
        if self.config.ssl is not None:
            loop = asyncio.get_running_loop()
            timed = partial(loop.create_server, ssl_handshake_timeout=_HANDSHAKE_S)
            loop.create_server = timed  # type: ignore[method-assign]  # uvicorn has no setting for it
        await super().startup(sockets)

    async def on_tick(self, counter: int) -> bool:
        """Return whether to end."""
        return (self._over is not None and self._over()) or await super().on_tick(counter)
