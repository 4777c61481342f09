"""The watched folder against hostile writers: no torn frame taken, none missed. Real files, real notifications."""

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from structlog.testing import capture_logs

from tests.czi_files import SubBlock, czi
from tests.integration.torture import (
    LONG_S,
    Scene,
    jpeg_in_scans,
    jpeg_with_thumbnail,
    picture,
    png_in_chunks,
    tiff_directory_last,
    tiff_pages,
)
from tests.picture_files import raw_tiff

pytestmark = pytest.mark.integration

SUFFIXES = (".jpg", ".png", ".bmp", ".tiff")
CZI = czi(SubBlock(np.full((40, 50, 3), (10, 120, 200), np.uint8)))
THUMBNAIL, THUMBNAIL_END = jpeg_with_thumbnail(1)
SCANS, SCAN_STARTS = jpeg_in_scans(2)
CHUNKS, CHUNK_STARTS = png_in_chunks(3)
LAST, DIRECTORY_AT = tiff_directory_last(4)
PIXELS = np.random.default_rng(5).integers(1, 255, 90 * 100, np.uint8).tobytes()
FIRST = raw_tiff(100, 90, 8, PIXELS)
TWO_PAGES, ONE_PAGE = tiff_pages(6, 2), tiff_pages(6, 1)


