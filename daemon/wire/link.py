"""How a peer's connection stands, and what a hub that does not let it in has said."""

import itertools
import time
from typing import Final

import zmq
from zmq.utils.monitor import recv_monitor_message

from smearwatch.daemon.hinted import Hinted
from smearwatch.daemon.wire.endpoints import Endpoints

_FAILED: Final = zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
_AUTH: Final = zmq.EVENT_HANDSHAKE_FAILED_AUTH
_OTHER: Final = zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
_EVENTS: Final = zmq.EVENT_CONNECTED | zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED | _FAILED | _AUTH | _OTHER
# A hub that ends may break off one handshake; one that has other keys breaks off all of them.
_STRIKES: Final = 3
_AGAIN_S: Final = 1.0
_NUMBERS = itertools.count()


class KeyNotAllowed(Hinted):
    """The hub on another computer does not know this one's key."""


class OtherHub(Hinted):
    """What answers at the address is not the hub whose key was named."""


class Link:
    """Watches the connection of a socket that connects to a hub. One owner; close it before the socket."""

    def __init__(self, owner: zmq.Context[zmq.Socket[bytes]], watched: zmq.Socket[bytes], endpoints: Endpoints) -> None:
        self._watched = watched
        self._endpoints = endpoints
        # A number of its own: pyzmq's own name is that of the descriptor, which is used again before it is free.
        name = f"inproc://link-{next(_NUMBERS)}"
        watched.monitor(name, _EVENTS)
        self._events = owner.socket(zmq.PAIR)
        self._events.connect(name)
        self._connected = False
        self._strikes = 0
        self._again_s: float | None = None

    @property
    def connected(self) -> bool:
        """Whether the hub is there now.

        Raises
        ------
        KeyNotAllowed, OtherHub
            It is, and does not let this peer in.
        """
        while self._events.poll(0):
            self._take(recv_monitor_message(self._events)["event"])
        if self._again_s is not None and time.monotonic() >= self._again_s:
            self._again_s = None  # after some failures ZeroMQ does not try again by itself
            self._watched.disconnect(self._endpoints.talk)
            self._watched.connect(self._endpoints.talk)
        return self._connected

    def _take(self, event: int) -> None:
        curve = self._endpoints.curve
        if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            self._connected, self._strikes, self._again_s = True, 0, None
        elif event == zmq.EVENT_CONNECTED:
            self._again_s = None
        elif event == _AUTH and curve is not None:
            raise KeyNotAllowed(
                f"the hub at {self._endpoints.shown} does not know this computer's key",
                f"on its computer type: smearwatch keys allow NAME {curve.pair.public} --right {curve.right}",
            )
        elif curve is not None and not self._connected:
            self._strikes += event in (_FAILED, _OTHER) or self._again_s is None
            self._again_s = time.monotonic() + _AGAIN_S
            if self._strikes >= _STRIKES:
                raise OtherHub(
                    f"what answers at {self._endpoints.shown} is no hub with the key {curve.server[:8]}…",
                    "compare hub_key with what `smearwatch keys list` shows there",
                )
        else:
            self._connected = False

    def close(self) -> None:
        """Watch no longer."""
        if not self._watched.closed:
            self._watched.disable_monitor()
        self._events.close(linger=0)
