"""The terminal client's first screen over one view, without a terminal and without a record."""

import asyncio
import contextlib
import io
import threading

from PIL import Image
from textual.worker import WorkerCancelled

from smearwatch.clients.terminal.app import WatchApp
from smearwatch.clients.view import RecentCell, View
from tests.unit.clients_script import ScriptedHub, counted_frames, frame_id, rejected, seen
from tests.unit.test_clients_lines import view_of

RESEARCH_USE = "For Research Use Only. Not for use in diagnostic procedures."
PRELIMINARY = "Preliminary until verified by a person."


def jpeg(colour: tuple[int, int, int] = (120, 60, 160), size: tuple[int, int] = (96, 96)) -> bytes:
    """Return a picture of one colour."""
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "JPEG")
    return out.getvalue()


def some_cells() -> View:
    """Return a running count of 50 cells, with the last twelve of them in pictures."""
    hub = ScriptedHub("smear-7")
    hub.start()
    hub.commit(*counted_frames(0, 30, "segmented"), *counted_frames(30, 32, "band"))
    hub.commit(*counted_frames(32, 50, "lymphocyte"), seen(60), rejected(60), seen(61))
    verdicts = ("confirmed", "flagged", "rejected", "corrected")
    recent = tuple(RecentCell(frame_id(n), 0, "segmented", verdicts[n % 4], 0.9, jpeg()) for n in range(12))
    view: View = view_of(hub, recent=recent)
    return view


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
    """Return what is on the screen, line by line."""
    return ["".join(segment.text for segment in strip).rstrip() for strip in app.screen._compositor.render_strips()]


def on_screen(view, size):
    """Return the screen of one view as lines of text."""
    lines = []

    async def look(app, pilot):
        lines.extend(text_of(app))

    run_app(lambda show, _: show(view), size, look)
    return lines


def line_with(lines, word):
    """Return the first line with a word."""
    return next(line for line in lines if word in line)
