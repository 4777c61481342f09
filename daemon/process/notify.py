"""The service manager's notification socket (sd_notify(3)); silent where there is none."""

import os
import socket


def notify(state: str) -> bool:
    """Send one state, such as ``READY=1`` or ``WATCHDOG=1``; returns whether a service manager was there."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        try:
            # A leading @ stands for the abstract namespace's zero byte.
            channel.sendto(state.encode(), "\0" + address[1:] if address[0] == "@" else address)
        except OSError:
            return False
    return True


def watchdog_period_s() -> float | None:
    """Return how often ``WATCHDOG=1`` is due: a fifth of what the service manager allows.

    So a loop may be late by most of that before it is taken for dead. None where nobody watches.
    """
    allowed_us = os.environ.get("WATCHDOG_USEC", "")
    if not allowed_us.isdecimal() or os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return int(allowed_us) / 5e6


def wait_for_me(seconds: float | None) -> None:
    """Ask the service manager to wait so long for the next sign of life; None for as long as it said itself."""
    if watchdog_period_s() is not None:
        us = os.environ["WATCHDOG_USEC"] if seconds is None else int(seconds * 1e6)
        notify(f"WATCHDOG_USEC={us}\nWATCHDOG=1")
