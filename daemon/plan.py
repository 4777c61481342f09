"""What one run does: decided once in the parent process, handed to every role as JSON."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from smearwatch.daemon.config import Settings
from smearwatch.daemon.names import PrintableName
from smearwatch.daemon.record.targets import Targets
from smearwatch.daemon.record.values import printable


class RunPlan(BaseModel):
    """A run: the settings, the session that it writes, and where its frames come from.

    ``source`` is the name under which an installed package offers a source of frames, ``source_options`` what that
    source is given; it validates them itself.
    ``um_per_px`` None means that the red cells decide. ``until_idle_s`` None means that it runs until stopped;
    a source that ends by itself (replay) ends the run as soon as nothing is pending. ``subfolder`` is the name of
    the watched folder where it is one of many, each a session. ``target_classes`` and ``target_within`` are wanted
    beside the settings' ``target``: cells by class, and by class half the width of its 95 % interval in percent points.
    ``said`` is what ``said_by`` says of the session, by the names of `smearwatch.daemon.record.description`.
    ``carry_on`` carries on a session that was begun on something else, ``count_again`` begins one on a folder with
    pictures that another has counted. ``follows`` is the session of the specimen
    before, where this one is begun after it on the same folder or camera.
    ``source`` None means that frames come from whoever joins. ``joins`` means that this is no run of its own: it joins
    the hub that is there, which says what session it is; ``seat`` then tells it from others that join. ``told`` are the
    settings that somebody gave it, for those that decide a result must be the hub's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    settings: Settings
    session: str
    source: PrintableName | None = None
    source_options: dict[str, str] = Field(default_factory=dict)
    subfolder: str | None = None
    until_idle_s: float | None = Field(None, gt=0.0)
    stop_at_target: bool = False
    target_classes: dict[str, int] = Field(default_factory=dict)
    target_within: dict[str, float] = Field(default_factory=dict)
    said: dict[str, str] = Field(default_factory=dict)
    said_by: str = ""
    carry_on: bool = False
    count_again: bool = False
    follows: str | None = None
    joins: bool = False
    seat: str = ""
    told: frozenset[str] = frozenset()
    begins_next: bool = False
    as_json: bool = False

    @property
    def um_per_px(self) -> float | None:
        """The configured scale, or None for ``auto``."""
        return None if self.settings.um_per_px == "auto" else float(self.settings.um_per_px)

    @property
    def watch_dir(self) -> Path | None:
        """The watched folder, None where the frames come from elsewhere."""
        folder = self.source_options.get("dir") if self.source == "folder" else None
        return None if folder is None else Path(folder)

    @property
    def replay_of(self) -> str | None:
        """The recorded session that is replayed, None where the frames are new."""
        return self.source_options.get("session") if self.source == "replay" else None

    @property
    def names(self) -> tuple[str, ...]:
        """What people have named: the session, what is said of it, the folders. No log has it."""
        named = (self.session, self.subfolder, self.follows, self.replay_of, *self.said.values())
        folder = None if self.watch_dir is None else str(self.watch_dir)
        return tuple(name for name in (*named, folder) if name)

    @property
    def targets(self) -> Targets | None:
        """What is wanted beside the number of cells, as the ledger keeps it."""
        if not (self.target_classes or self.target_within):
            return None
        return Targets(self.target_classes, self.target_within)

    def origin(self) -> dict[str, str]:
        """Return where the frames come from: for people, as the ledger keeps it, and as is not kept, in full.

        ``origin_of`` is the same for the same place alone, and no path of this machine. Empty where nobody knows yet.
        """
        if self.source is None:
            return {}
        if self.watch_dir is not None:
            short, full = f"the folder {printable(self.watch_dir.name)}", f"the folder {printable(str(self.watch_dir))}"
            exact = os.fsencode(self.watch_dir)
        elif self.replay_of is not None:
            short = full = f"the session {self.replay_of}"
            exact = full.encode()
        elif self.source == "camera":
            place = urlsplit(self.source_options.get("camera", ""))
            # An address may hold a password.
            full = short = f"the camera {place.hostname or Path(place.path).name}"
            exact = self.source_options.get("camera", "").encode()
        else:
            short = full = f"the source {self.source}"
            exact = json.dumps([self.source, self.source_options], sort_keys=True).encode()
        return {"origin": short, "origin_of": hashlib.sha256(exact).hexdigest()[:16], "origin_in_full": full}

    def recorded_settings(self) -> dict[str, Any]:
        """Return the settings that the ledger keeps: those that decide a result, none that name this machine."""
        keep = {
            "um_per_px",
            "scale_from",
            "search_stain",
            "judged_view",
            "field_um",
            "target",
            "band_rule",
            "max_frame_bytes",
            "max_frame_pixels",
            "device",
        }
        recorded = self.settings.model_dump(mode="json", include=keep)
        ends = {"stop_at_target": True} if self.stop_at_target else {}
        origin = {name: text for name, text in self.origin().items() if name != "origin_in_full"}
        where = {"source": self.source, "replay_of": self.replay_of, **origin}
        return {**recorded, **where, **ends, **self._recorded_subfolder()}

    def _recorded_subfolder(self) -> dict[str, Any]:
        """Return what distinguishes subfolders that map to the same session; no path of this machine."""
        if self.subfolder is None or self.watch_dir is None:
            return {}
        above = hashlib.sha256(os.fsencode(self.watch_dir.parent)).hexdigest()[:16]
        return {"subfolder": self.subfolder, "subfolder_of": above}
