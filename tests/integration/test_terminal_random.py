"""The random review in the terminal: nobody chooses, the machine's word is not shown, enough is enough."""

import pytest

from smearwatch.clients.terminal.graphics import Pictures
from smearwatch.clients.terminal.random import RandomScreen
from smearwatch.daemon.corrected_text import advice_lines
from smearwatch.daemon.record.corrected import corrected_json
from smearwatch.daemon.record.labels import make_labels
from smearwatch.daemon.record.ledger import Ledger
from tests.terminal import draws, drive, folder_of, labels, name_drawn, settings_of, text_of, until

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(tmp_path):
    return settings_of(tmp_path, closed=True)


def flat(text):
    return " ".join(text.split())


async def random_screen(app, pilot) -> RandomScreen:
    """Open the random review, once its first cell is seen."""
    await until(pilot, lambda: app.shown.session)
    await pilot.press("v")
    screen = app.screen
    assert isinstance(screen, RandomScreen)
    await seen(pilot, screen)
    return screen


async def seen(pilot, screen):
    await until(pilot, lambda: screen._asked is not None and screen._seen == screen._drawn is not None)


def test_cells_are_named_without_the_machines_word(settings):
    asked = [cell.key for cell in draws(folder_of(settings)).sample().asked]

    async def look(app, pilot):
        screen = await random_screen(app, pilot)
        text = text_of(app)
        assert "What is this? The machine's word is not shown." in text
        assert "0 named at random" in text
        for word in ("verifier", "none of six", "why flagged", "▲", "✕", "frame: "):
            assert word not in text, word
        await pilot.press("enter", "x", "down")
        assert "Nobody chooses the cells here." in text_of(app)
        screen._seen = None
        await pilot.press("2")
        assert "its picture is not there yet. Nothing was named." in text_of(app)
        await pilot.press("z")
        await seen(pilot, screen)
        for key in "235":
            await pilot.press(key)
            await seen(pilot, screen)
        await until(pilot, lambda: "3 named at random" in text_of(app) and "more are asked for" in text_of(app))
        await pilot.press("u")
        assert screen._asked == asked[2], "what is taken back is asked for again"
        await seen(pilot, screen)
        await pilot.press("y")
        await seen(pilot, screen)
        await pilot.press("s")
        await until(pilot, lambda: "too few cells reviewed at random yet (4 of 20)" in flat(text_of(app)))
        assert "95 % limits" not in text_of(app)
        with Ledger.open(folder_of(settings)) as ledger:
            ledger.append(make_labels(ledger, [(asked[4], "band")], by="B", labelled_at_ns=1, drawn={asked[4]}))
        await until(pilot, lambda: screen._asked == asked[5])
        await pilot.press("1")
        assert "Another reader named that cell; this is the next one." in text_of(app)
        name_drawn(folder_of(settings), 15, by="B")
        await until(pilot, lambda: "as 20 cells drawn at random" in flat(text_of(app)))
        assert "95 % limits" in text_of(app)
        await pilot.press("escape")
        await until(pilot, lambda: "adjusted 95 % interval" in text_of(app))
        assert "as 20 cells drawn at random" in flat(text_of(app))
        # What has come while it was covered has left it no room for blank lines.
        await until(pilot, lambda: all(text_of(app).partition("adjusted")[0].splitlines()))

    drive(settings, look, size=(80, 24))
    given = [((each.frame, each.index), each.label, each.drawn) for each in labels(settings)][:7]
    assert given == [
        (asked[0], "segmented", True), (asked[1], "eosinophil", True), (asked[2], "monocyte", True),
        (asked[2], "withdrawn", None), (asked[2], "monocyte", True), (asked[3], "smudge", True),
        (asked[4], "band", True),
    ]  # fmt: skip


def test_it_asks_for_no_more_than_is_wanted(settings):
    name_drawn(folder_of(settings), 30)

    async def near(app, pilot):
        await random_screen(app, pilot)
        await until(pilot, lambda: "no more are asked for" in text_of(app))
        assert "known to ±45 points: nothing more is asked for" in flat(text_of(app))

    drive(settings, near, within=45)

    async def one_class(app, pilot):
        await random_screen(app, pilot)
        corrected = corrected_json(draws(folder_of(settings)), 10)
        assert corrected is not None
        await until(pilot, lambda: f"{corrected['more']['monocyte']['review'] or 'no'} more are asked" in text_of(app))
        assert all(flat(line) in flat(text_of(app)) for line in advice_lines(corrected, "monocyte"))

    drive(settings, one_class, within=10, only="monocyte", size=(80, 24))


def test_without_pictures_there_is_no_random_review(settings):
    async def look(app, pilot):
        await until(pilot, lambda: app.shown.session)
        await pilot.press("v")
        assert "No random review without pictures. Too few colours." in text_of(app)

    drive(settings, look, pictures=Pictures("none", "Too few colours."))
