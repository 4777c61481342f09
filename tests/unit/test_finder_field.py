"""One field from bytes to crops, with every refusal an answer."""

import cv2
import numpy as np
import pytest

from smearwatch.capture.finder.field import FieldFound, FieldRejected, FoundCell, find
from smearwatch.capture.formats.decode import decode
from smearwatch.capture.slide.slide import Slide

UM = 0.1
STAGES = ["decode", "scale", "light", "quality", "segment", "crop"]


def _png(bgr):
    return cv2.imencode(".png", bgr)[1].tobytes()


@pytest.fixture(scope="module")
def fields():
    """Some fields of one slide, which together hold whole cells and cut ones."""
    slide = Slide(7, um_per_px=UM, width_px=900, height_px=600)
    return [_png(slide.field(index).bgr) for index in range(6)]


def _find(data, um_per_px=UM, **more):
    return find(data, um_per_px=um_per_px, um_per_px_source=None, **more)


def test_cells_come_with_crops_unless_the_border_cuts_them(fields):
    cells: list[FoundCell] = []
    for data in fields:
        found = _find(data)
        assert isinstance(found, FieldFound)
        assert (found.width_px, found.height_px) == (900, 600)
        assert (found.um_per_px, found.um_per_px_source) == (UM, "configured")
        assert found.um_per_px_estimate is None
        assert [cell.index for cell in found.cells] == list(range(len(found.cells)))
        cells += found.cells
    assert any(cell.leukocyte.at_edge for cell in cells)
    assert any(not cell.leukocyte.at_edge for cell in cells)
    for cell in cells:
        assert (cell.crop_bgr is None) == cell.leukocyte.at_edge
        thumbnail = decode(cell.thumbnail_jpeg)
        assert thumbnail.shape == (96, 96, 3)
        if cell.crop_bgr is not None:
            assert cell.crop_bgr.shape == (750, 750, 3)
            middle = cell.crop_bgr[300:450, 300:450].reshape(-1, 3).mean()
            assert middle < cell.crop_bgr.reshape(-1, 3).mean()


def test_only_the_crops_that_are_wanted_are_cut_and_these_as_ever(fields):
    told: list[FieldFound] = []

    def every_second(field):
        told.append(field)
        return {cell.index for cell in field.cells if cell.index % 2}

    for data in fields:
        whole, some = _find(data), _find(data, wanted=every_second)
        assert isinstance(whole, FieldFound)
        assert isinstance(some, FieldFound)
        assert [cell.crop_bgr for cell in told[-1].cells] == [None] * len(whole.cells)
        for one, other, before in zip(whole.cells, some.cells, told[-1].cells, strict=True):
            assert one.leukocyte == other.leukocyte == before.leukocyte
            assert one.thumbnail_jpeg == other.thumbnail_jpeg == before.thumbnail_jpeg
            if one.index % 2 and one.crop_bgr is not None:
                assert other.crop_bgr is not None
                assert np.array_equal(one.crop_bgr, other.crop_bgr)
                assert other.stain == one.stain
                assert other.stain is not None
            else:
                assert (other.crop_bgr, other.stain) == (None, None)
    assert sum(len(field.cells) > 1 for field in told)


def test_a_refused_field_wants_nothing(fields):
    def never(field):
        raise AssertionError(field)

    assert isinstance(_find(fields[0], um_per_px=0.001, wanted=never), FieldRejected)


def test_same_bytes_same_cells(fields):
    for data in fields[:3]:
        first, second = _find(data), _find(memoryview(data))
        assert isinstance(first, FieldFound)
        assert isinstance(second, FieldFound)
        assert np.array_equal(first.segmentation.mask(), second.segmentation.mask())
        for a, b in zip(first.cells, second.cells, strict=True):
            assert (a.index, a.leukocyte.box, a.leukocyte.score, a.thumbnail_jpeg) == (
                b.index,
                b.leukocyte.box,
                b.leukocyte.score,
                b.thumbnail_jpeg,
            )
            assert (a.crop_bgr is None) == (b.crop_bgr is None)
            if a.crop_bgr is not None and b.crop_bgr is not None:
                assert np.array_equal(a.crop_bgr, b.crop_bgr)


