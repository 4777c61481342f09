"""A leukocyte is found again among many by its look, and a field's cells are counted once."""

from typing import Any

import cv2
import numpy as np
import pytest

from smearwatch.capture.finder.field import FieldFound, find
from smearwatch.capture.registration.picture_cache import PictureCache
from smearwatch.capture.registration.signatures import ANGLES_DEG, Descriptor, DescriptorIndex, Thumbnail, describe_cell
from smearwatch.capture.registration.similarity import Similarity
from smearwatch.capture.registration.slide_map import Registered, SlideMap, WholeCell, pose_of
from smearwatch.capture.slide.view import View
from tests.walked import Walked, named, walked

SIZE: dict[str, Any] = {"width_px": 1000, "height_px": 640, "um_per_px": 0.11, "leukocytes_per_mm2": 500.0}
WHITE_PX = np.full((96, 96, 3), 235, np.uint8)


def thumbnail(field: Walked, number: int) -> Thumbnail:
    return cut_out(field.result, number, field.size_um)


def cut_out(found: FieldFound, number: int, size_um: complex) -> Thumbnail:
    cell = found.cells[number]
    bgr = cv2.imdecode(np.frombuffer(cell.thumbnail_jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert bgr is not None
    return Thumbnail(
        np.asarray(bgr, np.uint8), 22 / 96, complex(*cell.leukocyte.centre_xy_px) * found.um_per_px, size_um
    )


def whole(field: Walked) -> list[WholeCell]:
    return [
        WholeCell(cell.index, thumbnail(field, cell.index)) for cell in field.result.cells if not cell.leukocyte.at_edge
    ]


def register(slide_map: SlideMap, picture_cache: PictureCache, field: Walked, number: int) -> Registered:
    frame = f"{number:064x}"
    picture_cache.put(frame, field.result.picture)
    return slide_map.register(frame, field.size_um, whole(field))


def forgotten(frame: str):
    raise KeyError(frame)


@pytest.fixture(scope="module")
def route() -> list[Walked]:
    """There, on, away without overlap, back to the first place turned, on from there."""
    return walked(
        [
            View(0.0, 0.0),
            View(55.0, 10.0, angle_deg=2.0),
            View(900.0, 0.0),
            View(8.0, -6.0, angle_deg=-9.0, scale=1.03),
            View(-50.0, 5.0, angle_deg=-7.0),
        ],
        **SIZE,
    )


def test_each_leukocyte_is_counted_once(route):
    picture_cache = PictureCache(forgotten)
    slide_map = SlideMap(picture_cache)
    names: dict[tuple[str, int], str | None] = {}
    counted: list[str | None] = []
    again = 0
    for number, field in enumerate(route):
        registered = register(slide_map, picture_cache, field, number)
        for cell in field.result.cells:
            if cell.leukocyte.at_edge:
                continue
            names[f"{number:064x}", cell.index] = named(field.field, cell.leukocyte.centre_xy_px)
            if cell.index in registered.same_as:
                again += 1
                assert names[registered.same_as[cell.index]] == names[f"{number:064x}", cell.index]
            else:
                counted.append(names[f"{number:064x}", cell.index])
    assert None not in counted
    assert len(set(counted)) == len(counted)
    assert set(counted) == set(names.values())
    assert again >= 4


def test_a_field_lies_where_it_lies_or_is_unplaced(route):
    picture_cache = PictureCache(forgotten)
    slide_map = SlideMap(picture_cache)
    registered = [register(slide_map, picture_cache, field, number).placement for number, field in enumerate(route)]
    assert [p.status for p in registered if p] == ["first", "placed", "unplaced", "placed", "placed"]
    assert [p.island for p in registered if p] == [0, 0, 1, 0, 0]
    for number in (1, 3, 4):
        placement = registered[number]
        assert placement is not None
        assert placement.tied_to
        # An island's origin is the middle of its first field.
        true = Similarity(1 + 0j, -route[0].size_um / 2).after(route[0].pose.inverse().after(route[number].pose))
        found = pose_of(placement, route[number].size_um)
        for point in (0j, route[number].size_um):
            assert abs(found.at(point) - true.at(point)) < 2.0
        assert placement.angle_deg == pytest.approx(true.angle_deg, abs=0.5)


def test_asked_again_it_answers_the_same_and_takes_nothing_in_twice(route):
    picture_cache = PictureCache(forgotten)
    slide_map = SlideMap(picture_cache)
    first = [register(slide_map, picture_cache, field, number) for number, field in enumerate(route[:2])]
    assert [register(slide_map, picture_cache, field, number) for number, field in enumerate(route[:2])] == first
    back = register(slide_map, picture_cache, route[3], 3).placement
    assert back is not None
    assert back.island == 0


def test_a_cell_looks_most_like_itself_turned(route):
    """Every whole cell of the field that came back is found among all others."""
    index, owners = DescriptorIndex(), []
    for number in (0, 1, 2):
        for cell in whole(route[number]):
            index.add(describe_cell(cell.thumbnail))
            owners.append(named(route[number].field, route[number].result.cells[cell.index].leukocyte.centre_xy_px))
    looked = 0
    for cell in whole(route[3]):
        name = named(route[3].field, route[3].result.cells[cell.index].leukocyte.centre_xy_px)
        if name in owners:
            alike = index.alike([describe_cell(cell.thumbnail, ANGLES_DEG)])[0]
            assert owners[int(alike.max(axis=0).argmax())] == name
            looked += 1
    assert looked >= 2


def test_the_index_grows_and_an_empty_one_has_nothing():
    index = DescriptorIndex()
    seen = describe_cell(Thumbnail(WHITE_PX, 22 / 96, 50 + 50j, 100 + 100j))
    assert index.alike([seen]).shape == (1, 1, 0)
    for _ in range(130):
        index.add(seen)
    assert index.alike([seen, seen]).shape == (2, 1, 130)


def seen_at(rng: np.random.Generator, centre_um: complex) -> Descriptor:
    bgr = cv2.GaussianBlur(rng.integers(0, 256, (96, 96, 3), np.uint8), (0, 0), 4)
    stretched = np.clip((bgr.astype(np.float32) - 128) * 4 + 150, 0, 255).astype(np.uint8)
    return describe_cell(Thumbnail(stretched, 22 / 96, centre_um, 100 + 100j), ANGLES_DEG)


def test_cells_are_alike_by_the_correlation_over_what_both_show():
    """Whole ones and such that the field cuts, more than are compared at once."""
    rng, index = np.random.default_rng(3), DescriptorIndex()
    seen = [seen_at(rng, (50 + 50j, 50 + 4j, 97 + 50j)[number % 3]) for number in range(30)]
    kept = [seen[number % len(seen)] for number in range(900)]
    for each in kept:
        index.add(each)
    asked = [seen[0], seen[1]]
    alike = index.alike(asked)
    assert alike.shape == (2, 5, 900)
    for cell, angle, entry in ((0, 0, 0), (0, 3, 1), (1, 2, 5), (1, 0, 898), (0, 0, 600), (1, 4, 899)):
        both = (asked[cell].known[angle] > 0) & (kept[entry].known[0] > 0)
        one, other = asked[cell].values[angle][both], kept[entry].values[0][both]
        too_few = both.sum() < 0.4 * both.size
        assert alike[cell, angle, entry] == pytest.approx(-1 if too_few else np.corrcoef(one, other)[0, 1], abs=6e-4)
    assert alike[0, 0, 0] == alike[0, 0, 600] == 1.0


def test_what_is_remembered_of_a_cell_is_a_byte_a_pixel():
    """A session of ten thousand cells is remembered in a few megabytes."""
    seen = seen_at(np.random.default_rng(4), 50 + 50j)
    assert seen.values.dtype == seen.known.dtype == np.uint8
    assert seen.values[0].nbytes < 500


def sparse(seed: int, count: int) -> FieldFound:
    """Round cells of one size, each of a texture of its own, on glass that shows nothing else."""
    rng = np.random.default_rng(seed)
    bgr = np.full((900, 1300, 3), 235.0, np.float32)
    for _ in range(count):
        x, y = (int(v) for v in rng.uniform((250, 250), (1050, 650)))
        cv2.circle(bgr, (x, y), 90, (215.0, 190.0, 200.0), cv2.FILLED, cv2.LINE_AA)
        nucleus = np.zeros(bgr.shape[:2], np.uint8)
        cv2.circle(nucleus, (x, y), 75, 255, cv2.FILLED, cv2.LINE_AA)
        texture = cv2.GaussianBlur(rng.normal(0, 60, bgr.shape[:2]).astype(np.float32), (0, 0), 5)
        bgr[nucleus > 0] = np.array([150.0, 60.0, 90.0]) + texture[nucleus > 0][:, None]
    bgr = np.clip(bgr + rng.normal(0, 1.5, bgr.shape), 0, 255)
    _, png = cv2.imencode(".png", bgr.astype(np.uint8))
    found = find(png.tobytes(), um_per_px=0.1, um_per_px_source="configured")
    assert isinstance(found, FieldFound), found
    assert len(found.cells) == count
    return found


def test_leukocytes_alone_on_glass_are_never_taken_for_each_other():
    """Where nothing but a cell shows, nothing can say that it is the same one."""
    picture_cache = PictureCache(forgotten)
    slide_map = SlideMap(picture_cache)
    for number in range(4):
        found = sparse(number, 1)
        frame = f"{number:064x}"
        picture_cache.put(frame, found.picture)
        size_um = complex(found.width_px, found.height_px) * 0.1
        cells = [WholeCell(cell.index, cut_out(found, cell.index, size_um)) for cell in found.cells]
        assert slide_map.register(frame, size_um, cells).same_as == {}


def test_an_earlier_field_whose_picture_is_lost_is_tied_to_nothing(route):
    """It is damaged on the disk: the new field is unplaced, and nothing else happens."""
    picture_cache = PictureCache(lambda frame: None)
    slide_map = SlideMap(picture_cache)
    registered = register(slide_map, picture_cache, route[0], 0)
    gone = SlideMap(picture_cache)
    gone.remember(
        "ff" * 32, route[0].size_um, registered, {c.index: describe_cell(c.thumbnail) for c in whole(route[0])}, {}
    )
    alone = register(gone, picture_cache, route[3], 3)
    assert alone.placement is not None
    assert (alone.placement.status, alone.same_as) == ("unplaced", {})


def test_what_two_views_do_not_share_says_nothing():
    """Two corners of a field that show opposite halves of their discs cannot be compared."""
    rng = np.random.default_rng(1)
    bgr = np.asarray(rng.integers(60, 235, (96, 96, 3)), np.uint8)
    index = DescriptorIndex()
    left = describe_cell(Thumbnail(bgr, 22 / 96, 1 + 50j, 100 + 100j))
    index.add(Descriptor(left.middle_um, left.values, left.known))
    right = describe_cell(Thumbnail(bgr, 22 / 96, 99 + 50j, 100 + 100j))
    assert index.alike([right])[0, 0, 0] == -1.0
    assert index.alike([left])[0, 0, 0] == pytest.approx(1.0, abs=1e-3)
