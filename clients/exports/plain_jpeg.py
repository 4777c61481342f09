"""A JPEG file without anything but its picture: the frame, its scans, and of the tables those that a scan uses."""

from dataclasses import dataclass, field
from typing import Final

_SOI, _EOI, _SOS, _DQT, _DHT, _DRI = 0xD8, 0xD9, 0xDA, 0xDB, 0xC4, 0xDD
_PROGRESSIVE: Final = 0xC2
_FRAMES: Final = (0xC0, 0xC1, _PROGRESSIVE)
_RESTARTS: Final = range(0xD0, 0xD8)
_APPLICATION: Final = range(0xE0, 0xF0)
_COMMENT: Final = 0xFE
_SAYS_COLOURS: Final = {0xE0: (b"JFIF\0", 14), 0xEE: (b"Adobe", 12)}
"""Segments that say how colours are coded: how they begin, and how much of them says that; a preview may follow."""


def stripped_jpeg(data: bytes) -> bytes | None:
    """Return a JPEG without what is not its picture, None where it is none, or one that is to be written anew."""
    if data[:2] != bytes((0xFF, _SOI)):
        return None
    picture, at = _Picture(), 2
    while at + 2 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # filled up
            at += 1
            continue
        if marker == _EOI:
            return picture.whole()
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        try:
            picture.take(marker, data[at + 4 : end])
        except (IndexError, KeyError, _OfNoPicture):
            return None
        at = end
        if marker == _SOS:
            at = _end_of_scan(data, end)
            picture.parts.append(data[end:at])
    return None


class _OfNoPicture(Exception):
    """A segment that a picture does not need, and that may not be left out either."""


@dataclass
class _Picture:
    """What is kept, in its order. A table that a later one replaces, or that no scan uses, is left out at the end."""

    parts: list[bytes] = field(default_factory=list)
    _tables: dict[int, bool] = field(default_factory=dict)  # by their place among the parts: whether a scan uses it
    _stands: dict[tuple[int, int], int] = field(default_factory=dict)  # by marker and slot: the place of the last one
    _dequantised_by: dict[int, int] = field(default_factory=dict)  # by component: the slot of its table
    _scanned: set[int] = field(default_factory=set)
    _is_progressive: bool = False

    def whole(self) -> bytes:
        """Return the file."""
        kept = [part for place, part in enumerate(self.parts) if self._tables.get(place, True)]
        return b"".join([bytes((0xFF, _SOI)), *kept, bytes((0xFF, _EOI))])

    def take(self, marker: int, content: bytes) -> None:
        """Take in a segment, as far as it is kept."""
        if marker in (_DQT, _DHT):
            while content:
                content = self._take_table(marker, content)
            return
        if marker in _FRAMES:
            _check_length(content, 6 + 3 * content[5])
            self._is_progressive = marker == _PROGRESSIVE
            self._dequantised_by = {content[at]: content[at + 2] for at in range(6, 6 + 3 * content[5], 3)}
        elif marker == _SOS:
            _check_length(content, 4 + 2 * content[0])
            self._use(content)
        elif marker in _APPLICATION or marker == _COMMENT:
            if (content := _colours(marker, content)) == b"":
                return
        elif marker == _DRI:
            _check_length(content, 2)
        else:
            raise _OfNoPicture
        self.parts.append(_segment(marker, content))

    def _take_table(self, marker: int, content: bytes) -> bytes:
        """Take the first of the tables in a segment as a segment of its own; returns the others."""
        if marker == _DQT:
            length = 1 + 64 * (2 if content[0] >> 4 else 1)
            slot = content[0] & 15
        else:
            length = 17 + sum(content[1:17])
            slot = content[0]
        if len(content) < length:
            raise _OfNoPicture
        self._stands[marker, slot] = len(self.parts)
        self._tables[len(self.parts)] = False
        self.parts.append(_segment(marker, content[:length]))
        return content[length:]

    def _use(self, scan: bytes) -> None:
        """Note the tables that a scan uses; how a component is dequantised is settled by its first scan."""
        first, refines = scan[1 + 2 * scan[0]], scan[3 + 2 * scan[0]] >> 4
        for at in range(1, 1 + 2 * scan[0], 2):
            component, slots = scan[at], scan[at + 1]
            if component not in self._scanned:
                self._scanned.add(component)
                self._mark(_DQT, self._dequantised_by[component])
            if first == 0 and not refines:
                self._mark(_DHT, slots >> 4)
            if first > 0 or not self._is_progressive:
                self._mark(_DHT, 0x10 | slots & 15)

    def _mark(self, marker: int, slot: int) -> None:
        self._tables[self._stands[marker, slot]] = True


def _check_length(content: bytes, length: int) -> None:
    if len(content) != length:
        raise _OfNoPicture


def _colours(marker: int, content: bytes) -> bytes:
    """Return what a segment says of how colours are coded; empty where it says nothing of it."""
    begins, length = _SAYS_COLOURS.get(marker, (b"", 0))
    if not begins or not content.startswith(begins) or len(content) < length:
        return b""
    return content[:12] + b"\0\0" if marker == 0xE0 else content[:length]  # no preview


def _segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(content) + 2).to_bytes(2, "big") + content


def _end_of_scan(data: bytes, at: int) -> int:
    """Return where the next marker stands that is none of the scan's own."""
    while (at := data.find(b"\xff", at)) >= 0 and at + 1 < len(data):
        if data[at + 1] not in (0, 0xFF, *_RESTARTS):
            return at
        at += 2 if data[at + 1] != 0xFF else 1
    return len(data)
