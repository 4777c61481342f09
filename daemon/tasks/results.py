"""A folder of results: a file for each session, written whole or not at all, and a manifest of all of them.

What decides a result is in its file, so that one that stands is known again and is not made twice. No file holds a
time, a place or the name of a computer: the same request gives the same bytes wherever it was carried out.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from smearwatch.daemon.atomic_write import make_folder, write_atomically
from smearwatch.daemon.hinted import Hinted
from smearwatch.daemon.record.events import canonical_json

MANIFEST: Final = "manifest.json"
_SESSIONS: Final = "sessions"


class ResultsUnusable(Hinted):
    """A folder that cannot take these results."""


class Results:
    """The results of one request.

    Parameters
    ----------
    folder
        Where they are, or are to be.
    request
        What all of them have in common: what is done, with which weights, settings and program.

    Raises
    ------
    ResultsUnusable
        The folder has those of another request, or something else, or cannot be written.
    """

    def __init__(self, folder: Path, request: Mapping[str, Any]) -> None:
        self.folder = folder
        self._request = dict(request)
        self._check()
        try:
            make_folder(folder / _SESSIONS)
            self._write_manifest({}, {})
        except OSError as error:
            raise _refused(folder, error) from error

    def find(self, name: str, record: Mapping[str, Any]) -> Any:
        """Return a session's result if it stands as it was written, of this very record; else None."""
        try:
            content = json.loads(self._path(name).read_bytes())
            is_whole = content.pop("sha256") == _digest(content)
            return content["result"] if is_whole and content["made_of"] == self._made_of(record) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def read(self, name: str) -> Any:
        """Return a session's result that stands; raises OSError, ValueError or KeyError where none does."""
        return json.loads(self._path(name).read_bytes())["result"]

    def write(self, name: str, record: Mapping[str, Any], result: bytes) -> None:
        """Write a session's result, which is given as JSON; raises `ResultsUnusable`."""
        path = self._path(name)
        content = {"made_of": self._made_of(record), "result": json.loads(result)}
        try:
            make_folder(path.parent)
            write_atomically(path, canonical_json({**content, "sha256": _digest(content)}) + b"\n")
        except OSError as error:
            raise _refused(path, error) from error

    def finish(self, done: Mapping[str, Mapping[str, Any]], failed: Mapping[str, str]) -> None:
        """Write the manifest: every session's record and the SHA-256 of its result, or why there is none."""
        try:
            self._write_manifest(done, failed)
        except OSError as error:
            raise _refused(self.folder / MANIFEST, error) from error

    def _write_manifest(self, done: Mapping[str, Mapping[str, Any]], failed: Mapping[str, str]) -> None:
        sessions = {
            name: {**record, "result_sha256": hashlib.sha256(self._path(name).read_bytes()).hexdigest()}
            for name, record in sorted(done.items())
        }
        content = {"request": self._request, "sessions": sessions, "failed": dict(sorted(failed.items()))}
        write_atomically(self.folder / MANIFEST, json.dumps(content, indent=1, ensure_ascii=False).encode() + b"\n")

    def _made_of(self, record: Mapping[str, Any]) -> dict[str, Any]:
        return {**self._request, "record": dict(record)}

    def _path(self, name: str) -> Path:
        return self.folder / _SESSIONS / f"{name}.json"

    def _check(self) -> None:
        try:
            held = json.loads((self.folder / MANIFEST).read_bytes())["request"]
        except FileNotFoundError:
            if self.folder.is_dir() and any(self.folder.iterdir()):
                raise ResultsUnusable(f"{self.folder} holds something else", "name a new folder") from None
            return
        except NotADirectoryError:
            raise ResultsUnusable(f"{self.folder} is no folder", "name a new folder") from None
        except (OSError, ValueError, KeyError, TypeError):
            raise ResultsUnusable(f"{self.folder / MANIFEST} cannot be read", "name a new folder") from None
        if held != self._request:
            names = sorted(name for name in {*held, *self._request} if held.get(name) != self._request.get(name))
            what = f"{self.folder} holds results of another {' and another '.join(names)}"
            raise ResultsUnusable(what, "name a new folder, or remove that one")


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(canonical_json(content)).hexdigest()


def _refused(path: Path, error: OSError) -> ResultsUnusable:
    return ResultsUnusable(f"{path}: {error.strerror or error}", "name a folder that this user may write, with room")
