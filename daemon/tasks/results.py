"""A folder of results: a file for each session, written whole or not at all, and a manifest of all of them.

What decides a result is in its file, so that one that stands is known again and is not made twice. No file holds a
time, a place or the name of a computer: the same request gives the same bytes wherever it was carried out. Each file
holds the SHA-256 of what it says, so one that somebody changed is known, and is not written over.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from smearwatch.daemon.atomic_write import make_folder
from smearwatch.daemon.hinted import Hinted
from smearwatch.daemon.own_output import write_result
from smearwatch.daemon.record.events import canonical_json
from smearwatch.daemon.regular_file import read_regular

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
        The folder has those of another request, or something else, or ones that were changed, or cannot be written.
    """

    def __init__(self, folder: Path, request: Mapping[str, Any]) -> None:
        self.folder = folder
        self._request = dict(request)
        self._check()

    def begin(self) -> None:
        """Write a manifest without sessions, by which the folder is known; raises as `write` does."""
        self._write_manifest({}, {})

    def find(self, name: str, record: Mapping[str, Any]) -> Any:
        """Return a session's result of this very record, None where there is none.

        Raises
        ------
        ResultsUnusable
            There is one that was changed since it was written.
        """
        if (content := _as_written(self._path(name))) is None:
            return None
        return content["result"] if content["made_of"] == self._made_of(record) else None

    def read(self, name: str) -> Any:
        """Return a session's result that stands; raises OSError, ValueError or KeyError where none does."""
        return json.loads(read_regular(self._path(name)))["result"]

    def write(self, name: str, record: Mapping[str, Any], result: bytes) -> None:
        """Write a session's result, which is given as JSON.

        Raises
        ------
        ChangedMeanwhile
            One that somebody wrote or changed meanwhile was left as it is, and this one is beside.
        ResultsUnusable
            It cannot be written.
        """
        content = {"made_of": self._made_of(record), "result": json.loads(result)}
        self._put(self._path(name), canonical_json({**content, "sha256": _digest(content)}) + b"\n")

    def finish(self, done: Mapping[str, Mapping[str, Any]], failed: Mapping[str, str]) -> None:
        """Write the manifest: every session's record and the SHA-256 of its result, or why there is none.

        Raises `ChangedMeanwhile` and `ResultsUnusable` as `write` does.
        """
        self._write_manifest(done, failed)

    def _write_manifest(self, done: Mapping[str, Mapping[str, Any]], failed: Mapping[str, str]) -> None:
        sessions = {
            name: {**record, "result_sha256": hashlib.sha256(read_regular(self._path(name))).hexdigest()}
            for name, record in sorted(done.items())
        }
        content = {"request": self._request, "sessions": sessions, "failed": dict(sorted(failed.items()))}
        text = json.dumps({**content, "sha256": _digest(content)}, indent=1, ensure_ascii=False)
        self._put(self.folder / MANIFEST, text.encode() + b"\n")

    def _put(self, path: Path, content: bytes) -> None:
        """Write a file; one that is there must still be as it was written."""
        try:
            make_folder(path.parent)
            _as_written(path)
            write_result(path, content, force=True)
        except ResultsUnusable:
            write_result(path, content, force=False)
        except OSError as error:
            raise _refused(path, error) from error

    def _made_of(self, record: Mapping[str, Any]) -> dict[str, Any]:
        return {**self._request, "record": dict(record)}

    def _path(self, name: str) -> Path:
        return self.folder / _SESSIONS / f"{name}.json"

    def _check(self) -> None:
        if self.folder.exists() and not self.folder.is_dir():
            raise ResultsUnusable(f"{self.folder} is no folder", "name a new folder")
        if (content := _as_written(self.folder / MANIFEST)) is None:
            if self.folder.is_dir() and any(self.folder.iterdir()):
                raise ResultsUnusable(f"{self.folder} holds something else", "name a new folder")
            return
        held = content["request"]
        if held != self._request:
            names = sorted(name for name in {*held, *self._request} if held.get(name) != self._request.get(name))
            what = f"{self.folder} holds results of another {' and another '.join(names)}"
            raise ResultsUnusable(what, "name a new folder, or remove that one")


def _as_written(path: Path) -> dict[str, Any] | None:
    """Return what a file holds, None where there is none; raises `ResultsUnusable` where it was changed since."""
    try:
        content: dict[str, Any] = json.loads(read_regular(path))
        if content.pop("sha256") == _digest(content):
            return content
    except (FileNotFoundError, NotADirectoryError):
        if not path.is_symlink():
            return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    what = f"{path} was left as it is: smearwatch did not write it, or it was changed since"
    raise ResultsUnusable(what, "move it away, or name a new folder")


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(canonical_json(content)).hexdigest()


def _refused(path: Path, error: OSError) -> ResultsUnusable:
    return ResultsUnusable(f"{path}: {error.strerror or error}", "name a folder that this user may write, with room")