def test_stages_are_timed_in_order(fields):
    found = _find(fields[0], um_per_px=None)
    assert list(found.stages_ms) == STAGES
    assert all(ms >= 0 for ms in found.stages_ms.values())


def test_a_given_scale_keeps_its_source(fields):
    found = find(fields[0], um_per_px=0.11, um_per_px_source="micrometer", session_estimates=(0.05,))
    assert isinstance(found, FieldFound)
    assert (found.um_per_px, found.um_per_px_source) == (0.11, "micrometer")
    assert "scale" not in found.stages_ms


def test_red_cells_beside_a_given_scale_are_measured_where_asked_and_change_nothing(fields):
    for data in fields[:3]:
        asked, unasked = _find(data, um_per_px=0.12, check_scale=True), _find(data, um_per_px=0.12)
        assert isinstance(asked, FieldFound)
        assert isinstance(unasked, FieldFound)
        assert unasked.um_per_px_estimate is None
        assert asked.um_per_px_estimate == pytest.approx(UM, rel=0.08)
        assert (asked.um_per_px, asked.um_per_px_source) == (0.12, "configured")
        cells = [
            [(each.index, each.leukocyte.box, each.thumbnail_jpeg) for each in one.cells] for one in (asked, unasked)
        ]
        assert cells[0] == cells[1]
    enough = _find(fields[0], um_per_px=0.12, check_scale=True, session_estimates=(UM,) * 15)
    assert isinstance(enough, FieldFound)
    assert enough.um_per_px_estimate is None


def test_an_unknown_scale_is_the_sessions_median(fields):
    alone = _find(fields[0], um_per_px=None)
    assert isinstance(alone, FieldFound)
    assert alone.um_per_px_source == "red_cells"
    assert alone.um_per_px == alone.um_per_px_estimate == pytest.approx(UM, rel=0.12)
    later = _find(fields[0], um_per_px=None, session_estimates=(0.102, 0.104, 0.106, 0.108))
    assert isinstance(later, FieldFound)
    assert later.um_per_px == pytest.approx(0.104)
    assert later.um_per_px_estimate == alone.um_per_px_estimate


def _halved(data):
    return _png(cv2.resize(decode(data), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))


def test_a_scale_given_for_another_mode_of_the_camera_is_not_believed(fields):
    half = _find(_halved(fields[0]), given_for=(900, 600))
    assert isinstance(half, FieldFound)
    assert half.um_per_px_source == "red_cells"
    assert half.um_per_px == pytest.approx(2 * UM, rel=0.12)
    believed = _find(_halved(fields[0]), um_per_px=2 * UM, given_for=(900, 600))
    assert isinstance(believed, FieldFound)
    assert (believed.um_per_px, believed.um_per_px_source) == (2 * UM, "configured")
    cut = _find(_png(decode(fields[0])[:500, :700]), given_for=(900, 600))
    assert isinstance(cut, FieldFound)
    assert (cut.um_per_px, cut.um_per_px_source) == (UM, "configured")


def test_red_cells_of_another_mode_say_nothing(fields):
    estimates, sizes = (0.1, 0.1, 0.1), ((900, 600),) * 3
    half = _find(_halved(fields[0]), um_per_px=None, session_estimates=estimates, session_sizes=sizes)
    assert isinstance(half, FieldFound)
    assert half.um_per_px == half.um_per_px_estimate == pytest.approx(2 * UM, rel=0.12)
    whole = _find(fields[0], um_per_px=None, session_estimates=(*estimates, 0.2), session_sizes=(*sizes, (450, 300)))
    assert isinstance(whole, FieldFound)
    assert whole.um_per_px == pytest.approx(0.1)


