"""Who is believed about a picture's scale, and what happens where they disagree."""

import cv2
import numpy as np
import pytest

from smearwatch.capture.formats.decode import decode
from smearwatch.capture.frame import SourceFrame
from smearwatch.capture.scale.claims import (
    SCALE_SOURCES,
    ScaleClaim,
    ScaleDisputed,
    ScaleMissing,
    choose_claim,
    difference,
    find_widest_pair,
)
from smearwatch.capture.scale.policy import ScalePolicy
from smearwatch.capture.scale.resolver import ScaleResolver, log_warning
from smearwatch.capture.slide.slide import Slide

UM = 0.09


def claims(**said):
    return [ScaleClaim(source, said[source], "somewhere") for source in SCALE_SOURCES if source in said]


@pytest.mark.parametrize(
    ("said", "trusted", "source"),
    [
        ({}, None, None),
        ({"red_cells": 0.05}, None, "red_cells"),
        ({"red_cells": 0.05, "configured": 0.05}, None, "configured"),
        ({"configured": 0.05, "metadata": 0.05}, None, "metadata"),
        ({"configured": 0.05, "metadata": 0.05, "micrometer": 0.05}, None, "micrometer"),
        ({"configured": 0.05, "metadata": 0.05, "micrometer": 0.05}, "configured", "configured"),
        ({"configured": 0.05}, "micrometer", None),
    ],
)
def test_the_order_of_belief(said, trusted, source):
    chosen = choose_claim(claims(**said), trusted)
    assert (chosen.source if chosen else None) == source


def test_the_sources_are_ordered_from_the_most_trusted():
    assert SCALE_SOURCES == ("micrometer", "metadata", "configured", "red_cells")


@pytest.mark.parametrize(("low", "high", "share"), [(0.1, 0.1, 0.0), (0.1, 0.11, 0.1), (0.22, 0.389, 0.768)])
def test_how_far_claims_lie_apart_does_not_depend_on_their_order(low, high, share):
    first, second = claims(metadata=low, configured=high)
    assert difference(first, second) == difference(second, first) == pytest.approx(share, abs=1e-3)


def test_the_worst_pair_is_named_and_small_differences_are_not():
    pair = find_widest_pair(claims(micrometer=0.044, metadata=0.046, configured=0.06))
    assert pair is not None
    assert {claim.source for claim in pair} == {"micrometer", "configured"}
    assert find_widest_pair(claims(micrometer=0.044, metadata=0.048)) is None


def provider(claim):
    return lambda _: claim


class Resolver:
    """A resolver with a clock that is set by hand."""

    def __init__(self, trusted=None, **said):
        self.now_s = 0.0
        self.resolver = ScaleResolver(
            ScalePolicy([provider(claim) for claim in claims(**said)], trusted=trusted, warn=log_warning),
            max_pixels=10_000_000,
            clock=lambda: self.now_s,
        )

    def admit(self, *frames):
        return [(frame.name, frame.um_per_px, frame.um_per_px_source) for frame in self.resolver.admit(frames)]


@pytest.fixture(scope="module")
def frames():
    slide = Slide(4, um_per_px=UM, width_px=900, height_px=600)
    pictures = [cv2.imencode(".png", slide.field(index).bgr)[1].tobytes() for index in range(4)]
    return [SourceFrame(f"{n}.png", data, 0) for n, data in enumerate(pictures)]


def bare_glass(name):
    noise = np.random.default_rng(1).normal(200, 3, (300, 400, 3)).clip(0, 255).astype(np.uint8)
    return SourceFrame(name, cv2.imencode(".png", noise)[1].tobytes(), 0)


def test_frames_at_the_right_scale_go_through_at_once(frames, capsys):
    resolver = Resolver(configured=UM)
    for frame in frames:
        assert resolver.admit(frame) == [(frame.name, UM, "configured")]
    assert "differ" not in "".join(capsys.readouterr())


