"""The terminal client, driven without a terminal: what stands where, at which size, and which keys work."""

import asyncio
import contextlib
import io
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from textual.worker import WorkerCancelled

from smearwatch.clients.terminal.app import WatchApp
from smearwatch.clients.terminal.bar import axis, progress_bar, share_bar
from smearwatch.clients.terminal.demo import DemoApp
from smearwatch.clients.terminal.figures import cell_rows, frame_rows, one_line, program_rows
from smearwatch.clients.terminal.graphics import thumbnail
from smearwatch.clients.terminal.messages import ViewCame
from smearwatch.clients.terminal.pictures import Card, in_words
from smearwatch.clients.terminal.status import connection_words
from smearwatch.clients.terminal.theme import DARK, LIGHT, initial_theme
from smearwatch.clients.view import RecentCell, View
from smearwatch.clients.wording import DASH
from smearwatch.daemon.record.events import CLASSES, Amended, Labelled, Replaced, Signed
from smearwatch.daemon.record.schema import LedgerUnusable
from smearwatch.daemon.record.signature import Overruled, SignedResult
from tests.unit.clients_script import ScriptedHub, counted_frames, frame_id, rejected, seen
from tests.unit.test_clients_lines import LIMITS, drifting, view_of

RESEARCH_USE = "For Research Use Only. Not for use in diagnostic procedures."
PRELIMINARY = "Preliminary until verified by a person."


def jpeg(colour=(120, 60, 160), size=(96, 96)):
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "JPEG")
    return out.getvalue()


@pytest.fixture
def view():
    hub = ScriptedHub("smear-7")
    hub.start()
    hub.commit(*counted_frames(0, 30, "segmented"), *counted_frames(30, 32, "band"))
    hub.commit(*counted_frames(32, 50, "lymphocyte"), seen(60), rejected(60), seen(61))
    verdicts = ("confirmed", "flagged", "rejected", "corrected")
    recent = tuple(RecentCell(frame_id(n), 0, "segmented", verdicts[n % 4], 0.9, jpeg()) for n in range(12))
    return view_of(hub, recent=recent)


def run_app(bring, size, look):
    """Run the app until its source has ended, then let ``look`` look at it."""

    ended = threading.Event()

    def bring_once(show, stop):
        try:
            bring(show, stop)
        finally:
            ended.set()

    async def run():
        app = WatchApp(bring_once, waiting="waiting for the daemon at /run/hub.sock")
        async with app.run_test(size=size) as pilot:
            await asyncio.to_thread(ended.wait)  # on a busy machine the source begins late
            with contextlib.suppress(WorkerCancelled):  # as one is whose app has ended
                await app.workers.wait_for_complete()
            await pilot.pause()
            await look(app, pilot)
        return app

    return asyncio.run(run())


def text_of(app):
    return ["".join(segment.text for segment in strip).rstrip() for strip in app.screen._compositor.render_strips()]


def on_screen(view, size):
    """Return the screen of one view as lines of text."""
    lines = []

    async def look(app, pilot):
        lines.extend(text_of(app))

    run_app(lambda show, _: show(view), size, look)
    return lines


def line_with(lines, word):
    return next(line for line in lines if word in line)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
