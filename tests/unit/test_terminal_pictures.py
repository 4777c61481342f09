"""Which pictures a terminal gets, and the colours of one that has 256."""

import io

import pytest
from PIL import Image
from rich.color import Color, ColorType
from rich.segment import Segment
from rich.style import Style
from textual.color import Color as TextualColor

from smearwatch.clients.terminal.colours import PALETTE, NearestColours, nearest
from smearwatch.clients.terminal.graphics import GraphicsMissing, blocks, choose_pictures, decoded, prepare

VIOLET, PALE_VIOLET, GLASS, EOSIN = (88, 48, 140), (180, 150, 190), (214, 208, 216), (226, 150, 160)


def test_the_palette_is_the_one_of_every_terminal():
    assert len(PALETTE) == 240
    assert [PALETTE[number - 16] for number in (16, 21, 54, 196, 231, 232, 255)] == [
        (0, 0, 0), (0, 0, 255), (95, 0, 135), (255, 0, 0), (255, 255, 255), (8, 8, 8), (238, 238, 238),
    ]  # fmt: skip
    for number, colour in enumerate(PALETTE, 16):
        assert PALETTE[nearest(colour) - 16] == colour, number


@pytest.mark.parametrize(
    ("colour", "number"),
    [
        (VIOLET, 54),  # 95, 0, 135
        (PALE_VIOLET, 139),  # 175, 135, 175
        (GLASS, 252),  # 208, 208, 208
        (EOSIN, 174),  # 215, 135, 135
        ((23, 21, 30), 233),  # the dark theme's ground, not black
        ((66, 76, 140), 60),  # a dark blue nucleus is not green: 95, 95, 135
        ((250, 250, 250), 231),
    ],
)
def test_a_colour_gets_the_one_that_looks_most_like_it(colour, number):
    assert nearest(colour) == number


def test_an_even_ground_stays_even():
    # Rich takes greys for some of these, pinks and blues for others.
    ground = [(205 + a, 198 + b, 206 + c) for a in range(0, 9, 2) for b in range(0, 9, 2) for c in range(0, 9, 2)]
    seen = {PALETTE[nearest(colour) - 16] for colour in ground}
    assert all(max(each) - min(each) == 0 for each in seen)
    assert max(max(each) for each in seen) - min(max(each) for each in seen) <= 20


def test_a_nucleus_keeps_its_hue():
    for red in range(60, 140, 10):
        for green in range(20, 80, 10):
            got = PALETTE[nearest((red, green, 150)) - 16]
            assert got[1] < got[2], "no greenish and no grey one"
            assert got[0] > 0, "no pure blue one"


def test_the_screen_is_drawn_in_numbered_colours():
    style = Style(color="rgb(88,48,140)", bgcolor="rgb(214,208,216)", bold=True)
    plain = Segment("x", Style(bold=True))
    first, second, third = NearestColours().apply([Segment("ab", style), plain, Segment("c")], TextualColor(0, 0, 0))
    assert first.style is not None
    assert (first.style.color, first.style.bgcolor, first.style.bold) == (
        Color.from_ansi(54), Color.from_ansi(252), True,
    )  # fmt: skip
    assert first.style.color is not None
    assert first.style.color.type == ColorType.EIGHT_BIT
    assert (first.text, second, third.style) == ("ab", plain, None)


def never():
    raise AssertionError("the terminal was asked")


@pytest.mark.parametrize(
    ("asked", "environ", "kind", "words"),
    [
        ("blocks", {"TERM": "xterm-kitty"}, "blocks", "coloured blocks"),
        ("none", {}, "none", "--pictures none"),
        ("kitty", {"TMUX": "1"}, "kitty", "Kitty"),
        ("sixel", {}, "sixel", "Sixel"),
        ("iterm", {}, "iterm", "iTerm2"),
        ("auto", {"TMUX": "/tmp/t,1,0", "LC_TERMINAL": "iTerm2"}, "blocks", "tmux or screen"),
        ("auto", {"STY": "1.x"}, "blocks", "tmux or screen"),
        ("auto", {"LC_TERMINAL": "iTerm2"}, "iterm", "iTerm2"),
        ("auto", {"TERM_PROGRAM": "WezTerm"}, "iterm", "iTerm2"),
    ],
)
def test_pictures_are_found_out_or_asked_for(asked, environ, kind, words):
    got = choose_pictures(asked, environ, ask=never)
    assert got.kind == kind
    assert words in got.why


@pytest.mark.parametrize(("says", "words"), [("sixel", "Sixel"), ("kitty", "Kitty"), ("blocks", "none of its own")])
def test_a_terminal_that_does_not_say_it_is_asked(says, words):
    pytest.importorskip("textual_image")
    got = choose_pictures("auto", {"TERM": "xterm-256color"}, ask=lambda: says)
    assert got.kind == says
    assert words.replace("none of its own", "no graphics of its own") in got.why


def test_what_cannot_be_drawn_is_said_with_the_way_out(monkeypatch):
    got = choose_pictures("auto", {"TMUX": "x"}, ask=never, few=True)
    assert got.kind == "none"
    assert "256" in got.why
    assert choose_pictures("auto", {"LC_TERMINAL": "iTerm2"}, ask=never, few=True).kind == "iterm"
    monkeypatch.setattr("smearwatch.clients.terminal.graphics.find_spec", lambda name: None)
    for kind in ("kitty", "sixel"):
        with pytest.raises(GraphicsMissing, match="textual-image") as caught:
            choose_pictures(kind, {})
        assert "smearwatch[pictures]" in caught.value.hint
    assert "smearwatch[pictures]" in choose_pictures("auto", {}, ask=never).why


def test_a_terminal_with_graphics_has_all_colours():
    environ: dict[str, str] = {}
    prepare(choose_pictures("iterm", environ), environ)
    assert environ == {"COLORTERM": "truecolor"}


@pytest.mark.parametrize(
    ("size", "room", "lines"), [((40, 40), (20, 10), 10), ((64, 48), (20, 20), 8), ((9, 900), (20, 10), 10)]
)
def test_blocks_keep_the_pictures_shape(size, room, lines):
    drawn = blocks(Image.new("RGB", size, VIOLET), *room)
    assert drawn._segments is not None
    text = "".join(segment.text for segment in drawn._segments.segments)
    assert len(text.strip("\n").split("\n")) == lines
    assert max(map(len, text.split("\n"))) <= room[0]


def test_only_whole_jpegs_are_pictures():
    out = io.BytesIO()
    Image.new("RGB", (30, 20), VIOLET).save(out, "JPEG")
    whole = decoded(out.getvalue())
    assert whole is not None
    assert whole.size == (30, 20)
    assert decoded(out.getvalue(), 29) is None
    assert decoded(out.getvalue()[:100]) is None
    assert decoded(b"\x1b]1337;File=") is None
