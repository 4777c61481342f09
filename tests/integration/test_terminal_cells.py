"""The cells in the terminal: chosen, named by keys, taken back; of a recorded session and of one that is counted."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable

import pytest
from PIL import Image
from textual.pilot import Pilot

from smearwatch.clients.reviewing.cells import TO_SEE, Cell
from smearwatch.clients.terminal.app import WatchApp
from smearwatch.clients.terminal.cells import CellsScreen
from smearwatch.clients.terminal.graphics import Pictures
from smearwatch.clients.terminal.readers import Readers
from smearwatch.clients.terminal.record import LabelsUnwritten
from smearwatch.clients.terminal.start import followed, recorded
from smearwatch.daemon.config import Settings
from smearwatch.daemon.record.events import CLASSES, Labelled
from smearwatch.daemon.record.labels import make_labels
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.schema import LedgerUnusable
from smearwatch.daemon.record.sessions import delete_session
from smearwatch.daemon.record.signature import OverruledName
from smearwatch.daemon.record.signing import sign
from smearwatch.daemon.record.verifying import verify
from smearwatch.daemon.record.views import CellKey
from smearwatch.daemon.wire.messages import CropLease, FrameLease
from tests.integration.hub_bench import Bench, cells, judged
from tests.reviewed import close, record

pytestmark = pytest.mark.integration

LOWER_HALF = "\N{LOWER HALF BLOCK}"


@pytest.fixture
def settings(tmp_path):
    record(tmp_path / "sessions" / "monday", 72)
    return Settings(state_dir=tmp_path, runtime_dir=tmp_path / "run")


def labels(settings, session="monday"):
    with LedgerReader.read(settings.state_dir / "sessions" / session) as ledger:
        assert list(verify(ledger)) == []
        return [each.event for each in ledger.events() if isinstance(each.event, Labelled)]


def text_of(app):
    return "\n".join("".join(part.text for part in strip).rstrip() for strip in app.screen._compositor.render_strips())


def line_with(text, word):
    return next(line for line in text.splitlines() if word in line)


async def until(pilot: Pilot[BaseException], condition: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline_s, text_of(pilot.app)
        await pilot.pause(0.02)


def screen_of(pilot) -> CellsScreen:
    assert isinstance(pilot.app.screen, CellsScreen), text_of(pilot.app)
    return pilot.app.screen


def chosen_of(screen: CellsScreen) -> Cell:
    assert screen._chosen is not None
    return screen._reading.desk.cell(screen._chosen)


async def opened(pilot, key="n") -> CellsScreen:
    """Open the screen of cells, once the record is read."""
    await until(pilot, lambda: pilot.app.shown.session)
    await pilot.press(key)
    screen = screen_of(pilot)
    await until(pilot, lambda: screen._reading.known)
    await pilot.pause()
    return screen


def drive(
    settings: Settings,
    look: Callable[[WatchApp, Pilot[BaseException]], Awaitable[None]],
    *,
    size: tuple[int, int] = (100, 30),
    by: str = "A. Reader",
    pictures: Pictures | None = None,
    session: str = "monday",
    live: bool = False,
) -> WatchApp:
    """Run the terminal client on a session, let ``look`` use it, and end it as a person does."""

    async def run() -> WatchApp:
        bring = followed(settings, None) if live else recorded(settings, session)
        readers = Readers(settings, by)
        app = WatchApp(
            bring,
            waiting="waiting",
            readers=readers,
            pictures=pictures,
            bring_of=lambda name, live: followed(settings, name) if live else recorded(settings, name),
        )
        async with app.run_test(size=size) as pilot:
            await look(app, pilot)
            await pilot.press("ctrl+c")
        return app

    app = asyncio.run(run())
    app.close_reading()
    return app


def test_doubtful_cells_come_first_and_everything_is_named(settings):
    async def look(app, pilot):
        screen = await opened(pilot)
        text = text_of(app)
        assert TO_SEE in text
        assert "1 of 24" in text
        chosen = chosen_of(screen)
        assert chosen.verdict == "flagged"
        for word in (
            f"cell {chosen.number}: {chosen.cls}",
            "flagged",
            "90.0%",
            "why flagged",
            "frame: 0.jpg",
            "none of six",
        ):
            assert word in text, word
        await until(pilot, lambda: LOWER_HALF in text_of(app))
        assert "22 µm across" in text_of(app)
        await pilot.press("z")
        await until(pilot, lambda: "33 µm across" in text_of(app))
        await pilot.press("f")
        await until(pilot, lambda: "whole frame" in text_of(app))
        await pilot.press("end")
        assert "24 of 24" in text_of(app)
        assert "rejected: not one of the six" in text_of(app)
        await pilot.press("down")
        assert "24 of 24" in text_of(app)
        await pilot.press("home", "pagedown", "up")
        assert "10 of 24" in text_of(app)

    drive(settings, look)
    assert labels(settings) == []


def test_a_picture_that_comes_late_does_not_stand_beside_another_cell(settings):
    late = Image.new("RGB", (8, 8), (255, 0, 0))

    async def look(app, pilot):
        screen = await opened(pilot)
        before = screen._drawn
        assert before is not None
        await until(pilot, lambda: screen._picture._image is not None)
        await pilot.press("down")
        assert screen._drawn != before
        screen.show_picture(before, late)
        assert screen._picture._image is not late
        now = screen._drawn
        assert now is not None
        screen.show_picture(now, late)
        assert screen._picture._image is late

    drive(settings, look)


def test_a_label_is_written_and_both_results_follow(settings):
    async def look(app, pilot):
        screen = await opened(pilot)
        first = screen._chosen
        assert "nobody has labelled a cell yet" in text_of(app)
        await pilot.press("6")  # a flagged band is a lymphocyte
        await until(pilot, lambda: "1 labelled, 1 of them renamed" in text_of(app))
        counted, reviewed = (line_with(text_of(app), word).split() for word in ("as counted", "as reviewed"))
        assert (counted[2], counted[7]) == ("16.7", "16.7")
        assert (reviewed[2], reviewed[7]) == ("15.0", "18.3")
        assert "1 of 23" in text_of(app)
        assert screen._chosen != first
        await pilot.press("enter", "e", "L")
        await until(pilot, lambda: "4 labelled" in text_of(app))
        await pilot.press("escape")
        await until(pilot, lambda: "reviewed" in text_of(app))
        assert "58" in line_with(text_of(app), "all cells").split(), "two are none of the six any more"

    drive(settings, look)
    given = [(each.label, each.by) for each in labels(settings)]
    assert given[0] == ("lymphocyte", "A. Reader")
    assert [label for label, _ in given[1:]] == ["segmented", "erythroblast", "plasma_cell"]


def test_keys_that_come_faster_than_answers_name_one_cell_each(settings):
    expected: list[CellKey] = []

    async def look(app, pilot):
        screen = await opened(pilot)
        expected.extend(cell.key for cell in screen._listed())
        # The record is held by somebody else: no answer comes while all of it is typed.
        with Ledger.open(settings.state_dir / "sessions" / "monday"):
            await pilot.press(*"123456123456")
            assert screen._reading.desk.waiting == 12
            assert "12 being written" in text_of(app)
            await pilot.press("u", "u", "y")
            assert "1 of 14" in text_of(app), "thirteen to be seen, and the one that was named again"
        await until(pilot, lambda: not screen._reading.desk.waiting)
        await until(pilot, lambda: "11 labelled" in text_of(app))

    drive(settings, look)
    given = labels(settings)
    assert [each.label for each in given] == [*CLASSES, *CLASSES, "withdrawn", "withdrawn", "monocyte"]
    assert [(each.frame, each.index) for each in given[:12]] == expected[:12]
    assert [(each.frame, each.index) for each in given[12:]] == [expected[11], expected[10], expected[10]]


def test_after_the_last_cell_no_key_names_one(settings):
    async def look(app, pilot):
        screen = await opened(pilot)
        await pilot.press(*"1" * 24)
        assert screen._chosen is None
        assert "No flagged or rejected cell is left to be seen" in text_of(app)
        await pilot.press("2", "enter", "x")
        assert "Choose a cell first" in text_of(app)
        await pilot.press("n")
        assert "No flagged or rejected cell is left" in text_of(app)
        await pilot.press("tab", "tab", "tab")
        assert "labelled" in text_of(app)
        assert "1 of 24" in text_of(app)
        await pilot.press("x", "x")
        await until(pilot, lambda: "22 labelled" in text_of(app))

    drive(settings, look)
    assert [each.label for each in labels(settings)] == ["band"] * 24 + ["withdrawn"] * 2


def test_a_signed_session_takes_no_label_and_says_so(settings):
    folder = settings.state_dir / "sessions" / "monday"
    close(folder)
    whys: dict[OverruledName, str] = {"flagged": "seen", "rejected": "seen", "target": "a child's smear"}

    async def look(app, pilot):
        await opened(pilot)
        await pilot.press("1")
        await until(pilot, lambda: "1 labelled" in text_of(app))
        assert "Preliminary" in text_of(app)
        sign(folder, by="B. Other", overruled=whys)
        await pilot.press("2")  # before the screen has heard of it
        await until(pilot, lambda: "Signed by B. Other, 2" in text_of(app))
        assert "Preliminary" not in text_of(app)
        await pilot.press("3", "u")
        assert "Signed by B. Other: it takes no label." in text_of(app)

    drive(settings, look)
    assert [each.label for each in labels(settings)] == ["band"]


def test_when_all_are_seen_it_says_how_to_sign(settings):
    close(settings.state_dir / "sessions" / "monday")

    async def look(app, pilot):
        await opened(pilot)
        assert "sessions sign" not in text_of(app)
        await pilot.press(*"1" * 24)
        await until(pilot, lambda: "24 labelled" in text_of(app))
        assert "smearwatch sessions sign monday --by" in text_of(app)

    drive(settings, look)


def test_undo_and_redo_say_what_they_do(settings):
    async def look(app, pilot):
        screen = await opened(pilot)
        first = screen._chosen
        await pilot.press("4", "u")
        assert "Undone: cell" in text_of(app)
        assert screen._chosen == first
        await pilot.press("u")
        assert "Nothing to undo." in text_of(app)
        await pilot.press("y")
        assert "is basophil, says A. Reader" in text_of(app)
        await pilot.press("y")
        assert "Nothing to redo." in text_of(app)

    drive(settings, look)
    assert [each.label for each in labels(settings)] == ["basophil", "withdrawn", "basophil"]


def test_labels_are_signed_or_not_given(settings):
    async def look(app, pilot):
        screen = await opened(pilot)
        first = screen._chosen
        await pilot.press("6")
        assert "Each label carries its reader's name. Yours:" in text_of(app)
        await pilot.press("escape")
        assert "Nothing is labelled without a name." in text_of(app)
        await pilot.press("6", *"quinn p 123", "enter")
        assert "Labels are given as quinn p 123 now" in text_of(app)
        assert screen._chosen == first
        await pilot.press("6")
        await until(pilot, lambda: "1 labelled" in text_of(app))

    drive(settings, look, by="")
    assert [(each.label, each.by) for each in labels(settings)] == [("lymphocyte", "quinn p 123")]


def test_every_flagged_cell_of_the_session_can_be_paged_through(settings):
    async def look(app, pilot):
        screen = await opened(pilot, "right")
        assert "all, newest first" in text_of(app)
        assert chosen_of(screen).number == 72
        await pilot.press("tab", "tab")
        seen = set()
        for _ in range(12):
            seen.add(chosen_of(screen).number)
            await pilot.press("right")
        assert len(seen) == 12
        assert "12 of 12" in text_of(app)
        assert {screen._reading.desk.cell(each.key).verdict for each in screen._listed()} == {"flagged"}

    drive(settings, look)


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (140, 45)])
def test_nothing_is_silently_missing(settings, size):
    async def look(app, pilot):
        screen = await opened(pilot)
        await pilot.press("2")
        await until(pilot, lambda: "1 labelled" in text_of(app))
        text = text_of(app)
        lines = text.splitlines()
        assert max(map(len, lines)) <= size[0]
        for word in (
            "For Research Use Only",
            "Preliminary until",
            "as counted",
            "as reviewed",
            "6 lymph",
            "Enter Machine is right",
            "? All keys",
            "Esc Back",
            "u Undo",
            "verifier",
            "why flagged",
            "frame: ",
        ):
            assert word in text, word
        assert len([line for line in lines if "│" in line]) >= 12
        if size == (80, 24):
            assert "more below" in text
        else:
            assert "b blast" in text
        await until(pilot, lambda: LOWER_HALF in text_of(app))
        await pilot.press("question_mark")
        assert "Keys of the cells" in text_of(app)
        await pilot.press("escape", "p")
        assert "coloured blocks" in text_of(app)
        assert screen is app.screen

    drive(settings, look, size=size)


def test_a_small_window_asks_for_a_larger_one(settings):
    async def look(app, pilot):
        await opened(pilot)
        assert "Make the window larger (at least 80x24)" in text_of(app)
        assert "For Research Use Only" in text_of(app)

    drive(settings, look, size=(60, 15))


def test_without_pictures_it_says_why(settings):
    async def look(app, pilot):
        await opened(pilot)
        assert LOWER_HALF not in text_of(app)
        assert "why flagged" in text_of(app)
        await pilot.press("p")
        assert "too few colours" in text_of(app)

    drive(settings, look, pictures=Pictures("none", "This terminal shows too few colours."))


def test_a_record_that_goes_away_is_said_and_labels_are_put_back(settings):
    async def look(app, pilot):
        screen = await opened(pilot)
        first = chosen_of(screen).key
        delete_session(settings.state_dir, "monday")
        await pilot.press("3")
        await until(pilot, lambda: not screen._reading.desk.waiting)
        await until(pilot, lambda: app.return_value is not None)
        assert screen._reading.desk.cell(first).label is None

    assert isinstance(drive(settings, look).return_value, LedgerUnusable), "it ends with one line"


def test_what_is_typed_before_the_end_is_written_and_what_cannot_be_is_told(settings, monkeypatch):
    async def look(app, pilot):
        await opened(pilot)
        await pilot.press(*"123")

    drive(settings, look)
    assert [each.label for each in labels(settings)] == ["band", "segmented", "eosinophil"]
    monkeypatch.setattr("smearwatch.clients.reviewing.writing._PATIENCE_S", 0.0)
    monkeypatch.setattr("smearwatch.clients.reviewing.writing._HUB_ANSWERS_S", 0.1)
    with Ledger.open(settings.state_dir / "sessions" / "monday"), pytest.raises(LabelsUnwritten) as caught:
        drive(settings, look)
    assert "not written" in str(caught.value)
    assert len(labels(settings)) == 3


def test_two_readers_see_each_other(settings):
    async def look(app, pilot):
        screen = await opened(pilot)
        first, second = (cell.key for cell in screen._listed()[:2])
        with Ledger.open(settings.state_dir / "sessions" / "monday") as ledger:
            ledger.append(make_labels(ledger, [(second, "smudge")], by="B", labelled_at_ns=1))
        await until(pilot, lambda: "1 of 23" in text_of(app))
        assert screen._chosen == first, "the choice stays where it was"
        assert screen._reading.desk.cell(second).by == "B"
        await pilot.press("escape")
        await until(pilot, lambda: "reviewed" in text_of(app))

    drive(settings, look)


def test_labels_reach_the_hub_that_counts_and_the_count_follows(tmp_path):
    bench = Bench(tmp_path)
    source, finder, worker = bench.peer("source", "s"), bench.peer("finder", "f", 1), bench.peer("worker", "w", 2)
    bench.offer(source, b"one")
    ((lease, _),) = bench.hear(finder, FrameLease)
    finder.send(*cells(lease, whole=2, edge=1))
    for crop, _ in bench.hear(worker, CropLease):
        worker.send(judged(crop))
    bench.turn_until(lambda: bench.journal.fold.cells == 2)
    settings, ended = bench.plan.settings, threading.Event()

    async def look(app, pilot):
        try:
            screen = await opened(pilot, "down")
            await until(pilot, lambda: "1 of 2" in text_of(app))
            keys = [cell.key for cell in screen._listed()]
            await pilot.press("5", "o")
            await until(pilot, lambda: "2 labelled, 2 of them renamed" in text_of(app))
            await until(pilot, lambda: app.shown.tally["reviewed"] is not None)
            await pilot.press("u")
            await until(pilot, lambda: "1 labelled" in text_of(app))
            await until(pilot, lambda: app.shown.tally["reviewed"]["labelled"] == 1)
            assert screen._chosen == keys[1]
            app.close_reading()
        finally:
            ended.set()

    # The hub is turned here, as its process would turn it, while the screen lives in a thread of its own.
    failed: list[BaseException] = []
    thread = threading.Thread(target=lambda: _kept(failed, lambda: drive(settings, look, live=True)))
    thread.start()
    while not ended.is_set():
        bench.now += 0.02
        bench.hub.turn(0.02)
    thread.join()
    reviewed = bench.journal.fold.reviewed
    bench.close()
    assert failed == []
    assert reviewed is not None
    assert (reviewed.counts["monocyte"], reviewed.cells) == (1, 2)
    assert [(each.label, each.by) for each in labels(settings, "t")] == [
        ("monocyte", "A. Reader"), ("other", "A. Reader"), ("withdrawn", "A. Reader"),
    ]  # fmt: skip


def _kept(failed, work):
    try:
        work()
    except BaseException as error:  # noqa: BLE001  # raised by the thread that asked
        failed.append(error)
