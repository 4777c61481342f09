"""A session and its reader: the desk with what was said, and the threads that read, write and cut pictures."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from smearwatch.clients.reviewing.desk import Change, Desk
from smearwatch.clients.reviewing.random_review import RandomReview
from smearwatch.clients.terminal.cutting import Cutter, Wanted
from smearwatch.clients.terminal.graphics import Pictures
from smearwatch.clients.terminal.readers import Readers
from smearwatch.clients.terminal.record import Broken, News, Read, RecordThread, Settled, Unread
from smearwatch.daemon.corrected_text import review_numbers
from smearwatch.daemon.key_layout import KeyLayout
from smearwatch.daemon.record.sessions import session_folder

if TYPE_CHECKING:
    from PIL.Image import Image


class Reading:
    """One session before one reader. `news` is called in the thread of the screen, all else by it."""

    def __init__(
        self,
        readers: Readers,
        layout: KeyLayout,
        name: str,
        pictures: Pictures,
        tell: Callable[[News], bool],
        tell_picture: "Callable[[Wanted, Image | None], object]",
    ) -> None:
        folder = session_folder(readers.state_dir, name)
        self.name = name
        self.folder = folder
        self.settings = readers.settings
        self.by = readers.by
        self.layout = layout
        self.only = readers.only
        self.pictures = pictures
        self.desk = Desk()
        self.random = RandomReview()
        self.known = False
        self.unread = ""
        self.tally: Mapping[str, Any] | None = None
        self.record = RecordThread(folder, readers.runtime_dir, readers.within, tell)
        self.cutter = Cutter(folder, self.record.gallery, tell_picture)

    def start(self) -> None:
        """Begin to read the record."""
        self.record.start()

    def take(self, news: News) -> str:
        """Take in what the record says; returns what is to be said of it, nothing for most."""
        match news:
            case Read():
                self.desk.take(news.cells)
                self.tally, self.known, self.unread = news.tally, True, ""
                self.random.take(news.draw, self.desk.unsettled)
                self.random.take_advice(review_numbers(news.tally["corrected"], self.only))
            case Unread():
                self.unread = f"The record cannot be read: {news.why}"
            case Settled():
                self.desk.settle(news.change, written=not news.why)
                if news.why:
                    self._put_back(news.change)
                    return f"Cell {self.desk.cell(news.change.key).number} was not labelled: {news.why}"
            case Broken():
                raise news.error
        return ""

    def write(self, change: Change) -> None:
        """Have a label written; what the random review asks for next follows at once."""
        if change.drawn:
            self.random.name(change.key)
        elif change.undoes is not None and change.undoes.drawn:
            self.random.forget(change.key)
        self.record.write(change)

    def _put_back(self, change: Change) -> None:
        """Ask for a drawn cell again whose name was not taken, and no more for one that has its name still."""
        if change.drawn:
            self.random.forget(change.key)
        elif change.undoes is not None and change.undoes.drawn:
            self.random.name(change.key)

    def close(self) -> None:
        """Write what is waiting, then end; raises `smearwatch.clients.terminal.record.LabelsUnwritten`."""
        self.cutter.close()
        self.record.close()
