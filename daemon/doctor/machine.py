"""The machine: versions, processor, memory, clock, and how many files it watches."""

import os
import platform
import resource
import subprocess
import time
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from smearwatch.daemon.doctor.check import Check
from smearwatch.daemon.open_files import FEW, HOW, LEAST

_PACKAGES: Final = ("torch", "torchvision", "opencv-python", "pyzmq", "numpy", "msgpack", "watchdog", "structlog")
_HEADLESS: Final = {"opencv-python": "opencv-python-headless"}
_LITTLE_MEMORY_BYTES: Final = 3 * 1024**3
_FEW_WATCHES: Final = {"max_user_instances": 64, "max_user_watches": 8192}
_BUILT_NS: Final = 1_764_000_000 * 10**9  # the end of November 2025: a clock before it was never set


def versions() -> Check:
    """Return which version this is, and of what it consists."""
    found = {"smearwatch": version("smearwatch"), "python": platform.python_version()}
    missing = []
    for name in _PACKAGES:
        installed = _version(name) or _version(_HEADLESS.get(name, name))
        found |= {name: installed} if installed else {}
        missing += [] if installed else [name]
    if missing:
        return Check(
            "versions",
            "failed",
            f"missing: {', '.join(missing)}",
            "install smearwatch again: pip install smearwatch",
            found,
        )
    shown = ", ".join(f"{name} {found[name]}" for name in ("smearwatch", "python", "torch", "opencv-python"))
    return Check("versions", "ok", shown, values=found)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> Check:
    """Return how many cores there are for this process, and whether they have what PyTorch is fast with."""
    cores, flags = len(os.sched_getaffinity(0)), _flags(cpuinfo)
    widest = next((name for name in ("avx512f", "avx2", "asimd", "avx") if name in flags), None)
    values = {"cores": cores, "widest": widest, "machine": platform.machine()}
    says = f"{cores} {'core' if cores == 1 else 'cores'}, {platform.machine()}{f', {widest}' if widest else ''}"
    if widest in (None, "avx") and flags:
        return Check("processor", "warning", says, "a processor with AVX2 judges several times as fast", values)
    if cores < 2:
        return Check("processor", "warning", says, "search and judging share one core: give it two or more", values)
    return Check("processor", "ok", says, values=values)


def _flags(cpuinfo: Path) -> set[str]:
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return set()
    return {flag for line in lines if line.lower().startswith(("flags", "features")) for flag in line.split()}


def memory(meminfo: Path = Path("/proc/meminfo")) -> Check:
    """Return how much memory is free."""
    sizes = _sizes(meminfo)
    if (free := sizes.get("MemAvailable")) is None:
        return Check("memory", "warning", "not known", "")
    says, values = f"{free / 1024**3:.1f} GB free", {"available_bytes": free}
    if free < _LITTLE_MEMORY_BYTES:
        return Check(
            "memory", "warning", says, "close other programs: a count takes about 2 GB, large pictures more", values
        )
    return Check("memory", "ok", says, values=values)


def _sizes(meminfo: Path) -> Mapping[str, int]:
    try:
        lines = [line.split() for line in meminfo.read_text().splitlines()]
    except OSError:
        return {}
    return {words[0].rstrip(":"): int(words[1]) * 1024 for words in lines if len(words) > 2}


def clock(latest_ns: int | None, now_ns: int | None = None) -> Check:
    """Return whether the clock can be right: not before this program, nor before what is recorded already.

    Parameters
    ----------
    latest_ns
        When the last entry of any session was recorded, nanoseconds since 1970.
    now_ns
        What time it is.
    """
    now_ns = time.time_ns() if now_ns is None else now_ns
    says = time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(now_ns / 1e9))
    values = {"now_ns": now_ns, "synchronised": (kept := _is_synchronised())}
    mend = "set the clock, and let it be kept: timedatectl set-ntp true"
    if now_ns < max(_BUILT_NS, latest_ns or 0):
        why = "older than this program" if now_ns < _BUILT_NS else "older than the last recorded entry"
        return Check("clock", "failed", f"{says}: {why}", mend, values)
    if kept is False:
        return Check("clock", "warning", f"{says}, kept by no time server", mend, values)
    return Check("clock", "ok", says, values=values)


def _is_synchronised() -> bool | None:
    """Return whether a time server keeps the clock, None where nobody knows."""
    command = ["timedatectl", "show", "--property=NTPSynchronized", "--value"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
    return {"yes": True, "no": False}.get(told)


def notices(root: Path = Path("/proc/sys/fs/inotify")) -> Check:
    """Return whether the system tells of new files in enough folders."""
    limits = {}
    for name in _FEW_WATCHES:
        try:
            limits[name] = int((root / name).read_text())
        except (OSError, ValueError):
            return Check("file notices", "warning", "no limits to be read: folders are scanned at intervals")
    says = ", ".join(f"{_WORDS[name]} {count}" for name, count in limits.items())
    few = [name for name, least in _FEW_WATCHES.items() if limits[name] < least]
    if few:
        raised = " ".join(f"fs.inotify.{name}={_FEW_WATCHES[name]}" for name in few)
        return Check("file notices", "warning", says, f"raise them: sysctl {raised}", limits)
    return Check("file notices", "ok", says, values=limits)


def open_files() -> Check:
    """Return whether a process may open enough files: the program raises the limit for itself as far as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    values = {"soft": soft, "hard": hard}
    says = "no limit" if hard == resource.RLIM_INFINITY else f"up to {hard} a process"
    if hard != resource.RLIM_INFINITY and hard < LEAST:
        return Check("open files", "failed", f"{says}, and {LEAST} are needed", HOW, values)
    if hard != resource.RLIM_INFINITY and hard < FEW:
        return Check("open files", "warning", f"{says}: with many clients or browsers some wait", HOW, values)
    return Check("open files", "ok", says, values=values)


_WORDS: Final = {"max_user_instances": "watching programs up to", "max_user_watches": "folders up to"}


def of_machine(latest_ns: int | None) -> Iterable[Check]:
    """Yield all checks of the machine."""
    yield versions()
    yield processor()
    yield memory()
    yield clock(latest_ns)
    yield notices()
    yield open_files()
