"""A process that writes pictures in every bad way there is: ``python -m tests.integration.hostile_writer FOLDER SEED``.

Eight threads, each with files of its own. In the end it prints, as JSON, what each name holds and the SHA-256 of
everything that ever was a complete file under any name.
"""

import hashlib
import json
import os
import random
import sys
import threading
import time
from pathlib import Path

from tests.integration.torture import picture

THREADS = 8
FILES = 18
SUFFIXES = (".jpg", ".png", ".bmp", ".tiff")


class Writer:
    """One thread's writing."""

    def __init__(self, folder: Path, seed: int, number: int):
        self.folder, self.elsewhere = folder, folder.with_name(f"elsewhere-{number}")
        self.elsewhere.mkdir()
        self.random = random.Random(seed * 100 + number)
        self.number = number
        self.seed = seed * 1_000_000 + number * 10_000
        self.complete: set[str] = set()
        self.final: dict[str, str] = {}

    def run(self):
        ways = [
            self.slowly, self.reopening, self.renaming, self.moving_in, self.reserving, self.in_place, self.rewriting,
            self.over_another, self.linking, self.touching, self.abandoning, self.in_a_burst,
        ]  # fmt: skip
        for n in range(FILES):
            way = ways[n % len(ways)] if n < len(ways) else self.random.choice(ways)
            way(f"{self.number}-{n}{self.random.choice(SUFFIXES)}")

    def pause(self):
        # Longer than the settle time as often as not.
        time.sleep(self.random.choice((0.0, 0.0, 0.02, 0.15, 0.3)))

    def picture(self, name):
        self.seed += 1
        data = picture(self.seed, os.path.splitext(name)[1], (self.random.choice((20, 60, 90)), 80))
        self.complete.add(hashlib.sha256(data).hexdigest())
        return data

    def holds(self, name, data):
        self.final[name] = hashlib.sha256(data).hexdigest()

    def pieces(self, data):
        cuts = sorted(self.random.sample(range(1, len(data)), 4))
        return list(zip([0, *cuts], [*cuts, len(data)], strict=True))

    def slowly(self, name):
        data = self.picture(name)
        with (self.folder / name).open("wb") as file:
            for start, end in self.pieces(data):
                file.write(data[start:end])
                file.flush()
                self.pause()
        self.holds(name, data)

    def reopening(self, name):
        data = self.picture(name)
        for start, end in self.pieces(data):
            with (self.folder / name).open("ab") as file:
                file.write(data[start:end])
            self.pause()
        self.holds(name, data)

    def renaming(self, name):
        data = self.picture(name)
        part = self.folder / self.random.choice((f".{name}", f"{name}.part", f"first-{name}"))
        part.write_bytes(data[:100])
        with part.open("wb") as file:
            for start, end in self.pieces(data):
                file.write(data[start:end])
                file.flush()
                self.pause()
            if self.random.random() < 0.3:
                part.rename(self.folder / name)
        if part.exists():
            part.rename(self.folder / name)
        self.holds(name, data)

    def moving_in(self, name):
        data = self.picture(name)
        (self.elsewhere / name).write_bytes(data)
        self.pause()
        (self.elsewhere / name).rename(self.folder / name)
        self.holds(name, data)

    def reserving(self, name):
        data = self.picture(name)
        with (self.folder / name).open("w+b") as file:
            if self.random.random() < 0.5:
                os.posix_fallocate(file.fileno(), 0, len(data))
            else:
                file.truncate(len(data))
            self.pause()
            pieces = self.pieces(data)
            self.random.shuffle(pieces)
            for start, end in pieces:
                os.pwrite(file.fileno(), data[start:end], start)
                self.pause()
        self.holds(name, data)

    def in_place(self, name):
        """The same name, size and date, other bytes, held open in between."""
        name = os.path.splitext(name)[0] + ".bmp"
        one = self.picture(name)
        (self.folder / name).write_bytes(one)
        self.pause()
        while len(two := self.picture(name)) != len(one):
            pass
        status = (self.folder / name).stat()
        with (self.folder / name).open("r+b") as file:
            for start, end in self.pieces(two):
                os.pwrite(file.fileno(), two[start:end], start)
                self.pause()
            os.utime(file.fileno(), ns=(status.st_atime_ns, status.st_mtime_ns))
        self.holds(name, two)

    def rewriting(self, name):
        for _ in range(self.random.randint(2, 4)):
            self.slowly(name)
            self.pause()

    def over_another(self, name):
        self.slowly(name)
        self.renaming(name)

    def linking(self, name):
        data = self.picture(name)
        (self.elsewhere / name).write_bytes(data)
        os.link(self.elsewhere / name, self.folder / name)
        self.pause()
        os.link(self.folder / name, self.folder / f"again-{name}")
        (self.folder / f"link-{name}").symlink_to(name)
        (self.folder / f"gone-{name}").symlink_to(self.elsewhere / name)  # leads outside: not to be followed
        self.holds(name, data)

    def touching(self, name):
        self.slowly(name)
        for when_ns in (5, time.time_ns() + 9 * 3_600_000_000_000, time.time_ns()):
            os.utime(self.folder / name, ns=(when_ns, when_ns))
            (self.folder / name).chmod(0o640)
            self.pause()

    def abandoning(self, name):
        data = self.picture(name)
        self.complete.discard(hashlib.sha256(data).hexdigest())
        (self.folder / name).write_bytes(data[: len(data) // 2])
        self.pause()
        (self.folder / name).unlink()

    def in_a_burst(self, name):
        stem, suffix = os.path.splitext(name)
        for n in range(12):
            data = self.picture(name)
            (self.folder / f"{stem}-{n}{suffix}").write_bytes(data)
            self.holds(f"{stem}-{n}{suffix}", data)


def main(folder: Path, seed: int):
    writers = [Writer(folder, seed, number) for number in range(THREADS)]
    threads = [threading.Thread(target=writer.run) for writer in writers]
    away = folder.with_name("away")
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    folder.rename(away)  # the share goes away, comes back as another folder, and holds more
    last = picture(seed + 77, ".jpg")
    time.sleep(0.5)
    folder.mkdir()
    for path in sorted(away.iterdir()):
        path.rename(folder / path.name)
    (folder / "last.jpg").write_bytes(last)
    final = {name: digest for writer in writers for name, digest in writer.final.items()}
    complete = set().union(*(writer.complete for writer in writers))
    digest = hashlib.sha256(last).hexdigest()
    print(json.dumps({"final": {**final, "last.jpg": digest}, "complete": sorted(complete | {digest})}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
