"""Signing a session's result in the terminal, and opening a signed one again: the gates and refusals of everywhere."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar, Final, cast

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from smearwatch.clients.sending import act_and_send, cannot_be_sent
from smearwatch.clients.terminal.cell_words import signed_lines
from smearwatch.clients.terminal.differential import DIM
from smearwatch.clients.terminal.messages import Failed
from smearwatch.clients.terminal.reading import Reading
from smearwatch.clients.terminal.record import error_text
from smearwatch.clients.typed_text import LONGEST_NAME, LONGEST_TEXT, TextUnfit, typed_text
from smearwatch.daemon.notices import RESEARCH_USE
from smearwatch.daemon.record.gates import Gate
from smearwatch.daemon.record.lock import SessionBusy
from smearwatch.daemon.record.schema import LedgerUnusable
from smearwatch.daemon.record.seal import SessionSigned
from smearwatch.daemon.record.sessions import SessionMissing
from smearwatch.daemon.record.signature import OVERRULABLE, OverruledName
from smearwatch.daemon.record.signing import GatesOpen, NotSigned, ResultChanged, Standing, amend, sign, standing
from smearwatch.daemon.record.tally import TallyBroken
from smearwatch.daemon.record.tally_json import tally_json
from smearwatch.daemon.record.writing import LedgerRefused
from smearwatch.daemon.sign_text import sign_lines

_FORESEEN: Final = (
    GatesOpen,
    LedgerRefused,
    LedgerUnusable,
    NotSigned,
    OSError,
    ResultChanged,
    SessionBusy,
    SessionMissing,
    SessionSigned,
    TallyBroken,
)
_LOOK_EVERY_S: Final = 0.25
_SEEN_HERE: Final = ("flagged", "rejected")
_BECAUSE: Final = "sign all the same, because ..."
_READING: Final = "The record is being read."
_WRITING: Final = "Labels are being written; then the gates are shown."


class RecordAnswered(Message):
    """What became of a question to the record: what it gave, or why it gave nothing."""

    def __init__(self, given: Any, error: Exception | None = None) -> None:
        super().__init__()
        self.given = given
        self.error = error


class _RecordDialog(ModalScreen[str]):
    """Fields, a button, and a record that is asked in a thread. Ends with what is to be said, nothing after Esc.

    Parameters
    ----------
    reading : Reading
        The session and its reader.
    tally : mapping
        What is shown of it by now.
    """

    takes_letters = True

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back"),
        # Before the next key is looked at: what is typed fast, or pasted, must not go into the field before.
        Binding("enter", "go_on", show=False, priority=True),
        Binding("tab,down", "app.focus_next", show=False, priority=True),
        Binding("shift+tab,up", "app.focus_previous", show=False, priority=True),
    ]

    def __init__(self, reading: Reading, tally: Mapping[str, Any]) -> None:
        super().__init__()
        self._reading = reading
        self._tally = tally
        self._asking = False

    def action_go_on(self) -> None:
        """Go on to the next field, or press the button."""
        if isinstance(self.focused, Button):
            self.focused.press()
        else:
            self.focus_next()

    def action_leave(self) -> None:
        """End, and say nothing."""
        self.dismiss("")

    def _ask(self, question: Callable[[], Any]) -> None:
        """Ask the record; one question at a time."""
        if not self._asking:
            self._asking = True
            self._ask_in_thread(question)

    @work(thread=True)
    def _ask_in_thread(self, question: Callable[[], Any]) -> None:
        try:
            self.post_message(RecordAnswered(question()))
        except _FORESEEN as error:
            self.post_message(RecordAnswered(None, error))
        except Exception as error:  # noqa: BLE001  # shown by the caller, after the terminal is left
            self.app.post_message(Failed(error))

    def _typed(self, field: str, longest: int, missing: str) -> str | None:
        """Return what stands in a field; None where it cannot stand in the record, which is said."""
        typed = self.query_one(f"#{field}", Input)
        try:
            return typed_text(typed.value, longest, "say it")
        except TextUnfit as error:
            self._refuse(f"{error if typed.value.strip() else missing}.")
            typed.focus()
            return None

    def _refuse(self, why: str) -> None:
        refused = self.query_one("#refused", Static)
        refused.display = bool(why)
        refused.update(Content.styled(why, "bold $error"))


class SignScreen(_RecordDialog):
    """What is signed, what stands before it, and the fields: a reason for each open gate, the name, a note."""

    def __init__(self, reading: Reading, tally: Mapping[str, Any]) -> None:
        super().__init__(reading, tally)
        self._event: int | None = None
        self._gates: tuple[Gate, ...] = ()
        self._reset = True

    def compose(self) -> ComposeResult:
        """Make the fields; those of gates that are passed are not shown."""
        with VerticalScroll(id="signing", can_focus=False) as dialog:
            dialog.border_title = f"sign the result of {self._reading.name}"
            dialog.border_subtitle = RESEARCH_USE
            yield Static(_READING, id="sign-result")
            for name in OVERRULABLE:
                yield Static(id=f"gate-{name}", classes="gate")
                yield Input(
                    id=f"why-{name}",
                    compact=True,
                    max_length=LONGEST_TEXT,
                    placeholder=_BECAUSE,
                )
            yield Static(id="gates-more")
            with Horizontal(classes="field"):
                yield Static("your name")
                yield Input(self._reading.by, id="by", compact=True, max_length=LONGEST_NAME, select_on_focus=False)
            with Horizontal(classes="field"):
                yield Static("note")
                yield Input(id="note", compact=True, max_length=LONGEST_TEXT, placeholder="if there is one")
            yield Static(id="refused")
            with Horizontal(classes="field"):
                yield Button("Sign", id="do", compact=True, disabled=True)
                yield Static("Enter, Tab: next field   Esc: back, nothing is signed", classes="keys")

    def on_mount(self) -> None:
        """Ask what stands before the signature, and again whenever the result changed."""
        for name in OVERRULABLE:
            self._show_gate(name, None)
        self._refuse("")
        self._look()
        self.set_interval(_LOOK_EVERY_S, self._look)

    def on_record_answered(self, message: RecordAnswered) -> None:
        """Show the gates, or end."""
        self._asking = False
        match message.given:
            case Standing():
                self._take(message.given)
            case str():
                self.dismiss(message.given)
        if isinstance(message.error, SessionSigned):
            self.dismiss(f"You have not signed: {message.error}")
        elif message.error is not None:
            self._refuse(error_text(message.error))
            self._event = None  # look again before the next try

    def on_button_pressed(self) -> None:
        """Sign, if nothing is missing."""
        overruled: dict[OverruledName, str] = {}
        for gate in self._gates:
            if gate.passed:
                continue
            if not gate.can_be_overruled:
                self._refuse(f"{gate.says}: this cannot be overruled.")
                return
            reason = self._typed(
                f"why-{gate.name}", LONGEST_TEXT, f"{gate.says}: do that first, or write why you sign all the same"
            )
            if reason is None:
                return
            overruled[cast("OverruledName", gate.name)] = reason
        by = self._typed("by", LONGEST_NAME, "write who signs")
        if by is None:
            return
        note = self._typed("note", LONGEST_TEXT, "") if self.query_one("#note", Input).value.strip() else ""
        if note is None:
            return
        if self._event is None or self._asking:
            self._refuse("One moment: the record is being read.")
            return
        folder, settings, event = self._reading.folder, self._reading.settings, self._event

        def signed() -> str:
            act = partial(sign, folder, by=by, overruled=overruled, note=note or None, seen=event)
            _, sent = act_and_send(settings, folder, act)
            return f"Signed by {by}. g opens the result again, with a reason. {sent}".rstrip()

        self._ask(signed)

    def _look(self) -> None:
        """Ask again where something was recorded since the gates were shown; what waits is written before."""
        reading = self._reading
        if self._asking:
            return
        if reading.desk.waiting:
            self.query_one("#sign-result", Static).update(_WRITING)
            self._event = None
        elif self._event is None or (reading.tally is not None and reading.tally["event"] > self._event):
            self._ask(lambda: standing(reading.folder))

    def _take(self, now: Standing) -> None:
        tally = tally_json(now.fold, self._reading.name, now.number)
        if tally["signed"]:
            self.dismiss(f"You have not signed: {sign_lines(tally)[0]}")
            return
        self._event, self._gates = now.number, now.gates
        self.query_one("#sign-result", Static).update(signed_lines(tally, self._reading.layout))
        for gate in now.gates:
            if gate.can_be_overruled:
                self._show_gate(gate.name, gate)
        never = [_open_words(gate) for gate in now.gates if not gate.passed and not gate.can_be_overruled]
        passed = "; ".join(gate.says for gate in now.gates if gate.passed)
        unsent = cannot_be_sent(self._reading.settings, self._reading.name, now.fold.said)
        more = [*never, *([Content.styled(f"! {unsent}", "$warning")] if unsent else [])]
        self.query_one("#gates-more", Static).update(
            Content("\n").join([*more, *([Content.styled(f"✓ {passed}", DIM)] if passed else [])])
        )
        self.query_one("#do", Button).disabled = bool(never)
        if self._reset:
            self._reset = False
            self._first_field().focus()

    def _show_gate(self, name: str, gate: Gate | None) -> None:
        is_open = gate is not None and not gate.passed
        words, why = self.query_one(f"#gate-{name}", Static), self.query_one(f"#why-{name}", Input)
        words.display = why.display = is_open
        if gate is not None and is_open:
            words.update(_open_words(gate))

    def _first_field(self) -> Input:
        open_ = [f"#why-{gate.name}" for gate in self._gates if gate.can_be_overruled and not gate.passed]
        return self.query_one(open_[0] if open_ else "#note" if self._reading.by else "#by", Input)


class AmendScreen(_RecordDialog):
    """Who opens a signed result again, and why."""

    def compose(self) -> ComposeResult:
        """Make the fields."""
        with VerticalScroll(id="signing", can_focus=False) as dialog:
            dialog.border_title = f"open the signed result of {self._reading.name} again"
            dialog.border_subtitle = RESEARCH_USE
            yield Static(id="sign-result")
            with Horizontal(classes="field"):
                yield Static("your name")
                yield Input(self._reading.by, id="by", compact=True, max_length=LONGEST_NAME, select_on_focus=False)
            with Horizontal(classes="field"):
                yield Static("why")
                yield Input(id="reason", compact=True, max_length=LONGEST_TEXT)
            yield Static(id="refused")
            with Horizontal(classes="field"):
                yield Button("Open again", id="do", compact=True)
                yield Static("Enter, Tab: next field   Esc: back, it stays signed", classes="keys")

    def on_mount(self) -> None:
        """Say what holds no more then."""
        self._refuse("")
        lines = [line.strip() for line in sign_lines(self._tally)]
        words = "It can be changed and signed anew then. The earlier signature is kept."
        self.query_one("#sign-result", Static).update(Content("\n".join([*lines, words])))
        self.query_one("#reason" if self._reading.by else "#by", Input).focus()

    def on_record_answered(self, message: RecordAnswered) -> None:
        """End, or say why not."""
        self._asking = False
        if message.error is None:
            self.dismiss(message.given)
        else:
            self._refuse(error_text(message.error))

    def on_button_pressed(self) -> None:
        """Open it again, if nothing is missing."""
        by = self._typed("by", LONGEST_NAME, "write who opens it again")
        reason = None if by is None else self._typed("reason", LONGEST_TEXT, "write why it is opened again")
        if by is None or reason is None:
            return
        folder, settings = self._reading.folder, self._reading.settings

        def amended() -> str:
            event, sent = act_and_send(settings, folder, partial(amend, folder, by=by, reason=reason))
            return f"Signature {event.ordinal} holds no more: correct the result and sign it again (g). {sent}".rstrip()

        self._ask(amended)


def _open_words(gate: Gate) -> Content:
    hint = "Esc, then n: see each and name it" if gate.name in _SEEN_HERE else gate.hint
    return Content.assemble((f"✕ {gate.says}", "$warning"), (f" ({hint})", DIM))