def test_everything_that_matters_is_on_every_screen(view, size):
    lines = on_screen(view, size)
    assert len(lines) == size[1]
    text = "\n".join(lines)
    for word in (
        RESEARCH_USE,
        "Preliminary until verified by a person.",
        "smear-7",
        "live",
        "out of focus 1",
        "0.40 s",
    ):
        assert word in text, word
    assert [word in line_with(lines, "segmented") for word in ("30", "60.0", f"45.2 {DASH} 73.6")] == [True] * 3
    assert [word in line_with(lines, "neutrophils") for word in ("32", "64.0", f"49.2 {DASH} 77.1")] == [True] * 3
    assert [word in line_with(lines, "all cells") for word in ("50", "of 100", "50% done")] == [True] * 3
    names = ["band", "segmented", "eosinophil", "basophil", "monocyte", "lymphocyte", "neutrophils", "all cells"]
    at = [next(i for i, line in enumerate(lines) if name in line) for name in names]
    assert at == sorted(at), "the classes in their order"


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_the_reviewed_result_stands_beside_the_count(size):
    hub = ScriptedHub("smear-7")
    hub.start()
    hub.commit(*counted_frames(0, 3, "segmented"), *counted_frames(3, 4, "lymphocyte"))
    assert "reviewed" not in "\n".join(on_screen(view_of(hub), size))
    stood = Replaced(frame_id(0), 0, "segmented", "confirmed")
    hub.commit(Labelled(frame_id(0), 0, "monocyte", "A. Reader", 1, 9, stood))
    lines = on_screen(view_of(hub), size)
    assert "reviewed" in line_with(lines, "95 % interval")
    assert [word in line_with(lines, "segmented") for word in ("75.0", "50.0")] == [True, True]
    assert [word in line_with(lines, "monocyte") for word in (" 0.0", "25.0")] == [True, True]
    assert line_with(lines, "all cells").split().count("4") == 2
    assert "own classes" not in "\n".join(lines)
    hub.commit(Labelled(frame_id(1), 0, "leukocyte:hairy_cell", "A. Reader", 1, 9, replace(stood, frame=frame_id(1))))
    assert line_with(on_screen(view_of(hub), size), "own classes").strip(" │").endswith(" 25.0")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_who_signed_stands_in_the_place_of_preliminary(size):
    hub = ScriptedHub("smear-7")
    hub.start()
    hub.commit(*counted_frames(0, 3, "segmented"))
    counts: dict[str, int] = {name: 3 * (name == "segmented") for name in CLASSES}
    result = SignedResult(0, 0, counts, 0, {}, {}, 0, 0)
    hub.commit(Signed("A. Reader", 9, 1, result, ("w",), (Overruled("target", "few cells on the slide"),)))
    text = " ".join(" ".join(on_screen(view_of(hub), size)).split())
    assert "Signed by A. Reader, 19" in text
    assert "signed although the target was not reached: few cells on the slide" in text
    assert PRELIMINARY not in text
    assert RESEARCH_USE in text
    hub.commit(Amended("B", "a cell was overlooked", 9, 1))
    text = " ".join(" ".join(on_screen(view_of(hub), size)).split())
    assert "Amended once by B" in text
    assert PRELIMINARY in text


def test_frames_add_up_on_the_screen(view):
    frames = line_with(on_screen(view, (80, 24)), "frames")
    assert "52 seen   50 counted   1 rejected   1 pending" in frames


@pytest.mark.parametrize(("size", "cards"), [((80, 24), 0), ((120, 40), 4), ((200, 60), 5)])
def test_pictures_fold_away_where_there_is_no_room(view, size, cards):
    async def look(app, pilot):
        room = app.screen.query_one("#recent").region
        assert len([card for card in app.screen.query(Card) if card.display and room]) == cards
        words = any("last " in line and "segmented 0.90" in line for line in text_of(app))
        assert words == (cards == 0)

    run_app(lambda show, _: show(view), size, look)


def test_before_anything_is_known_it_says_what_it_waits_for():
    lines = on_screen(View(), (80, 24))
    assert "waiting for the daemon at /run/hub.sock" in lines[0]
    assert RESEARCH_USE in "\n".join(lines)


@pytest.mark.parametrize("size", [(60, 15), (40, 8), (69, 40), (80, 21)])
def test_a_small_window_asks_for_a_larger_one_and_keeps_the_notice(view, size):
    text = " ".join(" ".join(on_screen(view, size)).split())
    assert "Make the window larger (at least 80x24)." in text
    assert RESEARCH_USE in text
    assert "neutrophils" not in text


def test_a_key_that_does_nothing_says_why(view):
    async def look(app, pilot):
        await pilot.press("p")
        await pilot.pause()
        assert "No room for pictures of the last cells: make the window larger" in "\n".join(text_of(app))
        assert RESEARCH_USE in "\n".join(text_of(app))

    run_app(lambda show, _: show(view), (80, 24), look)


def test_tiny_terminals_do_not_break_it(view):
    for size in ((20, 6), (41, 12), (1, 1)):
        on_screen(view, size)


def test_keys(view):
    async def look(app, pilot):
        for key, sign, there in (
            ("question_mark", "Keys of the count", True),
            ("escape", "Keys of the count", False),
            ("p", "\N{LOWER HALF BLOCK}", False),
            ("p", "\N{LOWER HALF BLOCK}", True),
        ):
            await pilot.press(key)
            await pilot.pause()
            text = "\n".join(text_of(app))
            assert (sign in text) == there, key
            assert RESEARCH_USE in text, key
        for theme in (LIGHT, DARK):
            await pilot.press("d")
            assert app.theme == theme.name
        await pilot.press("q")

    assert run_app(lambda show, _: show(view), (120, 40), look).return_code == 0


