"""How sources, finders and workers join a hub: who they are, and the terms by which the session is counted."""

from typing import ClassVar

from pydantic.dataclasses import dataclass

from smearwatch.daemon.wire.parts import WIRE_CONFIG, Count, Flag, Message, Real, Role, ScaleUmPerPx, Text


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class Hello(Message):
    """The first word of a source, finder or worker: who it is. A new process under an old name frees its leases.

    ``weights`` are those that a worker judges by, SHA-256 in hex, ``weights_manifest`` their manifest's; empty for the
    others. A source says for which ``session`` it brings frames, and from where: ``origin`` for people, ``origin_of``
    the same for the same place alone. ``life`` is a word of this very process, which it says again after it lost its
    connection.
    """

    kind: ClassVar[str] = "hello"
    role: Role
    name: Text
    pid: Count
    weights: Text = ""
    weights_manifest: Text = ""
    life: Text = ""
    session: Text | None = None
    source: Text = ""
    origin: Text = ""
    origin_of: Text = ""


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class WantTerms(Message):
    """Somebody who is going to join asks for the hub's `Welcome`, without being counted as present."""

    kind: ClassVar[str] = "want_terms"


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class Bye(Message):
    """The last word of a source, finder or worker that was asked to end: what it has in hand may be given out again."""

    kind: ClassVar[str] = "bye"


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class Terms:
    """What decides a session's results: the hub's settings of these names, by which all who join it go.

    ``um_per_px`` None means ``auto``. ``weights_manifest`` is the SHA-256 of the manifest of the weights to judge by.
    """

    field_um: Real
    max_frame_bytes: Count
    max_frame_pixels: Count
    um_per_px: ScaleUmPerPx | None
    scale_from: Text
    search_stain: Text
    judged_view: Text
    weights_manifest: Text
    until_idle_s: Real | None = None
    carry_on: Flag = False
    count_again: Flag = False


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class Welcome(Message):
    """The hub's answer to `Hello` and to `WantTerms`: which session this is, and its terms.

    ``begins_next``: the session follows another specimen's on the same place, and has no picture yet.
    """

    kind: ClassVar[str] = "welcome"
    session: Text
    epoch: Count
    last_event: Count
    terms: Terms
    begins_next: Flag = False
