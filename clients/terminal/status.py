"""The first line and the last: which session this is, where it stands, and what the figures must not be used for."""

from collections.abc import Mapping
from typing import Any

from textual.content import Content
from textual.widgets import Static

from smearwatch.clients.terminal.cell_words import adjusted_words, shortened
from smearwatch.clients.terminal.differential import DIM
from smearwatch.clients.view import View
from smearwatch.clients.wording import (
    MARK,
    PAUSED,
    drift_text,
    duration_text,
    loading_text,
    mark_text,
    phase_text,
    target_text,
)
from smearwatch.daemon.elsewhere_text import elsewhere_text
from smearwatch.daemon.in_part_text import in_part_text
from smearwatch.daemon.notices import PRELIMINARY, RESEARCH_USE
from smearwatch.daemon.record.mark import SCALE_WORDS, WARNING
from smearwatch.daemon.sign_text import sign_lines

_LEAST_STATE = 20  # columns for where the session stands, however long its name is
_FEW_ROWS = 8
_AROUND = 6  # columns beside the notice
_ROOMY_ROWS = 40
_MOST_ROWS, _MORE = 3, "... (all of it: smearwatch sessions show)"


class StatusLine(Static):
    """Program, session, and the connection at the right."""

    def __init__(self, waiting: str) -> None:
        super().__init__(id="status")
        self._waiting = waiting
        self._view = View()

    def show(self, view: View, *, silent_s: float | None = None) -> None:
        """Draw a view; ``silent_s`` is how long the daemon is silent by now."""
        self._view = view
        sign, colour, words = connection_words(view, self._waiting, view.silent_s if silent_s is None else silent_s)
        name = f"  {view.session}" if view.session else ""
        specimen = view.tally["specimen"] if view.tally else None
        name += f" ({specimen})" if specimen else ""
        room = self.content_size.width - len("smearwatch") - 4  # the sign, and blanks
        name = shortened(name, room - min(len(words), _LEAST_STATE))
        words = shortened(words, room - len(name))
        self.update(
            Content.assemble(
                ("smearwatch", "bold $primary"),
                (name, "bold $foreground"),
                " " * max(2, room - len(name) - len(words) + 2),
                (f"{sign} ", colour),
                (words, colour if view.connection in ("live", "lost") else DIM),
            )
        )

    def on_resize(self) -> None:
        """Fit the line to the new width."""
        self.show(self._view)


class DriftLine(Static):
    """What leaves the range of what the weights were trained on, and the hint; not there while nothing does.

    An alarm always marks the percentages, so that this says why, and `MarkLine` has nothing to add.
    """

    def __init__(self) -> None:
        super().__init__(id="drift")
        self.display = False

    def show(self, view: View) -> None:
        """Draw a view."""
        text = drift_text(view.tally) if view.tally else None
        self.display = text is not None
        if view.tally and text is not None:
            self.update(
                Content.assemble(
                    ("▲ ", "bold $warning"),
                    (f"drift {text}; {MARK} {WARNING}", "$warning"),
                    (f"\n  {view.tally['drift']['mend']}", DIM),
                )
            )


class ScaleLine(Static):
    """Which scale the red cells contradict, and what to do about it; not there while they contradict none."""

    def __init__(self) -> None:
        super().__init__(id="scale")
        self.display = False

    def show(self, view: View) -> None:
        """Draw a view."""
        scale = view.tally.get("scale_contradicted") if view.tally else None
        self.display = scale is not None
        if view.tally and scale is not None:
            self.update(
                Content.assemble(
                    ("▲ ", "bold $warning"),
                    (f"scale {scale['says']}; {MARK} {WARNING}", "$warning"),
                    ("" if view.tally["drift"] else f"\n  {scale['mend']}", DIM),  # else no room for both
                )
            )


