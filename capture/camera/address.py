"""What ``--camera`` may name: a video device by number or path, a network stream, a video file."""

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from smearwatch.daemon.hinted import Hinted

SCHEMES = ("http", "https", "rtsp", "rtsps", "rtmp", "rtp", "udp", "tcp")


class CameraUnusable(Hinted, OSError):
    """A camera that cannot be opened, or gives no picture, when a run begins."""


@dataclass(frozen=True, slots=True)
class CameraAddress:
    """Where pictures are read from.

    Attributes
    ----------
    kind : str
        ``device`` (V4L2), ``stream`` (network) or ``file`` (a video, which ends).
    where : str
        Path or URL.
    """

    kind: Literal["device", "stream", "file"]
    where: str

    @property
    def shown(self) -> str:
        """The address as it is shown and logged: without the password that a URL may hold."""
        if self.kind != "stream":
            return self.where
        parts = urlsplit(self.where)
        if "@" not in parts.netloc:
            return self.where
        return parts._replace(netloc=f"***@{parts.netloc.rpartition('@')[2]}").geturl()


def camera_address(text: str) -> CameraAddress:
    """Return the address that a person named.

    Parameters
    ----------
    text
        ``0``, ``/dev/video0``, ``rtsp://host/stream``, ``film.avi``.

    Raises
    ------
    CameraUnusable
        It is not there, may not be read, or is nothing that pictures are read from.
    """
    if re.fullmatch(r"\d{1,4}", text):
        return _on_disk(f"/dev/video{int(text)}")
    scheme, separator, _ = text.partition("://")
    if separator:
        if scheme.lower() not in SCHEMES or not urlsplit(text).netloc:
            address = CameraAddress("stream", text).shown
            raise CameraUnusable(f"camera {address} is no stream that can be read", f"use {', '.join(SCHEMES)}")
        return CameraAddress("stream", text)
    return _on_disk(text)


def _on_disk(path: str) -> CameraAddress:
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        raise CameraUnusable(f"camera {path} does not exist", _present()) from None
    if not (stat.S_ISCHR(mode) or stat.S_ISREG(mode)):
        raise CameraUnusable(f"camera {path} is neither a device nor a file", "for a folder use --watch")
    kind: Literal["device", "file"] = "device" if stat.S_ISCHR(mode) else "file"
    if not os.access(path, os.R_OK | (os.W_OK if kind == "device" else 0)):
        hint = "add this user to the group video" if kind == "device" else f"chmod u+r {path}, or run as its owner"
        raise CameraUnusable(f"camera {path} may not be read by this user", hint)
    return CameraAddress(kind, path)


def _present() -> str:
    devices = sorted(str(path) for path in Path("/dev").glob("video*"))
    return f"video devices here: {' '.join(devices)}" if devices else "no video device is plugged in; check the path"
