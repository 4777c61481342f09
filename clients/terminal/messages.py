"""What threads tell the terminal client's screen."""

from typing import TYPE_CHECKING

from textual.message import Message

from smearwatch.clients.view import View

if TYPE_CHECKING:
    from PIL.Image import Image

    from smearwatch.clients.terminal.cutting import Wanted
    from smearwatch.clients.terminal.reading import Reading
    from smearwatch.clients.terminal.record import News


class ViewCame(Message):
    """A new view."""

    def __init__(self, view: View) -> None:
        super().__init__()
        self.view = view


class BringerFailed(Message):
    """No more views will come."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


class SourceEnded(Message):
    """No more views will come: there is nothing more to be seen."""


class RecordNews(Message):
    """Something was read from the record of a session, or a label was written."""

    def __init__(self, reading: "Reading", news: "News") -> None:
        super().__init__()
        self.reading = reading
        self.news = news


class PictureCut(Message):
    """The picture of a chosen cell."""

    def __init__(self, wanted: "Wanted", image: "Image | None") -> None:
        super().__init__()
        self.wanted = wanted
        self.image = image
