"""An entry without what names people, specimens and files: tokens in their place, and of free text nothing.

What may stay is listed, so a text that comes to the record later is withheld until somebody thought about it. A token
is the same wherever the same text stood, in every session of a state folder, and cannot be guessed without its key.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from smearwatch.daemon.record.band_rules import rule_named
from smearwatch.daemon.record.events import canonical_json
from smearwatch.daemon.record.followed import FOLLOWS

WITHHELD: Final = "withheld"

_DIGITS: Final = 12
_STAYS: Final = frozenset(
    "kind cls verdict label weights moments version source gate order aside reading status thumbnail engine why".split()
)
_SCALES: Final = frozenset({"micrometer", "metadata", "configured", "red_cells", "red_cells_and_nuclei", "session"})
_SETTINGS: Final = frozenset(
    "um_per_px scale_from search_stain judged_view field_um target max_frame_bytes max_frame_pixels device source "
    "stop_at_target weights_manifest".split()
)
_GOES: Final = frozenset({"begins"})  # of a file that the copy will never read
_WORD: Final = re.compile(r"[A-Za-z0-9_.:+-]+")


@dataclass(frozen=True, slots=True)
class PlainFrame:
    """A frame whose metadata were taken out: its name by its new bytes, and how many these are."""

    frame: str
    size_bytes: int


class Deidentifier:
    """Takes out of one session's entries what names people, specimens and files.

    Parameters
    ----------
    key : bytes
        The secret of whoever holds the session.
    session : str
        What it is called.
    frames : mapping
        Its frames as they are now; None for one whose bytes are left out. One that is not among them stays as it is.

    Attributes
    ----------
    session : str
        What it is called from now on.
    undrawn : int
        How many labels were of the random review: its order follows from the chain, so they count as picked ones.
    """

    def __init__(self, key: bytes, session: str, frames: Mapping[str, PlainFrame | None]) -> None:
        self._key = key
        self._frames = frames
        self._files: dict[str, str] = {}
        self.session = self._token("session", session)
        self.undrawn = 0

    def original(self, chain: str) -> str:
        """Return how the original's chain is named: only who has the key can say which one it is."""
        return hmac.new(self._key, f"chain:{chain}".encode(), hashlib.sha256).hexdigest()

    def change(self, body: str) -> bytes:
        """Return an entry's new body for its old one."""
        before = json.loads(body)
        kind = before["kind"]
        after = {name: self._changed(kind, name, value) for name, value in before.items()}
        if kind == "seen" and before["frame"] in self._frames:
            plain = self._frames[before["frame"]]
            after |= {"stored": False} if plain is None else {"size_bytes": plain.size_bytes}
        if kind == "labelled" and after.pop("drawn", None):
            self.undrawn += 1
        return canonical_json(after)

    def _changed(self, kind: str, name: str, value: Any) -> Any:
        """Return what stands for a value; ``name`` is the nearest one above it."""
        if (kind, name) == ("opened", "settings"):
            return self._settings(value)
        if (kind, name) == ("opened", "extra_classes"):
            return value
        if isinstance(value, dict):
            return {inner: self._changed(kind, inner, each) for inner, each in value.items() if inner not in _GOES}
        if isinstance(value, list):
            return [self._changed(kind, name, each) for each in value]
        return self._text(kind, name, value) if isinstance(value, str) and value else value

    def _text(self, kind: str, name: str, text: str) -> str:
        match kind, name:
            case _, "frame" | "tied_to":
                plain = self._frames.get(text)
                return text if plain is None else plain.frame
            case _, "by" | "operator":
                return self._token("person", text)
            case _, "specimen":
                return self._token("specimen", text)
            case _, "session" | "next_session":
                return self._token("session", text)
            case "ranged", "name":
                return self._token("range", text)
            case "seen" | "followed" | "closed", "name":
                return self._files.setdefault(text, f"frame-{len(self._files) + 1:04}")
            case _, "band_rule":
                return text if rule_named(text) else WITHHELD
            case _, "um_per_px_source":
                return text if text in _SCALES else WITHHELD
            case "rejected", "reason":
                return text if re.fullmatch(r"[a-z_]+", text) else WITHHELD
            case "analysed", _ if re.fullmatch(r"[\d.]+", text):  # a percentage as it was printed
                return text
        return text if name in _STAYS and _WORD.fullmatch(text) else WITHHELD

    def _settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        kept = {name: value for name, value in settings.items() if name in _SETTINGS}
        if rule_named(str(settings.get("band_rule", ""))):
            kept["band_rule"] = settings["band_rule"]
        for name in (FOLLOWS, "replay_of"):
            if settings.get(name) is not None:
                kept[name] = self._token("session", str(settings[name]))
        return kept

    def _token(self, what: str, text: str) -> str:
        return f"{what}-{hmac.new(self._key, f'{what}:{text}'.encode(), hashlib.sha256).hexdigest()[:_DIGITS]}"
