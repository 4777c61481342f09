"""How many listen on the hub's feed, by what ZeroMQ tells of connections: no listener can say otherwise."""

import uuid

import zmq
from zmq.utils.monitor import parse_monitor_message

_EVENTS = zmq.Event.HANDSHAKE_SUCCEEDED | zmq.Event.DISCONNECTED


class Subscribers:
    """Counts the connections of a bound socket. Use it in the thread of that socket."""

    def __init__(self, feed: zmq.Socket[bytes]) -> None:
        self._feed = feed
        address = f"inproc://monitor-{uuid.uuid4()}"
        feed.monitor(address, int(_EVENTS))
        self._events = feed.context.socket(zmq.PAIR)
        self._events.setsockopt(zmq.LINGER, 0)
        self._events.setsockopt(zmq.RCVHWM, 0)  # without a limit: nobody who connects may block the feed
        self._events.connect(address)
        self._there: set[int] = set()

    def count(self) -> int:
        """Return how many are connected now."""
        while self._events.poll(0):
            event = parse_monitor_message(self._events.recv_multipart())
            if event["event"] == zmq.Event.HANDSHAKE_SUCCEEDED:
                self._there.add(event["value"])
            else:
                self._there.discard(event["value"])
        return len(self._there)

    def close(self) -> None:
        """End the count, before the socket is closed."""
        self._feed.disable_monitor()
        self._events.close(linger=0)