def test_without_a_word_from_anybody_the_red_cells_are_left_to_decide(frames):
    assert Resolver().admit(frames[0]) == [("0.png", None, None)]


def test_a_scale_a_little_off_is_used_and_said_once(frames, capsys):
    resolver = Resolver(configured=UM * 1.17)
    admitted = [admitted for frame in frames for admitted in resolver.admit(frame)]
    assert len(admitted) == len(frames)
    said = "".join(capsys.readouterr())
    assert said.count("scales differ") == 1
    assert "0.1053" in said
    assert "red_cells 0.0" in said


def test_a_scale_far_off_is_refused_before_any_frame_goes_through(frames):
    resolver = Resolver(configured=2 * UM)
    assert resolver.admit(frames[0]) == []
    assert resolver.admit(frames[1]) == []
    assert resolver.resolver.held == 2
    with pytest.raises(ScaleDisputed, match=r"configured 0\.18 um/px .* and red_cells 0\.0.* \(3 fields\)") as refused:
        resolver.admit(frames[2])
    assert "--scale-from configured or red_cells" in refused.value.hint


def test_one_field_alone_is_enough_once_no_other_comes(frames):
    resolver = Resolver(configured=2 * UM)
    assert resolver.admit(frames[0]) == []
    resolver.now_s = 2.0
    assert resolver.admit() == []
    resolver.now_s = 4.0
    with pytest.raises(ScaleDisputed, match="1 field"):
        resolver.admit()


def test_a_field_that_others_refute_is_let_through_after_all(frames):
    fine = cv2.resize(decode(frames[3].data), None, fx=2, fy=2)
    odd = SourceFrame("odd.png", cv2.imencode(".png", fine[:900, :1400])[1].tobytes(), 0)
    resolver = Resolver(configured=UM)
    assert resolver.admit(odd) == []
    assert [name for name, *_ in resolver.admit(frames[0])] == ["0.png"]
    assert [name for name, *_ in resolver.admit(frames[1])] == ["odd.png", "1.png"]
    assert resolver.resolver.held == 0


def test_who_is_trusted_is_used_whatever_the_others_say(frames, capsys):
    resolver = Resolver(trusted="configured", configured=2 * UM, metadata=UM)
    assert [resolver.admit(frame)[0][1:] for frame in frames] == [(2 * UM, "configured")] * len(frames)
    assert "".join(capsys.readouterr()).count("scales differ") == 2  # of the metadata, and of the red cells
    resolver = Resolver(trusted="red_cells", configured=2 * UM)
    assert resolver.admit(frames[0]) == [("0.png", None, None)]


def test_claims_that_contradict_each_other_are_refused_by_the_first_frame(frames):
    with pytest.raises(ScaleDisputed, match=r"0\.png: metadata 0\.22 .* and configured 0\.389 .* differ by 77 %"):
        Resolver(metadata=0.22, configured=0.389).admit(frames[0])


def test_a_trusted_source_that_says_nothing_is_missed(frames):
    with pytest.raises(ScaleMissing, match=r"0\.png: no scale from micrometer"):
        Resolver(trusted="micrometer", configured=UM).admit(frames[0])


def test_fields_without_red_cells_pass_and_the_check_ends(frames):
    resolver = Resolver(configured=2 * UM)
    for n in range(12):
        assert resolver.admit(bare_glass(f"{n}.png")) == [(f"{n}.png", 2 * UM, "configured")]
    assert resolver.admit(frames[0]) == [("0.png", 2 * UM, "configured")]


def test_what_cannot_be_decoded_or_taken_passes_on(frames):
    resolver = Resolver(configured=UM)
    torn = SourceFrame("torn.png", frames[0].data[:2000], 0)
    refused = SourceFrame("large.png", None, 0, refusal=("file_too_large", "9 bytes"))
    assert resolver.admit(torn, refused) == [("torn.png", UM, "configured"), ("large.png", None, None)]