def _through(objective):
    """Fields of one size, seen through an objective so many times as strong."""
    finest = max(objective, 1.0)
    size = (round(900 * finest / objective), round(600 * finest / objective))
    slide = Slide(7, um_per_px=UM / finest, width_px=size[0], height_px=size[1])
    shown = (cv2.resize(slide.field(index).bgr, (900, 600), interpolation=cv2.INTER_AREA) for index in range(3))
    return [_png(bgr) for bgr in shown]


@pytest.mark.parametrize("objective", [0.4, 0.63, 1.6])
def test_a_field_through_another_objective_is_no_field_of_the_session(objective):
    sizes = ((900, 600),) * 3
    for data in _through(objective):
        for um_per_px in (UM, None):
            answer = _find(data, um_per_px=um_per_px, session_estimates=(UM, UM, 1.1 * UM), session_sizes=sizes)
            assert isinstance(answer, FieldRejected)
            assert answer.reason == "scale_changed"
            assert answer.value == pytest.approx(1 / objective, rel=0.12)
        obeyed = _find(data, um_per_px=UM / objective, session_estimates=(UM,) * 3, session_sizes=sizes)
        assert isinstance(obeyed, FieldFound)
        early = _find(data, um_per_px=UM, session_estimates=(UM,) * 2, session_sizes=sizes[:2])
        assert not isinstance(early, FieldRejected) or early.reason != "scale_changed"


def test_fields_of_two_magnifications_at_the_start_are_each_searched_at_their_own(fields):
    (wide, *_) = _through(0.63)
    for data, own, others in ((wide, UM / 0.63, (UM,)), (wide, UM / 0.63, (UM, UM)), (fields[0], UM, (UM / 0.63,))):
        found = _find(data, um_per_px=None, session_estimates=others)
        assert isinstance(found, FieldFound)
        assert found.um_per_px == pytest.approx(own, rel=0.12)
    mixed = (UM, UM / 0.63, UM, UM)
    unknown = _find(_lone_cell(), um_per_px=None, session_estimates=mixed)
    assert isinstance(unknown, FieldRejected)
    assert unknown.reason == "scale_unknown"


@pytest.mark.parametrize("mixed", [(UM / 0.63, UM, UM), (UM / 0.63, UM / 0.63, UM, UM, UM)], ids=len)
def test_of_two_magnifications_at_the_start_that_of_fewer_fields_is_rejected_later(fields, mixed):
    (wide, *_) = _through(0.63)
    of_fewer = _find(wide, um_per_px=None, session_estimates=mixed)
    assert isinstance(of_fewer, FieldRejected)
    assert of_fewer.reason == "scale_changed"
    assert "those of the first fields 0.100" in of_fewer.detail
    of_most = _find(fields[0], um_per_px=None, session_estimates=mixed)
    assert isinstance(of_most, FieldFound)
    assert of_most.um_per_px == pytest.approx(UM, rel=0.12)
    undecided = _find(wide, um_per_px=None, session_estimates=(UM, UM / 0.63, UM, UM / 0.63))
    assert isinstance(undecided, FieldFound)
    assert undecided.um_per_px == pytest.approx(UM / 0.63, rel=0.12)


