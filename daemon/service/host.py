"""The computer that a service is installed on, or a folder that becomes one: files written, commands run, each said."""

import os
import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from smearwatch.daemon.atomic_write import write_atomically
from smearwatch.daemon.hinted import Hinted

_MODE: Final = 0o644


class ServiceUnusable(Hinted):
    """The service cannot be installed or removed as was asked."""


class Host:
    """Where things are done, or only shown.

    Parameters
    ----------
    root
        ``/``, or a folder that is going to be the root of a computer.
    dry
        Whether everything is said and nothing done.
    say
        Is given each line.
    """

    def __init__(self, root: Path, *, dry: bool, say: Callable[[str], None]) -> None:
        self.root = root
        self.dry = dry
        self._say = say
        self._held: list[str] = []

    def say(self, line: str) -> None:
        """Say what was done; where nothing is done it is held until `finish`, behind what files would contain."""
        if self.dry:
            self._held.append(line)
        else:
            self._say(line)

    def finish(self) -> None:
        """Say what was held."""
        if self.dry:
            for line in ("In all, and nothing of it was done:", *self._held):
                self._say(line)

    @property
    def here(self) -> bool:
        """Whether this is the computer that runs."""
        return self.root == Path("/")

    def at(self, path: str | Path) -> Path:
        """Return where a file of that computer lies now; a link that leads out of its root is a `ServiceUnusable`."""
        target = self.root / str(path).lstrip("/")
        if not self.here and not target.parent.resolve().is_relative_to(self.root.resolve()):
            raise ServiceUnusable(
                f"{target.parent} leads out of {self.root}, by a link", "make that link relative, or a folder"
            )
        return target

    def check(self) -> None:
        """Raise `ServiceUnusable` where this user cannot install here, or there is no systemd to install into."""
        if self.dry or not self.here:
            return
        if os.geteuid() != 0:
            raise ServiceUnusable(
                "only root may install or remove a service",
                "put sudo before it, or lay its files elsewhere with --root",
            )
        if not Path("/run/systemd/system").is_dir():
            raise ServiceUnusable("no systemd runs on this computer", "use `smearwatch run`, or --root DIR")

    def write(self, path: str, content: str) -> None:
        """Write a file that is the program's own."""
        target = self.at(path)
        before = _text(target)
        self._lay(target, before, content)

    def offer(self, path: str, content: str) -> bool:
        """Write a file that is the administrator's from then on; returns whether it holds this content now."""
        target = self.at(path)
        before = _text(target)
        if before is not None and before != content:
            self.say(f"left as it is: {target}")
            return False
        self._lay(target, before, content)
        return True

    def link(self, path: str, to: str) -> None:
        """Make a link, unless something else is there."""
        target = self.at(path)
        if target.is_symlink() and str(target.readlink()) == to:
            self.say(f"same: {target} -> {to}")
        elif target.is_symlink() or target.exists():
            self.say(f"left as it is: {target}")
        else:
            self._say_done("written", f"{target} -> {to}")
            if not self.dry:
                with _explained(target):
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.symlink_to(to)

    def remove(self, path: str, *, link_to: str | None = None) -> None:
        """Remove a file, or a link if it leads there."""
        target = self.at(path)
        if link_to is not None and not (target.is_symlink() and str(target.readlink()) == link_to):
            return
        if target.is_symlink() or target.exists():
            self._say_done("removed", target)
            if not self.dry:
                with _explained(target):
                    target.unlink()

    def call(self, *command: str, may_fail: bool = False) -> None:
        """Run a command of this computer; raises `ServiceUnusable` with what it said."""
        self._say_done("run", " ".join(command))
        if self.dry:
            return
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError as error:
            raise ServiceUnusable(f"{command[0]}: {error.strerror}", "install systemd, whose command it is") from None
        if done.returncode and not may_fail:
            said = (done.stderr or done.stdout).strip().replace("\n", "; ")
            raise ServiceUnusable(f"{' '.join(command)} failed: {said}", "mend that, and type it again")

    def remove_folder(self, path: str) -> None:
        """Remove a folder and all in it."""
        target = self.at(path)
        if target.is_dir():
            self._say_done("removed", f"{target} and all in it")
            if not self.dry:
                with _explained(target):
                    shutil.rmtree(target)

    def remove_empty(self, *paths: str) -> None:
        """Remove folders in which nothing is left."""
        for path in paths:
            if not self.dry:
                with suppress(OSError):  # something is in it, or it never was there
                    self.at(path).rmdir()

    def _say_done(self, what: str, of: object) -> None:
        self.say(f"{'would be ' if self.dry else ''}{what}: {of}")

    def _lay(self, target: Path, before: str | None, content: str) -> None:
        if before == content:
            self.say(f"same: {target}")
        else:
            self._say_done("written" if before is None else "renewed", target)
            if self.dry:
                for line in (f"{target}:", *(f"    {line}" if line else "" for line in content.splitlines()), ""):
                    self._say(line)
            else:
                self._put(target, content)

    def _put(self, target: Path, content: str) -> None:
        with _explained(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(target, content.encode())
            target.chmod(_MODE)  # whatever the umask of this shell: services and accounts read it


def enabled_units(host: Host) -> list[str]:
    """Return the units that start with the target there."""
    folder = host.at("/etc/systemd/system/smearwatch.target.wants")
    return sorted(each.name for each in folder.iterdir()) if folder.is_dir() else []


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError):
        return ""  # something is there, and it is not ours


class _explained:  # noqa: N801  # reads as a statement
    """Turn a refusal of the system into `ServiceUnusable`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, OSError):
            raise ServiceUnusable(
                f"{self._path}: {error.strerror or error}", "see that this user may write there"
            ) from None