def test_an_error_of_the_source_ends_it_and_is_handed_over():
    error = LedgerUnusable(Path("ledger.sqlite"), "is damaged", "restore it")

    def bring(show, stopped):
        raise error

    async def look(app, pilot):
        await pilot.pause()

    app = run_app(bring, (80, 24), look)
    assert (app.return_value, app.return_code) == (error, 1)


@pytest.mark.parametrize(
    ("value", "low", "high", "expected"),
    [
        (None, 0.0, 100.0, "····················"),
        (0.0, 0.0, 9.0, "├┤··················"),
        (50.0, 30.0, 70.0, "━━━━━━┿━━━────┤·····"),
        (100.0, 80.0, 100.0, "━━━━━━━━━━━━━━━━┿━━┥"),
        (100.0, 99.9, 100.0, "━━━━━━━━━━━━━━━━━━━┥"),
        (4.0, 1.1, 12.0, "┝─┤·················"),
        (11.0, 10.9, 19.0, "━━┽┤················"),
        (0.1, 0.0, 0.5, "┤···················"),
    ],
)
def test_bar(value, low, high, expected):
    assert share_bar(value, low, high, 20).plain == expected


@pytest.mark.parametrize(
    ("done", "expected"), [(0.0, "────"), (0.5, "━━──"), (0.63, "━━╸─"), (1.0, "━━━━"), (1.7, "━━━━"), (-1.0, "────")]
)
def test_progress(done, expected):
    assert progress_bar(done, 4).plain == expected


@pytest.mark.parametrize("width", range(4, 140, 7))
def test_every_bar_fits_its_width(width):
    assert len(axis(width)) == width
    for value, low, high in ((0.0, 0.0, 3.6), (33.3, 20.0, 50.0), (100.0, 96.0, 100.0), (None, 0.0, 100.0)):
        assert len(share_bar(value, low, high, width).plain) == width


@pytest.mark.parametrize(
    ("view", "silent_s", "words"),
    [
        (View(), 9.0, "waiting for the daemon at /r/hub.sock"),
        (View(connection="live"), 0.0, "live"),
        (View(connection="lost"), 12.4, "lost since 12 s, reconnecting"),
        (View(connection="done", ended="finished"), 0.0, "finished"),
        (View(connection="done", ended="stopped"), 0.0, "stopped, joins again when the count goes on"),
        (View(connection="done", ended="recorded"), 0.0, "recorded"),
    ],
)
def test_connection_words(view, silent_s, words):
    assert connection_words(view, "waiting for the daemon at /r/hub.sock", silent_s)[2] == words


def test_the_status_line_tells_the_connections_end(view):
    assert "finished" in on_screen(replace(view, connection="done", ended="finished"), (80, 24))[0]


@pytest.mark.parametrize(
    "data", [b"", b"no picture", jpeg()[:200], jpeg(size=(513, 20)), b"\x89PNG\r\n\x1a\n" + b"0" * 50]
)
def test_what_is_no_small_jpeg_is_no_picture(data):
    assert thumbnail(data) is None


def test_a_broken_thumbnail_leaves_the_screen_whole(view):
    broken = replace(view.recent[0], thumbnail=b"\xff\xd8 broken")
    lines = on_screen(replace(view, recent=(broken, *view.recent[1:])), (120, 40))
    assert RESEARCH_USE in "\n".join(lines)


def test_last_cells_in_words_fit_the_line(view):
    for width in (20, 40, 76, 118):
        assert len(in_words(view, width).plain) <= width


def test_without_workers_it_says_that_frames_wait(view):
    rows = program_rows(replace(view, workers=0))
    assert ("judging", "0", "frames wait") in rows
    assert "1 searching   0 judging" in one_line("program", rows, 76).plain
    assert [row[1] for row in frame_rows(View())] == [DASH] * 4
    assert [row[1] for row in cell_rows(View())] == [DASH] * 5


def test_figures_side_by_side_go_on_below_where_the_width_does_not_do(view):
    many = dict.fromkeys(("cells_found", "flagged", "rejected", "at_edge", "seen_again"), 12345)
    rows = cell_rows(replace(view, tally={**view.tally, **many, "verdicts": {"corrected": 7}}))
    for width in (60, 76, 118):
        lines = one_line("cells", rows, width).plain.splitlines()
        assert all(len(line) <= width for line in lines)
        assert all(line.startswith(" " * 9) for line in lines[1:])
        assert " ".join(" ".join(lines).split()) == (
            "cells 12345 found 12345 flagged 7 corrected 12345 rejected (none of the six) 12345 at the edge "
            "12345 seen again (counted once)"
        )
    assert len(one_line("cells", rows, 76).plain.splitlines()) == 3
    assert len(one_line("cells", cell_rows(view), 76).plain.splitlines()) == 2
    none = replace(view, tally={**view.tally, "verdicts": {"corrected": 0}})
    assert "corrected" not in [name for name, *_ in cell_rows(none)]


