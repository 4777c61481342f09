"""Small screens over another one: something to be chosen, something to be typed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from smearwatch.daemon.record.values import printable


@dataclass(frozen=True, slots=True)
class Field:
    """Something to be typed: by what name it is known, what a person reads, what stands there already."""

    name: str
    label: str
    value: str = ""
    longest: int = 200


class ChoiceScreen(ModalScreen[str | None]):
    """A list to choose from; ends with the chosen one's id, or None. With ``find``, what is typed shortens it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Back")]
    takes_letters = True

    def __init__(self, title: str, choices: Sequence[tuple[str, str]], *, find: bool = False, below: str = "") -> None:
        super().__init__()
        self._title = title
        self._choices = choices
        self._find = find
        self._below = below

    def compose(self) -> ComposeResult:
        """Make the list."""
        with Vertical(classes="form"):
            yield Static(Content.styled(self._title, "bold"))
            if self._find:
                yield Input(placeholder="find: name, title, specimen, operator, note")
            yield OptionList(*self._options(""))
            below = f"{self._below}\n" if self._below else ""
            yield Static(Content(f"{below}Enter: choose. Esc: back."))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show those alone that hold what is typed."""
        self.query_one(OptionList).set_options(self._options(event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Choose the first."""
        if options := self._options(event.value):
            self.dismiss(options[0].id)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """End with the chosen one."""
        self.dismiss(event.option_id)

    def _options(self, find: str) -> list[Option]:
        wanted = find.strip().casefold()
        return [Option(Content(text), id=name) for name, text in self._choices if wanted in text.casefold()]


class Refused(Exception):
    """What was typed into a form cannot be done; the form comes back with it."""


class FormScreen(ModalScreen[dict[str, str] | None]):
    """Fields to be typed; ends with what stands in them, or None. Enter goes on, in the last one it ends.

    ``refused`` says why what stands in the fields was not done before.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Back")]
    takes_letters = True

    def __init__(self, title: str, fields: Sequence[Field], *, ends: str, refused: str = "") -> None:
        super().__init__()
        self._title = title
        self._fields = fields
        self._ends = ends
        self._refused = refused

    def again(self, typed: Mapping[str, str], refused: str) -> "FormScreen":
        """Return the same form with what was typed into it, and why that was not done."""
        fields = [replace(field, value=typed[field.name]) for field in self._fields]
        return FormScreen(self._title, fields, ends=self._ends, refused=refused)

    def compose(self) -> ComposeResult:
        """Make the fields."""
        with Vertical(classes="form"):
            yield Static(Content(self._title))
            if self._refused:
                yield Static(Content.styled(self._refused, "bold $error"))
            for field in self._fields:
                yield Static(Content.styled(field.label, "$secondary"))
                yield Input(field.value, id=field.name, max_length=field.longest, compact=True)
            yield Static(Content(f"Enter: next line; after the last one {self._ends}. Esc: back, nothing is done."))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go to the next field, or end."""
        inputs = list(self.query(Input))
        if event.input is not inputs[-1]:
            inputs[inputs.index(event.input) + 1].focus()
            return
        self.dismiss({str(each.id): str(printable(each.value)).strip() for each in inputs})
