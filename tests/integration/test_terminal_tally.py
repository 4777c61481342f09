"""The tally's screen: keys count, the bell rings, Backspace undoes, and the end asks."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from smearwatch.clients.tallying.draft import Draft
from smearwatch.clients.terminal import tally
from smearwatch.clients.terminal.tally import Ending, TallyApp
from smearwatch.clients.terminal.tally_table import short_text, tally_keys
from smearwatch.daemon.key_layout import KeyLayout, key_layout
from smearwatch.daemon.record.beside import TALLIED_LABELS
from smearwatch.daemon.record.extra_classes import ExtraClass
from smearwatch.daemon.share_text import DASH

pytestmark = pytest.mark.integration

LAYOUT = key_layout({})
TALLY_KEYS = tally_keys(LAYOUT)

Do = Callable[[TallyApp, Pilot[Ending]], Awaitable[None]]


class Heard(TallyApp):
    """The screen, and how often its bell rang."""

    CSS_PATH = str(Path(tally.__file__).with_name("tally.tcss"))
    rang = 0

    def bell(self) -> None:
        self.rang += 1
        super().bell()


@pytest.fixture
def draft(tmp_path):
    return Draft.open(tmp_path, by="A. Reader", target=3)


def tried(
    draft: Draft,
    do: Do,
    *,
    size=(80, 24),
    session: str | None = "monday",
    quiet: bool = False,
    layout: KeyLayout = LAYOUT,
):
    app = Heard(draft, session=session, layout=layout, quiet=quiet)

    async def run() -> None:
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await do(app, pilot)

    asyncio.run(run())
    return app


def text_of(app: TallyApp) -> str:
    return "\n".join("".join(part.text for part in strip).rstrip() for strip in app.screen._compositor.render_strips())


def line_with(app: TallyApp, word: str) -> str:
    return next(" ".join(line.split()) for line in text_of(app).splitlines() if word in line)


def test_the_keys_are_those_of_the_page_and_of_the_terminal():
    both = {
        key: label for keys in (LAYOUT.page, LAYOUT.terminal) for key, label in keys.items() if label in TALLIED_LABELS
    }
    assert both == TALLY_KEYS
    assert set(TALLY_KEYS.values()) == set(TALLIED_LABELS)
    assert not {"q", "d"} & set(TALLY_KEYS)


def test_a_laboratorys_own_keys_and_classes_are_counted_and_shown(draft):
    own = (
        ExtraClass("hairy_cell", "per_100", "h", "hairy"),
        ExtraClass("atypical_lymphocyte", "leukocyte", "j", "atyp. lymph"),
    )

    async def do(app, pilot):
        await pilot.press("w", "1", "j", "j", "h")
        assert draft.cells.counts == {"band": 1, "leukocyte:atypical_lymphocyte": 2, "per_100:hairy_cell": 1}
        assert f"w band 1 33.3 0.8 {DASH} 90.6" in line_with(app, "band")
        assert f"j atyp. lymph 2 66.7 9.4 {DASH} 99.2" in line_with(app, "atyp. lymph")
        assert "h hairy 1 33.3" in line_with(app, "h    hairy")

    tried(draft, do, size=(90, 30), layout=key_layout({"band": "w", "withdrawn": "1", "segmented": "k"}, own))


def test_every_key_counts_its_cell(draft):
    async def do(app, pilot):
        await pilot.press(*TALLY_KEYS, "B")
        assert draft.cells.counts == {**dict.fromkeys(TALLIED_LABELS, 1), "plasma_cell": 2, "blast": 2}
        assert f"1 14.3 0.4 {DASH} 57.9" in line_with(app, "band")
        assert f"3 42.9 9.9 {DASH} 81.6" in line_with(app, "neutrophils")
        assert "28.6" in line_with(app, "  b    blast")
        assert "7 of 3 target reached" in line_with(app, "leukocytes   ")
        await pilot.press("x", "z", "9", "left")
        assert draft.cells.number == len(TALLY_KEYS) + 1

    tried(draft, do)


@pytest.mark.parametrize(("quiet", "rang"), [(False, 3), (True, 0)])
def test_the_bell_rings_at_each_key_and_thrice_at_the_target(draft, quiet, rang):
    async def do(app, pilot):
        await pilot.press("1", "e", "2")
        assert app.rang == rang
        await pilot.press("6")
        await pilot.pause(0.9)
        assert app.rang == rang + 3
        assert "3 leukocytes: the target is reached" in text_of(app)
        await pilot.press("backspace", "6")
        await pilot.pause(0.9)
        assert app.rang == rang + 6  # reached once more
        await pilot.press("e")
        assert app.rang == rang + 6 + (not quiet)

    tried(draft, do, quiet=quiet)


def test_backspace_takes_the_last_one_back(draft):
    async def do(app, pilot):
        await pilot.press("1", "2", "backspace")
        assert "taken back: segmented" in text_of(app)
        await pilot.press("backspace", "backspace")
        assert "nothing is left to be undone" in text_of(app)
        assert draft.cells.number == 0

    tried(draft, do)


@pytest.mark.parametrize(
    ("keys", "session", "ending"),
    [
        (("q", "y"), "monday", "keep"),
        (("enter", "n"), "monday", "discard"),
        (("q", "l"), "monday", "later"),
        (("ctrl+c",), "monday", "later"),
        (("q", "ctrl+c"), "monday", "later"),
        (("q", "y"), None, "keep"),
    ],
)
def test_the_end(draft, keys, session, ending):
    async def do(app, pilot):
        await pilot.press("1", *keys)

    assert tried(draft, do, session=session).return_value == ending


def test_no_key_counts_or_ends_by_mistake_while_it_asks(draft):
    async def do(app, pilot):
        await pilot.press("1", "q")
        assert "Keep this tally in session monday? 1 cell, 1 of them leukocytes." in " ".join(text_of(app).split())
        await pilot.press("1", "enter", "q", "b")
        assert draft.cells.number == 1
        await pilot.press("escape", "1")
        assert draft.cells.number == 2

    assert tried(draft, do).return_value is None


def test_without_a_session_nothing_is_thrown_away_by_n(draft):
    async def do(app, pilot):
        await pilot.press("1", "q")
        assert "throw" not in text_of(app)
        await pilot.press("n")
        await pilot.press("escape", "1")
        assert draft.cells.number == 2

    tried(draft, do, session=None)


def test_an_empty_tally_ends_at_once(draft):
    async def do(app, pilot):
        await pilot.press("enter")

    assert tried(draft, do).return_value == "discard"


def test_an_unfinished_one_goes_on(tmp_path, draft):
    draft.add("band")
    draft.close()

    async def do(app, pilot):
        assert "continued: 1 cell of the unfinished tally" in text_of(app)
        assert "of 3" in line_with(app, "leukocytes   ")

    tried(Draft.open(tmp_path, by="A. Reader", target=None), do)


def test_a_key_that_the_disk_does_not_take_is_said_and_not_counted(draft):
    async def do(app, pilot):
        await pilot.press("1")
        draft.close()  # as if the disk were gone
        await pilot.press("2")
        assert "NOT COUNTED" in text_of(app)
        assert "2 segmented 0" in line_with(app, "segmented")
        assert draft.cells.counts == {"band": 1}

    tried(draft, do)


@pytest.mark.parametrize("size", [(66, 23), (80, 24), (160, 50)])
def test_all_of_it_is_seen(draft, size):
    async def do(app, pilot):
        await pilot.press("6")
        text = text_of(app)
        for word in ("something else", "95 % interval", "For Research Use Only", "End", "by A. Reader", "leukocytes"):
            assert word in text

    tried(draft, do, size=size)


def own_classes(number: int) -> list[ExtraClass]:
    """Return extra classes of a laboratory, every third one beside the leukocytes."""
    return [
        ExtraClass(f"own_{at}", "leukocyte" if at % 3 else "per_100", key, f"own {key}")
        for at, key in enumerate("h89jk0w+-"[:number])
    ]


@pytest.mark.parametrize(("size", "number"), [((80, 24), 5), ((80, 30), 9), ((80, 24), 9), ((66, 23), 1)])
def test_no_class_is_hidden_and_not_said(draft, size, number):
    layout = key_layout({}, own_classes(number))

    async def do(app, pilot):
        for each in layout.extra:
            await pilot.press(each.key)
            assert f" {each.short} 1 " in " ".join(text_of(app).split())  # the last one is always in sight
        if (size, number) in (((80, 24), 5), ((80, 30), 9)):
            assert "out of sight" not in text_of(app)
            for label in (*TALLIED_LABELS, *(each.label for each in layout.extra)):
                assert short_text(label, layout) in text_of(app)
            return
        above = int(text_of(app).partition("out of sight: ")[2].split()[0])
        await pilot.press(*["up"] * (above - 1))
        assert "out of sight: 1 above, " in text_of(app)
        assert "1    band" not in text_of(app)
        await pilot.press("up", "up")
        assert "1    band" in text_of(app)
        assert " above" not in text_of(app)

    tried(draft, do, size=size, layout=layout)


def test_a_small_window_says_so_and_counts(draft):
    async def do(app, pilot):
        await pilot.press("6")
        assert "Make the window larger" in text_of(app)
        assert draft.cells.counts == {"lymphocyte": 1}
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert "100" in line_with(app, "lymphocyte  ")

    tried(draft, do, size=(50, 15))