def test_the_first_line_has_room_for_where_the_session_stands_however_long_its_name(view):
    stopped = replace(view, connection="done", ended="stopped")
    first = on_screen(stopped, (80, 24))[0]
    assert first.startswith("  smearwatch  smear-7  ")
    assert first.endswith("  ■ stopped, joins again when the count goes on")
    first = on_screen(replace(stopped, session="s" * 64), (80, 24))[0]
    assert len(first) <= 78
    assert first.startswith("  smearwatch  sssss")
    assert first.endswith("s\N{HORIZONTAL ELLIPSIS}  ■ stopped, joins agai\N{HORIZONTAL ELLIPSIS}")


def test_the_first_line_says_what_is_done_before_the_first_cell():
    hub = ScriptedHub()
    hub.start()
    assert "live: loading the networks" in on_screen(view_of(hub, workers=0), (80, 24))[0]
    hub.commit(seen(0))
    assert "live: searching the first fields" in on_screen(view_of(hub), (80, 24))[0]


def demo_screen(bring, look):
    """Run the demo's screen until it closes; returns what it ended with."""

    async def run():
        app = DemoApp(bring, waiting="starting the count", caption="simulated slide 1", stays=False)
        async with app.run_test(size=(80, 24)) as pilot:
            await look(app, pilot)
            await pilot.pause()
        return app

    return asyncio.run(run())


def test_the_demos_screen_says_what_is_seen_and_closes_by_itself(view):
    stop = threading.Event()
    found: list[str] = []
    words = ("simulated slide 1", "q Close this screen", RESEARCH_USE)

    def bring(show, stopped):
        show(view)
        stop.wait(60)

    async def look(app, pilot):
        for _ in range(400):  # on a busy machine the source begins late
            found[:] = [word for word in words if word in "\n".join(text_of(app))]
            if len(found) == len(words):
                break
            await pilot.pause(0.05)
        stop.set()
        for _ in range(400):
            if not app.is_running:
                break
            await pilot.pause(0.05)

    app = demo_screen(bring, look)
    assert app.return_value is None
    assert not app.is_running
    assert tuple(found) == words


@pytest.mark.parametrize(("key", "ends_with"), [("q", type(None)), ("ctrl+c", KeyboardInterrupt)])
def test_the_demos_screen_can_be_closed_or_ended(view, key, ends_with):
    def bring(show, stopped):
        while not stopped():
            threading.Event().wait(0.02)

    async def look(app, pilot):
        await pilot.press(key)

    assert isinstance(demo_screen(bring, look).return_value, ends_with)


@pytest.mark.parametrize(("variable", "theme"), [("15;0", DARK), ("0;15", LIGHT), ("0;default;7", LIGHT), ("", DARK)])
def test_the_theme_suits_the_terminal(monkeypatch, variable, theme):
    monkeypatch.setenv("COLORFGBG", variable)
    assert initial_theme() == theme.name


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_drift_has_a_line_of_its_own_and_only_while_there_is_drift(size):
    hub = ScriptedHub("smear-8")
    hub.start()
    hub.commit(LIMITS, *drifting(0, 20, 0.5))
    lines = on_screen(view_of(hub), size)
    place = next(n for n, line in enumerate(lines) if "▲" in line)
    assert place == 1
    assert "▲ drift since cell 1: nuclei paler than those trained on, 2.0 times beyond" in lines[place]
    assert "smearwatch adapt" in " ".join(lines[place + 1 : place + 5])
    for word in ("neutrophils", "all cells", RESEARCH_USE):
        assert any(word in line for line in lines), word
    hub.commit(*drifting(20, 60, 1.5))
    assert not any("▲" in line for line in on_screen(view_of(hub), size))


def test_the_bell_rings_once_when_the_target_is_reached_and_the_line_stays():
    hub = ScriptedHub("smear-7")
    hub.start(target=3)
    hub.commit(*counted_frames(0, 2))
    before = view_of(hub)
    hub.commit(*counted_frames(2, 3))
    at, rung = view_of(hub), []

    async def look(app, pilot):
        app.bell = lambda: rung.append(1)
        for view in (before, at, at, before, at):
            app.post_message(ViewCame(view))
            await pilot.pause()
        assert "target reached: 3 of 3 cells" in "\n".join(text_of(app))

    run_app(lambda show, _: show(before), (80, 24), look)
    assert rung == [1]
