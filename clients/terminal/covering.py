"""The screens that lie over the first one (cells, random review, signing, help), and the session read for them."""

from typing import TYPE_CHECKING, Any

from textual.screen import Screen

from smearwatch.clients.terminal.day import DayApp
from smearwatch.clients.terminal.graphics import Pictures
from smearwatch.clients.terminal.help import HelpPage
from smearwatch.clients.terminal.messages import PictureCut, RecordNews
from smearwatch.clients.terminal.pictures import RecentStrip
from smearwatch.daemon.key_layout import KeysClash

if TYPE_CHECKING:
    from smearwatch.clients.terminal.reading import Reading
    from smearwatch.clients.terminal.reading_screen import ReadingScreen

NO_SESSION = "No session is known yet."


class CoveringApp(DayApp):
    """An app whose first screen can be covered by others, which read the session that is shown; see `WatchApp`."""

    _kind: Pictures
    _hint: str
    _record_at: str

    def __init__(self) -> None:
        super().__init__()
        self._reading: Reading | None = None
        self._readings: list[Reading] = []

    def action_cells(self, group: str) -> None:
        """Show the screen of cells: one is chosen there, and named."""
        from smearwatch.clients.terminal.cells import CellsScreen  # loaded with the first cell

        if reading := self._read():
            self._cover(CellsScreen(reading, group))

    def action_random(self) -> None:
        """Show the random review: cells that nobody chose, to be named without the machine's word."""
        from smearwatch.clients.terminal.random import RandomScreen

        if self._kind.kind == "none":
            self._say_above(f"No random review without pictures. {self._kind.why}")
        elif reading := self._read():
            self._cover(RandomScreen(reading))

    def action_sign(self) -> None:
        """Show what stands before a signature; where the result is signed, how it is opened again."""
        from smearwatch.clients.terminal.signing import AmendScreen, SignScreen

        if reading := self._read():
            known = [each for each in (reading.tally, self._view.tally) if each]
            tally = max(known, key=lambda each: each["event"]) if known else {}
            self._cover((AmendScreen if tally.get("signed") else SignScreen)(reading, tally))

    def on_record_news(self, message: RecordNews) -> None:
        """Take in what the record says of the session that is read."""
        reading = message.reading
        try:
            said = reading.take(message.news)
        except Exception as error:  # noqa: BLE001  # shown by the caller, after the terminal is left
            self.exit(error, return_code=1)
            return
        screen = self._reading_screen()
        if screen is not None and reading is self._reading:
            screen.refresh_cells()
        if said:
            self._say_above(said, wrong=True)

    def on_picture_cut(self, message: PictureCut) -> None:
        """Draw the picture of a chosen cell."""
        if screen := self._reading_screen():
            screen.show_picture(message.wanted, message.image)

    @property
    def unwritten(self) -> int:
        """How many labels are waiting to be written."""
        return sum(reading.desk.waiting for reading in self._readings)

    def close_reading(self) -> None:
        """Write the labels that are waiting still; raises `LabelsUnwritten` for what cannot be written."""
        for reading in self._readings:
            reading.close()

    def _read(self) -> "Reading | None":
        """Return the reading of the session that is shown; where none is known that is said."""
        name = self._view.session
        if name is None or self._readers is None:
            self._say(self._record_at or self._hint or NO_SESSION)
            return None
        if self._reading is None or self._reading.name != name:
            from smearwatch.clients.terminal.reading import Reading

            try:
                layout = self._readers.layout(name)
            except KeysClash as clash:
                self._say(f"{clash} ({clash.hint})")
                return None
            reading = Reading(
                self._readers,
                layout,
                name,
                self._kind,
                lambda news: self.post_message(RecordNews(reading, news)),
                lambda wanted, image: self.post_message(PictureCut(wanted, image)),
            )
            self._reading = reading
            self._readings.append(reading)
            reading.start()
        return self._reading

    def _reading_screen(self) -> "ReadingScreen | None":
        """Return the uppermost screen of cells."""
        from smearwatch.clients.terminal.reading_screen import ReadingScreen

        return next((screen for screen in reversed(self.screen_stack) if isinstance(screen, ReadingScreen)), None)

    def _cover(self, screen: Screen[Any]) -> None:
        """Show another screen, and the pictures below it again when it has gone; then say what it ended with."""
        strip = self.screen_stack[0].query_one(RecentStrip) if len(self.screen_stack) == 1 else None

        def ended(said: str | None) -> None:
            if strip is not None:
                strip.uncover()
                # Textual does not do it by itself: what came meanwhile may have changed the app's classes.
                self.call_later(strip.screen.update_node_styles, False)
            if said:
                self._say_above(said)

        if strip is not None:
            strip.cover()
        self.push_screen(screen, ended)

    def _say_above(self, text: str, *, wrong: bool = False) -> None:
        """Say something on the screen that is seen."""
        if screen := self._reading_screen():
            screen.say(text, wrong=wrong)
        else:
            self._say(text)

    def action_explain(self) -> None:
        """Show the help page."""
        self._cover(HelpPage(self._view, self._readers))
