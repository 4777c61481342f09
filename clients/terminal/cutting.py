"""Pictures of the chosen cell, cut from its frame in a thread of its own: only the one that is wanted last."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from smearwatch.clients.reviewing.gallery import Gallery, View
from smearwatch.clients.reviewing.pictures import FIELDS_UM, NoPicture, cell_picture, whole_frame
from smearwatch.clients.terminal.graphics import decoded
from smearwatch.daemon.record.schema import LedgerUnusable
from smearwatch.daemon.record.views import CellKey

if TYPE_CHECKING:
    from PIL.Image import Image

FIELDS: Final = (*FIELDS_UM, "frame")
"""How much is shown: three squares around the cell, or the whole frame with the cell marked."""

_MARK: Final = (255, 215, 0)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A view of a leukocyte, and how much around it."""

    view: CellKey
    field: str


class Cutter:
    """Cuts pictures.

    Parameters
    ----------
    folder : Path
        The session's.
    gallery : Gallery
        Knows where the cells lie.
    tell : callable
        Takes what was wanted and its picture, None where there is none; called in the thread.
    """

    def __init__(self, folder: Path, gallery: Gallery, tell: "Callable[[Wanted, Image | None], object]") -> None:
        self._folder = folder
        self._gallery = gallery
        self._tell = tell
        self._wanted: Wanted | None = None
        self._ended = False
        self._news = threading.Condition()
        threading.Thread(target=self._run, name="pictures", daemon=True).start()

    def want(self, wanted: Wanted) -> None:
        """Ask for a picture; what was asked for before and is not cut yet is no longer wanted."""
        with self._news:
            self._wanted = wanted
            self._news.notify()

    def close(self) -> None:
        """End the thread, after what it does now."""
        with self._news:
            self._ended = True
            self._news.notify()

    def _run(self) -> None:
        while True:
            with self._news:
                while self._wanted is None and not self._ended:
                    self._news.wait()
                if self._ended:
                    return
                wanted, self._wanted = self._wanted, None
            assert wanted is not None
            self._tell(wanted, self._cut(wanted))

    def _cut(self, wanted: Wanted) -> "Image | None":
        view = self._gallery.view(wanted.view)
        if view is None:
            return None
        try:
            if wanted.field == "frame":
                return self._marked(view)
            data = cell_picture(self._folder, view, FIELDS_UM[wanted.field], exact=False)
        except (NoPicture, LedgerUnusable):
            return None
        return None if data is None else decoded(data)

    def _marked(self, view: View) -> "Image | None":
        """Return the whole frame with a line around the cell."""
        from PIL import ImageDraw

        frame = decoded(whole_frame(self._folder / "frames", view.frame, view.size_px))
        if frame is not None:
            x, y, width, height = view.box
            line = max(2, max(frame.size) // 160)
            ImageDraw.Draw(frame).rectangle(
                (x - line, y - line, x + width + line, y + height + line), None, _MARK, line
            )
        return frame