def eighths(data):
    return [len(data) * n // 8 for n in range(1, 8)]


def written_in_pieces(scene: Scene, name: str, data: bytes, cuts: list[int], *, closing: bool = False):
    """Write with a long pause at every cut; ``closing`` opens the file anew each time."""
    file = scene.path(name).open("wb")
    for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        if closing and start:
            file.close()
            file = scene.path(name).open("ab")
        file.write(data[start:end])
        file.flush()
        scene.wait(LONG_S if end < len(data) else 0.0, step=0.5)
    file.close()


def filled(scene: Scene, name: str, data: bytes, reserve: str, order: str):
    """Reserve the room first, then fill it from the beginning or from the end, with long pauses."""
    with scene.path(name).open("w+b") as file:
        if reserve == "fallocate":
            os.posix_fallocate(file.fileno(), 0, len(data))
        else:
            file.truncate(len(data))
        scene.wait(LONG_S, step=0.5)
        pieces = list(zip([0, *eighths(data)], [*eighths(data), len(data)], strict=True))
        for start, end in pieces if order == "forwards" else reversed(pieces):
            os.pwrite(file.fileno(), data[start:end], start)
            scene.wait(LONG_S, step=0.5)


@dataclass(frozen=True)
class Slow:
    """One file written slowly."""

    name: str
    data: bytes
    cuts: list[int]
    closing: bool = False


SLOW = [
    *[Slow(f"eighths{suffix}", data := picture(9, suffix, (90, 90)), eighths(data)) for suffix in SUFFIXES],
    *[
        Slow(f"reopened{suffix}", data := picture(9, suffix, (90, 90)), eighths(data), closing=True)
        for suffix in SUFFIXES
    ],
    Slow("first byte.jpg", picture(1), [1, 2, 3, 4]),
    Slow("after the thumbnail.jpg", THUMBNAIL, [THUMBNAIL_END, THUMBNAIL_END + 2]),
    Slow("before the end marker.jpg", picture(1), [len(picture(1)) - 2, len(picture(1)) - 1]),
    Slow("between scans.jpg", SCANS, SCAN_STARTS),
    Slow("between chunks.png", CHUNKS, CHUNK_STARTS),
    Slow("directory last.tif", LAST, [8, DIRECTORY_AT, DIRECTORY_AT + 2, DIRECTORY_AT + 20]),
    Slow("directory first.tif", FIRST, [len(FIRST) - len(PIXELS), len(FIRST) - 1]),
    Slow("czi.czi", CZI, eighths(CZI)),
]


@pytest.fixture(params=[False, True], ids=["told", "blind"])
def scene(request, tmp_path):
    with Scene(tmp_path / "in", blind=request.param) as scene:
        scene.wait(1.0)
        assert scene.source._notices.attending is not request.param
        yield scene


@pytest.mark.parametrize("case", SLOW, ids=lambda case: case.name)
def test_slow_writers(scene, case):
    written_in_pieces(scene, case.name, case.data, case.cuts, closing=case.closing)
    scene.wait()
    assert scene.contents() == [case.data]
    assert scene.source.state().waiting == 0


@pytest.mark.parametrize("order", ["forwards", "backwards"])
@pytest.mark.parametrize("reserve", ["fallocate", "sparse"])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_room_reserved_first(scene, suffix, reserve, order):
    data = picture(1, suffix, (150, 200))
    filled(scene, f"a{suffix}", data, reserve, order)
    scene.wait(65.0)
    if not scene.blind:
        assert scene.contents() == [data]
    # Without a word of the writer a hole smaller than a page cannot be told from a black picture.
    assert scene.contents()[-1] == data


# Each does something to a folder and gives what must have come of it, in order.


def renamed_within(scene: Scene):
    scene.path(".a.part").write_bytes(picture(1)[:99])
    scene.wait(LONG_S, step=0.5)
    scene.path(".a.part").write_bytes(picture(1))
    scene.path(".a.part").rename(scene.path())
    return [picture(1)]


def renamed_from_a_picture_name(scene: Scene):
    scene.path("new.jpg").write_bytes(picture(1))
    scene.path("new.jpg").rename(scene.path("final.jpg"))
    return [picture(1)]


def renamed_while_it_is_written(scene: Scene):
    with scene.path("new.jpg").open("wb") as file:
        file.write(picture(1)[:500])
        file.flush()
        scene.wait()
        scene.path("new.jpg").rename(scene.path("final.jpg"))
        scene.wait(LONG_S, step=0.5)
        file.write(picture(1)[500:])
    return [picture(1)]


def renamed_from_another_folder(scene: Scene):
    elsewhere = scene.folder.with_name("elsewhere")
    elsewhere.mkdir()
    (elsewhere / "a.jpg").write_bytes(picture(1))
    (elsewhere / "a.jpg").rename(scene.path())
    return [picture(1)]


def renamed_over_another(scene: Scene):
    scene.path().write_bytes(picture(1))
    scene.wait()
    scene.path(".tmp").write_bytes(picture(2))
    scene.path(".tmp").rename(scene.path())
    return [picture(1), picture(2)]


def renamed_over_one_of_the_same_size_and_date(scene: Scene):
    one, two = picture(1, ".bmp"), picture(2, ".bmp")
    for name, data in (("a.bmp", one), (".tmp", two)):
        scene.path(name).write_bytes(data)
        os.utime(scene.path(name), ns=(5, 5))
        scene.wait()
    scene.path(".tmp").rename(scene.path("a.bmp"))
    return [one, two]


def truncated_and_rewritten(scene: Scene):
    for seed in range(5):
        scene.path().write_bytes(picture(seed))
        scene.wait(0.0 if seed % 2 else 3.0)
    return [picture(seed) for seed in ((0, 2, 4) if scene.blind else range(5))]


def truncated_long_before_it_is_rewritten(scene: Scene):
    scene.path().write_bytes(picture(1))
    scene.wait()
    with scene.path().open("wb") as file:
        scene.wait(LONG_S, step=0.5)
        file.write(picture(2))
    return [picture(1), picture(2)]


def overwritten_in_place(scene: Scene):
    one, two = picture(1, ".bmp"), picture(2, ".bmp")
    path = scene.path("a.bmp")
    path.write_bytes(one)
    scene.wait()
    status = path.stat()
    path.write_bytes(two)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    return [one, two]


def overwritten_in_place_at_once(scene: Scene):
    one, two = picture(1, ".bmp"), picture(2, ".bmp")
    path = scene.path("a.bmp")
    path.write_bytes(one)
    scene.poll()
    with path.open("r+b") as file:
        file.write(two)
    return [one, two] if not scene.blind else [two]


def page_by_page(scene: Scene):
    """The first page is a whole file; where nothing is told of the writer, it is taken, and then the whole."""
    with scene.path("a.tif").open("wb") as file:
        os.pwrite(file.fileno(), ONE_PAGE, 0)
        scene.wait(LONG_S, step=0.5)
        os.pwrite(file.fileno(), TWO_PAGES, 0)
    return [ONE_PAGE, TWO_PAGES] if scene.blind else [TWO_PAGES]


def touched(scene: Scene):
    scene.path().write_bytes(picture(1))
    scene.wait()
    os.utime(scene.path(), ns=(7, 7))
    scene.path().chmod(0o600)
    scene.wait()
    scene.path().write_bytes(picture(1))
    scene.wait()
    assert len(scene.got) == 1
    assert scene.counters["files_unchanged"] >= 2
    return [picture(1)]


def hard_links(scene: Scene):
    elsewhere = scene.folder.with_name("elsewhere.jpg")
    elsewhere.write_bytes(picture(1))
    for name in ("a.jpg", "b.jpg"):
        os.link(elsewhere, scene.path(name))
        scene.wait()
    assert scene.counters["files_known_before"] == 1
    return [picture(1)]


def links_within(scene: Scene):
    (scene.folder / ".store").mkdir()
    (scene.folder / ".store" / "1.jpg").write_bytes(picture(1))
    scene.path("latest.jpg").symlink_to(".store/1.jpg")
    scene.wait()
    (scene.folder / ".store" / "2.jpg").write_bytes(picture(2))
    scene.path(".next").symlink_to(".store/2.jpg")
    scene.path(".next").rename(scene.path("latest.jpg"))
    return [picture(1), picture(2)]


def links_out_of_the_folder(scene: Scene):
    outside = scene.folder.with_name("outside.jpg")
    outside.write_bytes(picture(1))
    with capture_logs() as logs:
        for name in ("a.jpg", "b.jpg"):
            scene.path(name).symlink_to(outside)
        scene.wait(10.0)
    assert [line["file"] for line in logs if "link" in line["event"]] == ["a.jpg"]
    assert scene.counters["links_outside"] == 2
    return []


def what_is_no_file(scene: Scene):
    os.mkfifo(scene.path("pipe.jpg"))
    scene.path("folder.jpg").mkdir()
    scene.path("loop.jpg").symlink_to("loop.jpg")
    scene.path("nowhere.jpg").symlink_to("not there.jpg")
    scene.wait(LONG_S, step=0.5)
    scene.path().write_bytes(picture(1))
    scene.wait()
    assert scene.source.state().waiting == 0
    assert scene.counters["files_ignored"] == 1
    assert scene.counters["subfolders_ignored"] == 1
    return [picture(1)]


def deleted_before_it_is_read(scene: Scene):
    scene.path("b.jpg").write_bytes(picture(1))
    scene.path("b.jpg").unlink()
    scene.path().write_bytes(picture(2)[:-5])
    scene.wait(LONG_S, step=0.5)
    scene.path().unlink()
    scene.wait()
    assert scene.source.state().waiting == 0
    assert scene.counters["files_gone"] == 1
    return []


def odd_names(scene: Scene):
    names = [b"\xff\xe4.jpg", b"new\nline.jpg", b" .jpg", "\u202egpj.jpg".encode(), b"a" * 251 + b".jpg", b"-rf *;.JPG"]
    for seed, name in enumerate(names):
        (scene.folder / os.fsdecode(name)).write_bytes(picture(seed))
    scene.wait()
    assert sorted(os.fsencode(name) for name, _ in scene.got) == sorted(names)
    return sorted((picture(seed) for seed in range(len(names))), key=[data for _, data in scene.got].index)


def odd_clocks(scene: Scene):
    now_ns = scene.folder.stat().st_mtime_ns
    for seed, hours in enumerate((9, -9, 0, 24 * 365 * 30, -24 * 365 * 60)):  # the last one is before 1970
        path = scene.path(f"{seed}.jpg")
        path.write_bytes(picture(seed))
        os.utime(path, ns=(0, now_ns + hours * 3_600_000_000_000))
        scene.wait(1.0)
    scene.path("0.jpg").write_bytes(picture(10))
    os.utime(scene.path("0.jpg"), ns=(0, now_ns - 3_600_000_000_000))  # later by our clock, earlier by theirs
    return [picture(seed) for seed in (0, 1, 2, 3, 4, 10)]


DEEDS: list[Any] = [
    renamed_within, renamed_from_a_picture_name, renamed_while_it_is_written, renamed_from_another_folder,
    renamed_over_another, renamed_over_one_of_the_same_size_and_date, truncated_and_rewritten,
    truncated_long_before_it_is_rewritten, overwritten_in_place, overwritten_in_place_at_once, page_by_page, touched,
    hard_links, links_within, links_out_of_the_folder, what_is_no_file, deleted_before_it_is_read, odd_names,
    odd_clocks,
]  # fmt: skip


@pytest.mark.parametrize("deed", DEEDS, ids=lambda deed: deed.__name__)
def test_deeds(scene, deed):
    expected = deed(scene)
    scene.wait(5.0)
    assert scene.contents() == expected
    assert scene.source.state().waiting == 0


def test_a_page_written_over_while_it_is_held_open_is_not_taken_until_closed(tmp_path):
    """Half the old picture, half the new one looks whole; only the kernel knows."""
    with Scene(tmp_path / "in") as scene:
        scene.path().write_bytes(picture(1))
        scene.wait()
        one, two = picture(1, size=(60, 80)), picture(2, size=(60, 80))
        with scene.path().open("r+b") as file:
            for start in range(0, len(two), len(two) // 4):
                os.pwrite(file.fileno(), two[start : start + len(two) // 4], start)
                scene.wait(LONG_S, step=0.5)
            file.truncate(len(two))
        scene.wait()
        assert scene.contents() == [one, two]


def test_a_writer_that_never_closes_is_not_waited_for_for_ever(tmp_path):
    with Scene(tmp_path / "in") as scene, scene.path().open("wb") as file:
        file.write(picture(1))
        file.flush()
        scene.wait(59.0, step=0.5)
        assert scene.contents() == []
        scene.wait(3.0)
        assert scene.contents() == [picture(1)]


def test_a_burst_of_2000(scene):
    data = [picture(seed, size=(20, 20)) for seed in range(2000)]
    for n, content in enumerate(data):
        scene.path(f"{n:04}.jpg").write_bytes(content)
    scene.wait(120.0)
    assert len(scene.got) == 2000
    assert scene.contents() == data
