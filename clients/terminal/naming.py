"""Asks once whose labels they are."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from smearwatch.clients.typed_text import LONGEST_NAME, TextUnfit, typed_name


class NameScreen(ModalScreen[str | None]):
    """A field for a name; ends with the name, or with None."""

    takes_letters = True

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "Back")]

    def compose(self) -> ComposeResult:
        """Make the field."""
        with Vertical(id="naming"):
            yield Static("Each label carries its reader's name. Yours:")
            yield Input(max_length=LONGEST_NAME)
            yield Static("Enter: go on. Esc: back, nothing is labelled.", id="naming-said")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """End with the name; without one where nothing was typed."""
        try:
            self.dismiss(typed_name(event.value, "name the reader") if event.value.strip() else None)
        except TextUnfit as error:
            self.query_one("#naming-said", Static).update(f"{error}.")

    def action_cancel(self) -> None:
        """End without one."""
        self.dismiss(None)