@pytest.mark.parametrize("before", [(), (UM,), (UM / 0.63,) * 3], ids=["the first", "the second", "after others"])
def test_a_field_that_surely_contradicts_a_given_scale_is_never_counted_at_it(fields, before):
    (wide, *_) = _through(0.63)
    odd = _find(wide, um_per_px=UM, check_scale=True, session_estimates=before)
    assert isinstance(odd, FieldRejected)
    assert (odd.reason, odd.um_per_px) == ("scale_changed", UM)
    assert odd.value == pytest.approx(1 / 0.63, rel=0.12)
    assert ("those of the first fields" if before == (UM,) else "the scale that came with it is 0.100") in odd.detail
    assert "another magnification" in odd.detail, "a telephone's zoom is no objective"
    right = _find(fields[0], um_per_px=UM, check_scale=True, session_estimates=before)
    assert isinstance(right, FieldFound)
    again = find(wide, um_per_px=UM, um_per_px_source="red_cells", session_estimates=(UM,), check_scale=True)
    assert isinstance(again, FieldFound), "a replay gives what was measured then"
    silent = {"um_per_px": UM, "check_scale": True}
    assert isinstance(_find(_lone_cell(), **silent), FieldFound)
    rejected = _find(_lone_cell(), **silent, two_objectives=True)
    assert isinstance(rejected, FieldRejected)
    assert rejected.reason == "scale_unknown"


def test_once_the_objective_was_changed_a_field_has_to_speak_for_its_scale(fields):
    among = {"um_per_px": UM, "session_estimates": (UM,) * 3, "two_objectives": True}
    assert isinstance(_find(fields[0], **among), FieldFound)
    silent = _find(_lone_cell(), **among)
    assert isinstance(silent, FieldRejected)
    assert silent.reason == "scale_unknown"
    assert "two objectives" in silent.detail
    assert isinstance(_find(_lone_cell(), **(among | {"two_objectives": False})), FieldFound)


@pytest.mark.parametrize(("times", "taken"), [(1.0, True), (1.3, True), (1.8, False), (2.2, False)])
@pytest.mark.parametrize("um_per_px", [UM, None])
def test_few_red_cells_that_are_far_too_large_make_a_field_wait_for_a_session_of_its_own(times, taken, um_per_px):
    bgr = np.full((600, 800, 3), 225, np.uint8)
    for x, y in ((170, 200), (600, 400)):
        cv2.circle(bgr, (x, y), round(37 * times), (150, 150, 200), -1, cv2.LINE_AA)
    answer = _find(_png(bgr), um_per_px=um_per_px, session_estimates=(UM,) * 3)
    assert isinstance(answer, FieldFound) == taken
    if isinstance(answer, FieldRejected):
        assert answer.reason == "scale_unknown"
        assert "its few red cells say 0.0" in answer.detail
        assert "those of the first fields 0.100" in answer.detail
        assert answer.value == pytest.approx(1 / times, rel=0.1)


@pytest.mark.parametrize("before", [(), (UM,) * 3])
def test_a_field_says_whether_its_own_red_cells_are_sure_of_its_scale(fields, before):
    among = {"check_scale": True, "session_estimates": before}
    for data, is_unsure in ((fields[0], False), (_lone_cell(), True)):
        found = _find(data, **among)
        assert isinstance(found, FieldFound)
        assert found.scale_unsure == is_unsure
    not_asked = _find(_lone_cell())
    assert isinstance(not_asked, FieldFound)
    assert not not_asked.scale_unsure


def test_odd_red_cells_are_no_other_objective(fields):
    for estimates in ((UM,) * 3, (1.25 * UM,) * 3, (0.8 * UM,) * 3):
        assert isinstance(_find(fields[0], um_per_px=UM, session_estimates=estimates), FieldFound)
    assert isinstance(_find(_lone_cell(), um_per_px=UM, session_estimates=(3 * UM,) * 3), FieldFound)


def test_another_mode_without_red_cells_is_refused_with_both_sizes():
    refused = _find(_lone_cell(), given_for=(1600, 1200))
    assert isinstance(refused, FieldRejected)
    assert refused.reason == "scale_unknown"
    assert "1600x1200" in refused.detail
    assert "800x600" in refused.detail


