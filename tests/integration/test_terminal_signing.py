"""Signing in the terminal, and opening a signed result again: the gates, the fields, and what happens meanwhile."""

import pytest
from textual.widgets import Button, Input

from smearwatch.clients.terminal.signing import AmendScreen, SignScreen
from smearwatch.clients.wording import DASH
from smearwatch.daemon.message_setting import Messages
from smearwatch.daemon.record.events import Described
from smearwatch.daemon.record.labels import make_labels
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.signature import Amended, OverruledName, Signed
from smearwatch.daemon.record.signing import sign
from tests.terminal import drive, folder_of, labels, settings_of, text_of, until

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(tmp_path):
    return settings_of(tmp_path, closed=True)


def signed_and_amended(settings):
    with LedgerReader.read(folder_of(settings)) as ledger:
        return [each.event for each in ledger.events() if isinstance(each.event, Signed | Amended)]


async def sign_screen(app, pilot):
    """Open the dialog, once the gates are shown."""
    await until(pilot, lambda: app.shown.session)
    await pilot.press("g")
    await until(pilot, lambda: isinstance(app.screen, SignScreen) and "✓ no drift alarm" in text_of(app))


def test_a_result_is_signed_with_reasons_and_opened_again(settings, tmp_path):
    (tmp_path / "lis").mkdir()
    settings = settings.model_copy(update={"messages": Messages(folder=tmp_path / "lis")})
    with Ledger.open(folder_of(settings)) as ledger:
        ledger.append([Described("A", 1, 1, specimen="H26-1")])

    async def look(app, pilot):
        await sign_screen(app, pilot)
        for words in (
            "✕ 12 flagged cells have no label (Esc, then n: see each and name it)",
            "✕ 12 rejected cells have no label",
            "✕ 60 of 100 leukocytes: the target is not reached",
            "every picture has its outcome",
            "as counted      16.7",
            f"95 % limits     8{DASH}29",
            "For Research Use Only.",
        ):
            assert words in text_of(app), words
        await pilot.press(*"seen q", "enter", *"no cells", "enter", "enter", "enter", *"slide 2", "enter", "enter")
        assert "the target is not reached: do that first, or write why" in text_of(app)
        assert app.focused.id == "why-target"
        app.screen.query_one("#by", Input).value = "A.\u200bReader"
        await pilot.press(*"a child", "enter", "enter", "enter", "enter")
        assert "letters that can be seen" in text_of(app)
        app.screen.query_one("#by", Input).value = "Q. Reader"
        await pilot.press("enter", "enter", "enter")
        await until(pilot, lambda: "Signed by Q. Reader. g opens the result again" in text_of(app))
        assert "Sent to" in text_of(app)
        await until(pilot, lambda: "Signed by Q. Reader, 2" in text_of(app))
        assert "Preliminary" not in text_of(app)

        await pilot.press("g")
        assert isinstance(app.screen, AmendScreen)
        assert "signed although the target was not reached: a child" in text_of(app)
        await pilot.press("escape", "n")
        await until(pilot, lambda: "Signed by Q. Reader, 2" in text_of(app))  # whatever screen asked last
        await pilot.press("1")
        assert "Signed by Q. Reader: it takes no label. g opens it again, with a reason." in text_of(app)
        await pilot.press("g", "enter", "enter")
        assert "write why it is opened again." in text_of(app)
        await pilot.press(*"a basophil", "enter", "enter")
        await until(pilot, lambda: "Signature 1 holds no more" in text_of(app))
        await until(pilot, lambda: "Amended once by A. Reader, 2" in text_of(app))
        await pilot.press("4")
        await until(pilot, lambda: "1 labelled" in text_of(app))
        await pilot.press("g")
        await until(pilot, lambda: "✕ 11 flagged cells have no label" in text_of(app))
        assert "as reviewed" in text_of(app)
        await pilot.press("escape")

    drive(settings, look, size=(80, 24))
    first, again = signed_and_amended(settings)
    assert [(each.gate, each.reason) for each in first.overruled] == [
        ("flagged", "seen q"), ("rejected", "no cells"), ("target", "a child"),
    ]  # fmt: skip
    assert (first.by, first.note) == ("Q. Reader", "slide 2")
    assert (again.by, again.reason) == ("A. Reader", "a basophil")
    sent = sorted(each.name.rpartition("-")[0] for each in (tmp_path / "lis").iterdir())
    assert sent == ["monday-signed-1"]
    assert len(labels(settings)) == 1


def test_the_dialog_follows_what_is_recorded_meanwhile(settings):
    why: dict[OverruledName, str] = {"flagged": "a", "rejected": "b", "target": "c"}

    async def look(app, pilot):
        await sign_screen(app, pilot)
        await pilot.press(*"typed")
        with Ledger.open(folder_of(settings)) as ledger:
            cell = app._reading.desk.cells()[6]
            ledger.append(make_labels(ledger, [(cell.key, "monocyte")], by="B", labelled_at_ns=1))
        await until(pilot, lambda: "✕ 11 flagged cells have no label" in text_of(app))
        assert "as reviewed" in text_of(app)
        assert app.focused.value == "typed"
        sign(folder_of(settings), by="B", overruled=why)
        await until(pilot, lambda: "You have not signed: Signed by B, 2" in text_of(app))
        assert not isinstance(app.screen, SignScreen)

    drive(settings, look)
    assert [each.by for each in signed_and_amended(settings)] == ["B"]


def test_nothing_is_signed_while_it_is_counted_or_written(tmp_path):
    settings = settings_of(tmp_path)

    async def look(app, pilot):
        with Ledger.open(folder_of(settings)):
            await sign_screen(app, pilot)
            assert "✕ it is being counted right now (wait for the end of the count, or stop it)" in text_of(app)
            assert app.screen.query_one("#do", Button).disabled
            await pilot.press("escape", "n")
            await until(pilot, lambda: app._reading.known)
            await pilot.press("2", "g")
            assert "Labels are being written; then the gates are shown." in text_of(app)
        await until(pilot, lambda: "✕ 11 flagged cells have no label" in text_of(app))

    drive(settings, look)
    assert len(labels(settings)) == 1
    assert signed_and_amended(settings) == []
