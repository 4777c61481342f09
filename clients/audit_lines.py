"""Entries of the audit journal in words, a line each."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from smearwatch.daemon.record.audit import Entry
from smearwatch.daemon.sign_text import when_text

_OCCASION: Final = {
    "opened": "the count began",
    "closed": "the count ended",
    "counting": "counting",
    "signed": "signed",
    "amended": "opened again",
}


def entry_line(entry: Entry) -> str:
    """Return an entry in a line: number, when, who, what."""
    who = entry.account if entry.by in (None, entry.account) else f"{entry.by} ({entry.account})"
    what = _WORDS.get(entry.kind, _other)(entry.values)
    of = f"session {entry.session}: " if entry.session else ""
    return f"{entry.number}  {when_text(entry.at_ns)}  {who}: {of}{what}"


def _at(values: Mapping[str, Any]) -> str:
    return f"entry {values.get('event')}, chain {str(values.get('chain'))[:16]}"


def _anchor(values: Mapping[str, Any]) -> str:
    why = str(values.get("why"))
    return f"{_OCCASION.get(why, why)}, at {_at(values)}"


def _exported(values: Mapping[str, Any]) -> str:
    options = "".join(f", {key} {value}" for key, value in dict(values.get("options") or {}).items())
    return f"written out as {values.get('format')}{options} to {values.get('to')}, at {_at(values)}"


def _deleted(values: Mapping[str, Any]) -> str:
    chain = values.get("chain")
    record = f", {values.get('events')} entries to chain {str(chain)[:16]}" if chain else ""
    return f"deleted ({values.get('why')}){record}"


def _imported(values: Mapping[str, Any]) -> str:
    digest = str(values.get("sha256"))[:16]
    return f"imported from {values.get('archive')} (SHA-256 {digest}), {values.get('events')} entries"


def _promoted(values: Mapping[str, Any]) -> str:
    was, now = (str(values.get(key) or "those shipped")[:16] for key in ("was", "now"))
    return f"weights in use: {now}, before: {was} ({values.get('how')})"


def _settings(values: Mapping[str, Any]) -> str:
    was, now = dict(values.get("was") or {}), dict(values.get("now") or {})
    if not was:
        return "settings of the first run"
    changed = [f"{key} = {now.get(key)!r}, before: {was.get(key)!r}" for key in sorted(was.keys() | now.keys())]
    return f"settings changed: {'; '.join(changed)}"


def _account(values: Mapping[str, Any]) -> str:
    done = {"added": "added as a", "password": "given another password,", "removed": "removed, a"}
    return (
        f"account {values.get('name')!r} {done.get(str(values.get('what')), values.get('what'))} {values.get('role')}"
    )


def _key(values: Mapping[str, Any]) -> str:
    rights = ", ".join(map(str, values.get("rights") or ()))
    return f"key {values.get('name')!r} {values.get('what')}{f' to {rights}' if rights else ''}"


def _calibration(values: Mapping[str, Any]) -> str:
    was, now = (_scale_text(values.get(key)) for key in ("was", "now"))
    return f"calibration {values.get('name')!r}: {now}, before: {was}"


def _scale_text(calibration: Mapping[str, Any] | None) -> str:
    return "none" if calibration is None else f"{calibration.get('um_per_px')} um/px"


def _other(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in values.items())


_WORDS: Final[dict[str, Callable[[Mapping[str, Any]], str]]] = {
    "anchor": _anchor,
    "exported": _exported,
    "deleted": _deleted,
    "imported": _imported,
    "promoted": _promoted,
    "settings": _settings,
    "account": _account,
    "key": _key,
    "calibration": _calibration,
}
