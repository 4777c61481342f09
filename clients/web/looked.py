"""What the network looked at in a cell, where somebody asks: computed in a process of its own, never while counting."""

from collections import OrderedDict
from pathlib import Path
from typing import Any, Final

from smearwatch.daemon.config import Settings
from smearwatch.daemon.process.questions import NoAnswer, Questions
from smearwatch.daemon.record.views import CellKey
from smearwatch.daemon.weights import shipped_weights, weights_root

_PROGRAM: Final = "smearwatch.train.explaining.program"
_LONGEST_S: Final = 120.0
_KEPT: Final = 32


class Looked:
    """Asks for Grad-CAM maps of one session, by the weights that named each cell; the last ones are kept.

    Parameters
    ----------
    folder
        The session's.
    settings
        Where weights may be: those set, promoted ones, and those that came with the program.
    """

    def __init__(self, folder: Path, settings: Settings) -> None:
        promoted = weights_root(settings.state_dir)
        folders = [*([settings.weights] if settings.weights else []), shipped_weights()]
        folders += sorted(each for each in promoted.iterdir() if each.is_dir()) if promoted.is_dir() else []
        self._questions = Questions(_PROGRAM, str(folder), *map(str, folders), longest_s=_LONGEST_S)
        self._kept: OrderedDict[CellKey, tuple[dict[str, Any], bytes]] = OrderedDict()

    def at(self, view: CellKey) -> dict[str, Any]:
        """Return what is to be said of a view's map: how wide it is, or ``why`` there is none."""
        if view not in self._kept:
            try:
                said, png = self._questions.ask({"frame": view[0], "index": view[1]})
            except NoAnswer as error:
                return {"why": f"{error} ({error.hint})"}
            if "why" in said:
                return said
            self._kept[view] = said, png
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return self._kept[view][0]

    def picture(self, view: CellKey) -> bytes | None:
        """Return the PNG of a map that was asked for before; None for another one."""
        kept = self._kept.get(view)
        return None if kept is None else kept[1]

    def close(self) -> None:
        """End the process."""
        self._questions.close()
