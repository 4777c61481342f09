"""What the service consists of: its units, users and folders as they are shipped, and the administrator's files."""

import shlex
import sys
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final, Literal

from smearwatch.daemon.service.host import ServiceUnusable

TARGET: Final = "smearwatch.target"
WHOLE: Final = "smearwatch.service"
HUB, WEB, WORKER = "smearwatch-hub.service", "smearwatch-web.service", "smearwatch-worker@1.service"
USER: Final = "smearwatch"
WATCHERS, OPERATORS = "smearwatch-watchers", "smearwatch-operators"
STATE, RUNTIME, SETTINGS = "/var/lib/smearwatch", "/run/smearwatch", "/etc/smearwatch"
COMMAND: Final = "/usr/local/bin/smearwatch"
UNITS_IN: Final = "/usr/local/lib/systemd/system"
"""Units of programs that no package manager brought; what an administrator writes stands in /etc, and wins."""

_SHIPPED_FOR: Final = "/opt/smearwatch/"
_OTHERS: Final = {
    "smearwatch.sysusers.conf": "/usr/local/lib/sysusers.d/smearwatch.conf",
    "smearwatch.tmpfiles.conf": "/usr/local/lib/tmpfiles.d/smearwatch.conf",
}

_CONFIG: Final = f"""\
# Settings of the smearwatch service, and of everybody who uses its program on this computer.
# An account's own ~/.config/smearwatch/config.toml is read after this file. `smearwatch config check` shows what holds.
state_dir = "{STATE}"
runtime_dir = "{RUNTIME}"
# Accounts in these groups may look on, and work with the count: label, review, pause, stop.
watch_group = "{WATCHERS}"
control_group = "{OPERATORS}"
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of an installation; None for what is not said."""

    watch: Path | None = None
    camera: str | None = None
    subfolders: bool = False
    session: str | None = None
    device: Literal["auto", "cpu", "cuda"] | None = None

    @property
    def capture(self) -> str | None:
        """The unit that brings the pictures, None where nobody has said where from."""
        if self.subfolders or (self.watch is None and self.camera is None):
            return None
        return f"smearwatch-capture@{'folder' if self.camera is None else 'camera'}.service"


def program() -> str:
    """Return the folder of the program that runs, whose service it is going to be."""
    return sys.prefix


def own_files(prefix: str) -> dict[str, str]:
    """Return the program's own files, renewed with each version: path and content."""
    shipped = resources.files("smearwatch").joinpath("systemd")
    files = {}
    for each in sorted(shipped.iterdir(), key=lambda each: each.name):
        if each.name.endswith((".service", ".target", ".conf")):
            path = _OTHERS.get(each.name, f"{UNITS_IN}/{each.name}")
            files[path] = each.read_text(encoding="utf-8").replace(_SHIPPED_FOR, f"{prefix}/")
    return files


def kept_files(wanted: Wanted) -> dict[str, str]:
    """Return the administrator's files as they are offered: path and content. Raises `ServiceUnusable`."""
    files = {f"{SETTINGS}/config.toml": _CONFIG}
    if wanted.subfolders:
        options = ["--subfolders", *(["--session", wanted.session] if wanted.session else [])]
        watch = f"SMEARWATCH_WATCH={_plain(str(wanted.watch))}\n"
        files[f"{SETTINGS}/service.env"] = f"# Read by {WHOLE}.\n{watch}{_options(options)}"
        return files
    session = ["--session", wanted.session or "lab-1"]
    files[f"{SETTINGS}/hub.env"] = f"# Options of `smearwatch hub`, read by {HUB}.\n{_options(session)}"
    if wanted.capture is not None:
        kind = wanted.capture.partition("@")[2].removesuffix(".service")
        options = ["--camera", wanted.camera] if wanted.camera is not None else ["--watch", str(wanted.watch)]
        said = f"# Options of `smearwatch capture`, read by {wanted.capture}.\n"
        files[f"{SETTINGS}/capture-{kind}.env"] = said + _options(options)
    device = _options(["--device", wanted.device or "auto"])
    files[f"{SETTINGS}/worker.env"] = (
        f"# Options of `smearwatch worker`, read by every smearwatch-worker@.service.\n{device}"
    )
    return files


def _options(words: list[str]) -> str:
    return f"SMEARWATCH_OPTIONS={shlex.join([_plain(word) for word in words])}\n"


def _plain(word: str) -> str:
    """Return a word that a file of systemd's takes as it stands."""
    if "\\" in word or not word.isprintable():
        raise ServiceUnusable(f"{word!r} cannot stand in a file of systemd's", "give it a name without such signs")
    return word
