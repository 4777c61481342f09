"""Promoted weights on disk: each in a folder of its identity, one of them current, every change whole or not at all."""

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from smearwatch.daemon.atomic_write import atomically, make_folder, sync_folder
from smearwatch.daemon.record import audit
from smearwatch.daemon.weights import CURRENT, PromotedWeightsDamaged, promoted_weights, weights_root
from smearwatch.models import checkpoint
from smearwatch.models.checkpoint import WeightsUnusable
from smearwatch.train.promotion.history import Step, read_steps, undo_stack, write_steps

_LOCK: Final = "lock"
_MOST_BYTES: Final = 512 * 2**20


class StoreBusy(Exception):
    """Somebody else is promoting."""

    hint = "wait for it to end"

    def __init__(self, root: Path, pid: str) -> None:
        super().__init__(f"another promotion (process {pid or 'unknown'}) is at work in {root}")


class StoreFailed(Exception):
    """The promoted weights cannot be written."""

    hint = "see that this user may write there and that there is room; the weights in use stay in use"


class NothingBefore(Exception):
    """There is nothing to go back to."""

    hint = "`smearwatch promote --list` shows what there is"


class Store:
    """The promoted weights of a state folder.

    Attributes
    ----------
    root
        Their folder; made by `locked`.
    """

    def __init__(self, state_dir: Path) -> None:
        self.root = weights_root(state_dir)
        self._state_dir = state_dir

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep every other promotion out; raises `StoreBusy` where one is at work, `StoreFailed`."""
        with self._reported():
            make_folder(self.root)
            descriptor = os.open(self.root / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StoreBusy(self.root, os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()) from None
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            yield
        finally:
            os.close(descriptor)

    @property
    def current(self) -> str | None:
        """Return the identity of the promoted weights in use, None for the shipped ones; a damaged link's target."""
        try:
            folder = promoted_weights(self._state_dir)
        except PromotedWeightsDamaged:
            link = self.root / CURRENT
            return os.readlink(link) if link.is_symlink() else link.name
        return folder.name if folder else None

    def steps(self) -> list[Step]:
        """Return what was promoted, in order; raises `HistoryDamaged`."""
        return read_steps(self.root, self.current)

    def folder(self, identity: str) -> Path:
        """Return the folder of weights, whether it is there or not."""
        return self.root / identity

    def list_installed(self) -> list[Path]:
        """Return the folders of weights that are there, by identity."""
        if not self.root.is_dir():
            return []
        folders = [path for path in self.root.iterdir() if path.is_dir() and not path.is_symlink()]
        return sorted(path for path in folders if not path.name.startswith("."))

    def install(self, source: Path, identity: str, beside: Mapping[str, str]) -> Path:
        """Copy weights whole, checked, and with further text files beside them; only while `locked`.

        Raises
        ------
        WeightsUnusable
            What was copied is damaged, or no longer the weights of that identity.
        StoreFailed
            The disk refused; nothing is left of the copy.
        """
        final = self.folder(identity)
        with self._reported():
            self._remove_leftovers()
            with atomically(final, replace=True) as incoming:
                incoming.mkdir()
                for path in _files(source):
                    copy = incoming / path.relative_to(source)
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(path, copy)
                if checkpoint.load(incoming).manifest.weights_id() != identity:
                    raise WeightsUnusable(source, "changed while they were promoted", "promote them again")
                for name, text in beside.items():
                    (incoming / name).write_text(text, encoding="utf-8")
        return final

    def switch(self, identity: str | None, how: Literal["promoted", "forced", "back"], by: str | None = None) -> None:
        """Make weights current, None for the shipped ones, and note it; only while `locked`.

        Raises
        ------
        StoreFailed, AuditUnusable
            It cannot be written; the weights in use stay in use.
        """
        step = Step(datetime.now(UTC).isoformat(timespec="seconds"), how, identity, self.current, by)
        steps = [*self.steps(), step]
        link = self.root / CURRENT
        values = {"how": how, "was": self.current, "now": identity}
        audit.add(self._state_dir, "promoted", by=by, values=values)
        with self._reported():
            write_steps(self.root, steps)
            if identity is None:
                link.unlink(missing_ok=True)
            else:
                with atomically(link) as fresh:
                    fresh.symlink_to(identity)
            sync_folder(self.root)

    def back(self, by: str | None = None) -> tuple[str | None, list[str]]:
        """Return to the weights before the present ones, as somebody wants it; only while `locked`.

        Returns
        -------
        str or None, list of str
            What is current now (None: the shipped ones), and the damaged ones that were passed over.

        Raises
        ------
        NothingBefore
            The shipped weights are in use.
        """
        *before, present = undo_stack(self.steps(), self.current)
        if present is None:
            raise NothingBefore("the weights that come with smearwatch are in use; there are none before them")
        skipped: list[str] = []
        for identity in reversed(before):
            if identity is None or self._sound(identity):
                self.switch(identity, "back", by)
                return identity, skipped
            skipped.append(identity)
        raise NothingBefore("none of the weights before the present ones can be used")

    def _sound(self, identity: str) -> bool:
        try:
            return checkpoint.load(self.folder(identity)).manifest.weights_id() == identity
        except WeightsUnusable:
            return False

    def _remove_leftovers(self) -> None:
        """Remove folders of promotions that were killed, also by an earlier version: nobody else is at work."""
        for pattern in (".*.partial", ".incoming-*"):
            for left in self.root.glob(pattern):
                if left.is_dir() and not left.is_symlink():
                    shutil.rmtree(left)

    @contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreFailed(f"{error.filename or self.root}: {(error.strerror or str(error)).lower()}") from error


def _files(source: Path) -> list[Path]:
    files = sorted(path for path in source.rglob("*") if path.is_file())
    files = [path for path in files if not any(part.startswith(".") for part in path.relative_to(source).parts)]
    if sum(path.stat().st_size for path in files) > _MOST_BYTES:
        matter = f"more than {_MOST_BYTES >> 20} MiB of files"
        raise WeightsUnusable(source, matter, "leave only the weights and their report in that folder")
    return files
