"""The one line that says that nothing is left to count and what is waited for now."""

from smearwatch.clients.plain import remark
from smearwatch.clients.view import View

IDLE_S = 10.0
"""How long nothing came before it is said: pauses between fields are shorter."""


class Idling:
    """Says once that nothing is left to count, and again only after something came.

    Parameters
    ----------
    where : str
        The folder that is watched.
    """

    def __init__(self, where: str) -> None:
        self._where = where
        self._shown: int | None = None

    def lines(self, view: View) -> list[str]:
        """Return what is to be written now: nothing, or the one line, folded."""
        idle = view.connection == "live" and view.idle_s is not None and view.idle_s >= IDLE_S
        if not (idle and view.tally and view.workers and view.finders) or self._shown == view.event:
            return []
        self._shown = view.event
        what = (
            "nothing left to count; waiting for new pictures"
            if view.tally["frames"]["seen"]
            else "waiting for pictures"
        )
        return remark(f"{what} in {self._where} (Ctrl-C ends)")