class MarkLine(Static):
    """Why the percentages may be wrong: pictures that another session has, too, or that were searched in part, a mark.

    Not there while nothing is to be said; of a mark of which the lines above it say all, they alone speak.
    """

    def __init__(self) -> None:
        super().__init__(id="mark")
        self.display = False

    def show(self, view: View) -> None:
        """Draw a view."""
        tally = view.tally or {}
        twice = elsewhere_text(tally.get("pictures_elsewhere"))
        said = not tally or tally["drift"] is not None or tally["mark"] == SCALE_WORDS
        warnings = [f"▲ {each}" for each in (twice, in_part_text(tally)) if each]
        mark = None if said else mark_text(tally)
        text = "\n".join([*warnings, *([mark] if mark else [])])
        self.display = bool(text)
        self.update(Content.styled(text, "$warning"))


class TargetLine(Static):
    """How far the session is with its targets; not there where there is one alone, until that is reached."""

    def __init__(self) -> None:
        super().__init__(id="target")
        self.display = False
        self._reached: bool | None = None

    def show(self, view: View) -> None:
        """Draw a view; the bell rings once when the targets are reached while somebody looks on."""
        text = target_text(view.tally) if view.tally else None
        self.display = text is not None
        reached = view.tally is not None and view.tally["target_reached"]
        self.update(
            Content.styled(f"\N{CHECK MARK} {text}" if reached else text or "", "bold $success" if reached else DIM)
        )
        if reached and self._reached is False:
            self.app.bell()
        if view.tally is not None:
            self._reached = reached or bool(self._reached)


class CorrectedLine(Static):
    """What the adjusted limits hold, and how many more cells of the random review are asked for; not there without."""

    def __init__(self, only: str | None) -> None:
        super().__init__(id="corrected")
        self.display = False
        self._only = only

    def show(self, tally: Mapping[str, Any] | None, columns: int, rows: int) -> None:
        """Draw it as a window of so many columns and rows has room for it."""
        self.display = bool(tally and tally.get("corrected"))
        if tally and self.display:
            most = None if rows >= _ROOMY_ROWS else _MOST_ROWS
            self.update(Content.styled(adjusted_words(tally, self._only, columns - _AROUND - 2, most), DIM))


class Notice(Static):
    """What must always be said, and whether a person has signed; one line where there is room, more where not."""

    _standing = PRELIMINARY

    def show(self, tally: Mapping[str, Any] | None) -> None:
        """Say who signed, once somebody has."""
        standing = "; ".join(line.strip() for line in sign_lines(tally or {}))
        if standing != self._standing:
            self._standing = standing
            self.fit(self.app.size.width, self.app.size.height)

    def fit(self, columns: int, rows: int) -> None:
        """Fit the words to the window; where there is hardly room, only what matters most.

        Before it is laid out, so that its height is right from the first picture on.
        """
        if rows < _FEW_ROWS:
            self.update(Content.assemble((RESEARCH_USE, "$warning")))
            return
        room = columns - _AROUND
        between = "  " if room >= len(RESEARCH_USE) + len(self._standing) + 2 else "\n"
        standing = self._standing
        if len(standing) > _MOST_ROWS * room:  # reasons may be long, and the cells need their room
            standing = standing[: _MOST_ROWS * room - len(_MORE)] + _MORE
        self.update(Content.assemble((RESEARCH_USE, "$warning"), between, (standing, DIM)))


def connection_words(view: View, waiting: str, silent_s: float) -> tuple[str, str, str]:
    """Return the sign, its colour and the words for a connection."""
    match view.connection:
        case "connecting":
            return "○", "$secondary", waiting
        case "live":
            if view.paused:
                return "●", "$warning", PAUSED
            if view.trouble:
                return "●", "$error", view.trouble
            phase = phase_text(view) or loading_text(view)
            return "●", "$success", f"live: {phase}" if phase else "live"
        case "lost":
            return "●", "$error", f"lost since {duration_text(silent_s)}, reconnecting"
        case "done":
            words = {"finished": "finished", "stopped": "stopped, joins again when the count goes on"}
            return "■", "$secondary", words.get(view.ended, "recorded")
