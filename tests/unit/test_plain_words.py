"""What a technician reads instead of the checks' own sentences, and where a session's scales came from."""

import pytest

from smearwatch.capture.formats.unusable import in_plain_words as why_no_picture
from smearwatch.daemon.config import load_settings
from smearwatch.daemon.folds import Folds
from smearwatch.daemon.plain_words import in_plain_words, nearest
from smearwatch.daemon.record.events import Found, Opened, Seen
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.scales import scale_lines
from smearwatch.daemon.record.sessions import session_folder
from smearwatch.daemon.share_text import flagged_text


@pytest.mark.parametrize(
    ("message", "plain"),
    [
        ("Input should be a valid integer, unable to parse string as an integer", "'7x' is not a whole number"),
        ("Input should be a valid number, unable to parse string as a number", "'7x' is not a number"),
        ("Input should be greater than or equal to 1", "'7x' is below 1, the least that can be"),
        ("Input should be less than or equal to 0.5", "'7x' is above 0.5, the most that can be"),
        ("Input should be greater than 0", "'7x' is not above 0"),
        ("Input should be 'auto', 'cpu' or 'cuda'", "'7x' is none of auto, cpu, cuda"),
        ("give WIDTHxHEIGHT in pixels", None),
    ],
)
def test_a_check_speaks_plainly(message, plain):
    assert in_plain_words(message, "'7x'") == plain


def test_one_cell_is_no_cells():
    assert flagged_text({"flagged": 1, "unfamiliar": 1}) == "1 flagged, 1 looks unfamiliar"
    assert flagged_text({"flagged": 3, "unfamiliar": 2}) == "3 flagged, 2 look unfamiliar"


def test_the_word_that_was_probably_meant():
    assert nearest("rum", ["run", "watch"]) == "run"
    assert nearest("zebra", ["run", "watch"]) is None


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"session,frame\n1,2\n", "not a picture (it is text)"),
        ("naïve, für ".encode() * 99, "not a picture (it is text)"),
        (b"PK\x03\x04\x00\x00", "not a picture"),
        (
            b"\0\0\0\x18ftypheic\0\0",
            "it is HEIC, which is not read: set the camera or telephone to JPEG, or save it as JPEG",
        ),
        (
            b"\0\0\0\x1cftypavif\0\0",
            "it is AVIF, which is not read: set the camera or telephone to JPEG, or save it as JPEG",
        ),
        (
            b"RIFF\x10\0\0\0WEBPVP8 ",
            "it is WebP, which is not read: set the camera or telephone to JPEG, or save it as JPEG",
        ),
        (b"RIFF\x10\0\0\0WAVEfmt ", "not a picture"),
        (b"\0\0\0\x18ftypisom\0\0", "not a picture"),
        (b"\xff\xfe\xfd\xfc\xfb\xfa", "not a picture"),
    ],
)
def test_a_file_that_is_no_picture(data, words):
    assert why_no_picture("not_an_image", "the file begins with b'...'", data) == words
    assert why_no_picture("truncated", "jpeg without its end", data) == "jpeg without its end"


def test_each_source_of_scale_has_a_line_with_its_median_and_range():
    with Ledger.open(session_folder(load_settings().state_dir, "mixed")) as ledger:
        ledger.append([Opened(1, 5, "0", "mixed", 100, 33.0, "filament", {})])
        assert list(scale_lines(ledger)) == []
        for n, (scale, source) in enumerate(
            [(0.1, "red_cells"), (0.104, "red_cells"), (0.102, "red_cells"), (0.09, "micrometer")]
        ):
            frame = ledger.frames.put(f"frame {n}".encode())
            ledger.append(
                [
                    Seen(frame, f"{n}.jpg", 7, n, None, None, True, "folder"),
                    Found(frame, 10, 10, scale, source, None, 0.5, ()),
                ]
            )
        assert list(scale_lines(ledger)) == [
            "scale: 0.102 um/px (median; 0.100 \N{EN DASH} 0.104), from red cells, not calibrated (3 frames)",
            "scale: 0.090 um/px, from the calibration (1 frame)",
        ]


def test_scales_go_on_from_those_that_were_kept():
    def found(ledger, n, scale):
        frame = ledger.frames.put(f"frame {n}".encode())
        seen = Seen(frame, f"{n}.jpg", 7, n, None, None, True, "folder")
        ledger.append([seen, Found(frame, 10, 10, scale, "micrometer", None, 0.5, ())])

    with Ledger.open(session_folder(load_settings().state_dir, "kept")) as ledger:
        ledger.append([Opened(1, 5, "0", "kept", 100, 33.0, "filament", {})])
        found(ledger, 1, 0.1)
        Folds.of(ledger).keep(ledger, 1)
        found(ledger, 2, 0.2)
        kept = Folds.held(ledger).scales
        assert (kept.until, [*kept.frames.values()]) == (3, [1])
        assert [*scale_lines(ledger, kept)] == [*scale_lines(ledger)]
        assert (kept.until, [*kept.frames.values()]) == (5, [1, 1])