def test_a_field_with_few_red_cells_has_a_say_about_itself_alone():
    bgr = np.full((600, 800, 3), 225, np.uint8)
    for x, y in ((200, 200), (520, 400)):
        cv2.circle(bgr, (x, y), 37, (150, 150, 200), -1, cv2.LINE_AA)
    cv2.circle(bgr, (400, 150), 45, (150, 60, 90), -1, cv2.LINE_AA)
    alone, among = _find(_png(bgr), um_per_px=None), _find(_png(bgr), um_per_px=None, session_estimates=(0.2,))
    assert isinstance(alone, FieldFound)
    assert isinstance(among, FieldFound)
    assert alone.um_per_px == pytest.approx(0.1, rel=0.1)
    assert among.um_per_px == 0.2
    assert alone.um_per_px_estimate is None
    assert among.um_per_px_estimate is None


def _lone_cell():
    """A leukocyte on bare glass: no red cell gives a scale."""
    bgr = np.full((600, 800, 3), 200, np.uint8)
    cv2.circle(bgr, (400, 300), 50, (190, 160, 165), -1, cv2.LINE_AA)
    cv2.circle(bgr, (400, 300), 38, (140, 50, 80), -1, cv2.LINE_AA)
    return _png(bgr)


def test_no_scale_at_all_is_a_refusal_and_the_sessions_scale_helps():
    alone = _find(_lone_cell(), um_per_px=None)
    assert isinstance(alone, FieldRejected)
    assert alone.reason == "scale_unknown"
    helped = _find(_lone_cell(), um_per_px=None, session_estimates=(UM,))
    assert isinstance(helped, FieldFound)
    assert len(helped.cells) == 1
    assert helped.um_per_px_estimate is None


@pytest.mark.parametrize(
    ("data", "reason", "stages"),
    [
        (b"", "empty_file", ["decode"]),
        (b"words", "not_an_image", ["decode"]),
        (_png(np.full((300, 300, 3), 190, np.uint8))[:-20], "truncated", ["decode"]),
        (_png(np.full((300, 300, 3), 190, np.uint8)), "empty", ["decode", "scale", "light", "quality"]),
        (_png(np.zeros((300, 300, 3), np.uint8)), "underexposed", ["decode", "scale", "light", "quality"]),
    ],
)
def test_unusable_pictures_are_answers(data, reason, stages):
    rejected = _find(data, um_per_px=None)
    assert isinstance(rejected, FieldRejected)
    assert rejected.reason == reason
    assert rejected.detail
    assert list(rejected.stages_ms) == stages
    assert (rejected.value is None) == (stages == ["decode"])


@pytest.mark.parametrize("seed", range(4))
def test_what_is_smaller_than_a_leukocyte_says_so_and_not_that_it_moved(seed):
    noise = np.random.default_rng(seed).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    for side, um_per_px in ((8, UM), (8, None), (32, UM), (32, None), (64, UM)):
        rejected = _find(_png(noise[:side, :side]), um_per_px=um_per_px)
        assert isinstance(rejected, FieldRejected)
        assert rejected.reason == "too_small"
        assert f"{side} x {side} px" in rejected.detail


@pytest.mark.parametrize(("mean", "spread"), [(5, 20), (15, 20), (25, 8), (25, 20), (35, 8), (35, 20), (60, 20)])
@pytest.mark.parametrize("um_per_px", [0.1, 0.25, None])
def test_noise_of_a_covered_lens_is_no_field_and_has_no_red_cells(mean, spread, um_per_px):
    noise = np.random.default_rng(1).normal(mean, spread, (480, 640, 3)).clip(0, 255).astype(np.uint8)
    for suffix in (".png", ".jpg"):
        rejected = _find(cv2.imencode(suffix, noise)[1].tobytes(), um_per_px=um_per_px)
        assert isinstance(rejected, FieldRejected)
        assert rejected.reason == ("underexposed" if mean < 30 else "empty")


def test_a_picture_too_large_is_refused():
    data = _png(np.full((300, 300, 3), 190, np.uint8))
    rejected = _find(data, max_pixels=1000)
    assert isinstance(rejected, FieldRejected)
    assert rejected.reason == "too_many_pixels"
