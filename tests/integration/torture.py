"""A watched folder with real files and the real kernel's notifications, but a clock that is turned by hand."""

import contextlib
import hashlib
import io
import os
import resource
from pathlib import Path

import cv2
import numpy as np
import tifffile
from PIL import Image

from smearwatch.capture.sources.file_events import FolderNotices
from smearwatch.capture.sources.folder import FolderSource
from smearwatch.daemon.config import Settings
from smearwatch.daemon.plan import RunPlan

LONG_S = 40.0
"""A pause longer than any writer should make; a file that is incomplete for 60 s is given up."""


def noise(seed, size=(60, 80)):
    return np.random.default_rng(seed).integers(1, 255, (*size, 3), np.uint8)


def picture(seed, suffix=".jpg", size=(60, 80)):
    """A picture's bytes, other ones for every seed."""
    return cv2.imencode(suffix, noise(seed, size))[1].tobytes()


def jpeg_with_thumbnail(seed):
    """A JPEG that holds another in its header; gives also where the inner one ends."""
    inner, outer = picture(seed + 1000, size=(16, 16)), picture(seed)
    segment = b"Exif\0\0" + inner
    head = b"\xff\xd8\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment
    return head + outer[2:], len(head)


def jpeg_in_scans(seed):
    """A progressive JPEG with a comment before its second scan that holds an end marker; gives the scans' starts."""
    out = io.BytesIO()
    Image.fromarray(noise(seed)).save(out, "JPEG", progressive=True)
    data = out.getvalue()
    first = data.index(b"\xff\xda")
    second = data.index(b"\xff\xc4", first)
    comment = b"\xff\xfe" + (2 + 6).to_bytes(2, "big") + b"ab\xff\xd9cd"
    data = data[:second] + comment + data[second:]
    starts = [at for at in range(len(data)) if data[at : at + 2] == b"\xff\xda"]
    return data, [second + len(comment), *starts[1:]]


def png_in_chunks(seed):
    """A PNG and the places between its chunks."""
    data = picture(seed, ".png", (200, 200))
    cuts, at = [], 8
    while at < len(data):
        cuts.append(at)
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    return data, cuts


def tiff_directory_last(seed):
    """A TIFF whose directory stands behind its pixels, though its header names the place from the beginning."""
    out = io.BytesIO()
    Image.fromarray(noise(seed)).save(out, "TIFF")
    data = out.getvalue()
    at = int.from_bytes(data[4:8], "little")
    if at == 8:  # turn it round: pixels first
        end = data.index(noise(seed).tobytes()[:64])
        directory, pixels = data[8:end], data[end:]
        shift = len(pixels)
        moved = bytearray(data[:4] + (8 + shift).to_bytes(4, "little") + pixels + directory)
        first = 8 + shift
        for entry in range(int.from_bytes(directory[:2], "little")):
            place = first + 2 + 12 * entry
            tag, kind, count = (
                int.from_bytes(moved[place + a : place + b], "little") for a, b in ((0, 2), (2, 4), (4, 8))
            )
            value = int.from_bytes(moved[place + 8 : place + 12], "little")
            size = count * {1: 1, 2: 1, 3: 2, 4: 4, 5: 8}.get(kind, 1)
            if tag == 273:
                value = 8
            elif size > 4:
                value += shift
            moved[place + 8 : place + 12] = value.to_bytes(4, "little")
        return bytes(moved), first
    return data, at


def tiff_pages(seed, pages):
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as writer:
        for page in range(pages):
            writer.write(noise(seed + page), photometric="rgb", contiguous=False)
    return out.getvalue()


@contextlib.contextmanager
def no_more_files(left=0):
    """Let the system give no further file descriptor (or so many), as one whose limits are reached."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = [os.dup(0) for _ in range(left + 1)]
    for descriptor in taken:
        os.close(descriptor)
    resource.setrlimit(resource.RLIMIT_NOFILE, (taken[-1], hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class BlindNotices(FolderNotices):
    """Never gets a descriptor from the kernel."""

    def attend(self):
        with no_more_files():
            super().attend()


class Scene:
    """A source on a real folder. `wait` lets time pass; what was given is in `got`, and known as the hub knows it."""

    def __init__(self, folder: Path, *, blind=False, **settings):
        folder.mkdir(exist_ok=True)
        self.folder, self.blind, self.now = folder, blind, 1000.0
        plan = RunPlan(settings=Settings(**settings), session="t", source="folder")
        self.source = FolderSource(folder, plan, clock=lambda: self.now)
        if blind:
            self.source._notices = BlindNotices(folder)
        self.got: list[tuple[str, bytes | None]] = []
        self._digests: set[bytes] = set()

    def __enter__(self):
        self.source.__enter__()
        return self

    def __exit__(self, *_):
        self.source.__exit__()

    def path(self, name="a.jpg"):
        return self.folder / name

    def poll(self):
        for frame in self.source.ready(4):
            self.got.append((frame.name, frame.data))
            digest = hashlib.sha256(frame.data or b"").digest()
            self.source.taken(frame, known=digest in self._digests)
            self._digests.add(digest)

    def wait(self, seconds=3.0, step=0.2):
        """Let so much time pass."""
        until = self.now + seconds
        while self.now < until:
            self.poll()
            self.now += step
        self.poll()

    def contents(self):
        """What was given that was not given before under any name, in order."""
        seen: list[bytes] = []
        for _, data in self.got:
            if data is not None and data not in seen:
                seen.append(data)
        return seen

    @property
    def counters(self):
        return self.source.state().counters
