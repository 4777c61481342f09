"""The day from the terminal: the next specimen, pause and stop, another session, what a session is of; by one key."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from textual import work
from textual.app import App
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from smearwatch.clients.terminal.naming import LONGEST_NAME
from smearwatch.clients.view import View

if TYPE_CHECKING:
    from smearwatch.clients.terminal.readers import Readers

_NONE = "No count is running. A terminal starts one: smearwatch run --watch DIR --session NAME --specimen NUMBER"
_SPECIMEN = "number of the specimen or order, never a patient's name"


class DayApp(App[BaseException]):
    """An app in which a session is looked at, and the count that runs can be controlled; see `WatchApp`."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("s", "day", "Session", show=False)]

    _readers: "Readers | None"
    _view: View

    def _say(self, text: str) -> None:
        raise NotImplementedError

    def show_session(self, name: str, *, live: bool) -> None:
        """Look at another session from now on."""
        raise NotImplementedError

    def action_day(self) -> None:
        """Ask what is to be done."""
        if self._readers is None:
            return
        from smearwatch.clients.terminal.forms import ChoiceScreen  # loaded with the first question

        counts = self._view.session is not None and self._view.connection == "live"
        of_the_count = [
            ("next", "the next specimen on this folder or camera ..."),
            ("resume", "go on reading pictures") if self._view.paused else ("pause", "pause: read no new pictures"),
            ("stop", "stop the count ..."),
        ]
        choices = [
            *(of_the_count if counts else []),
            *([("describe", "say what this session is of: title, specimen ...")] if self._view.session else []),
            ("other", "look at another session ..."),
        ]
        self.push_screen(ChoiceScreen("The session", choices, below="" if counts else _NONE), self._chosen)

    def _chosen(self, choice: str | None) -> None:
        session = self._view.session
        if choice == "other":
            self._ask_which()
        elif session is None:
            return
        elif choice == "next":
            self._ask_next(session)
        elif choice == "describe":
            self._ask_description(session)
        elif choice == "stop":
            from smearwatch.clients.controlling import QUESTIONS
            from smearwatch.clients.terminal.forms import ChoiceScreen

            answers = [("no", "no"), ("yes", "yes, stop")]
            self.push_screen(ChoiceScreen(QUESTIONS["stop"], answers), lambda said: self._stop(session, said))
        elif choice is not None:
            from smearwatch.clients.controlling import control

            action: Literal["pause", "resume"] = "pause" if choice == "pause" else "resume"
            self._done(lambda: control(self._runtime_dir, action, session))

    def _stop(self, session: str, said: str | None) -> None:
        from smearwatch.clients.controlling import control

        if said == "yes":
            self._done(lambda: control(self._runtime_dir, "stop", session))

    def _ask_next(self, session: str) -> None:
        from smearwatch.clients.controlling import NEXT_QUESTION, begin_next
        from smearwatch.clients.terminal.forms import Field, FormScreen
        from smearwatch.daemon.record.description import checked, whoever

        def begin(typed: dict[str, str]) -> str:
            said = {name: text for name in ("specimen", "operator", "note") if (text := checked(name, typed[name]))}
            target = typed["target"]
            if target and not (target.isascii() and target.isdecimal() and 0 < int(target) < 2**31):
                return f"no next specimen: {target!r} is no number of cells"
            by = said.get("operator") or (self._readers.by if self._readers else "") or whoever()
            return begin_next(self._runtime_dir, said, by=by, session=session, target=int(target) if target else None)

        fields = [
            Field("specimen", _SPECIMEN, longest=64),
            Field("operator", "operator, if another one"),
            Field("note", "note, if any", longest=1000),
            Field("target", "target, if another number of cells", longest=9),
        ]
        self._type(FormScreen(NEXT_QUESTION, fields, ends="begins it"), begin)

    def _ask_description(self, session: str) -> None:
        from smearwatch.clients.describing import describe_anew, describe_one
        from smearwatch.clients.terminal.forms import Field, FormScreen
        from smearwatch.daemon.record.description import DESCRIBED, checked
        from smearwatch.daemon.record.sessions import find_session

        readers = self._readers
        assert readers is not None

        def describe(typed: dict[str, str]) -> str:
            if not (by := checked("operator", typed.pop("by"))):
                return "not said: give your name"
            describe_anew(find_session(readers.state_dir, session), readers.runtime_dir, typed, by)
            return f"session {session}: said"

        one = describe_one(readers.state_dir, session)
        labels = {"title": "title", "specimen": _SPECIMEN, "operator": "operator", "note": "note"}
        fields = [Field(name, labels[name], one.get(name) or "", most) for name, most in DESCRIBED.items()]
        fields.append(Field("by", "your name", readers.by, LONGEST_NAME))
        self._type(FormScreen(f"What session {session} is of", fields, ends="says it"), describe)

    def _ask_which(self) -> None:
        from smearwatch.clients.describing import list_described
        from smearwatch.clients.terminal.forms import ChoiceScreen
        from smearwatch.daemon.share_text import description_text

        assert self._readers is not None
        described = list_described(self._readers.state_dir)
        described.sort(key=lambda each: each.get("last_at_ns") or 0, reverse=True)
        running = {each["session"] for each in described if each["running"]}

        def text_of(each: dict[str, object]) -> str:
            said = each["fault"] or description_text(each) or ""
            return f"{each['session']}{' (being counted)' if each['session'] in running else ''}  {said}"

        choices = [(str(each["session"]), text_of(each)) for each in described]
        self.push_screen(
            ChoiceScreen("Another session", choices, find=True),
            lambda name: None if name is None else self.show_session(name, live=name in running),
        )

    def _type(self, form: ModalScreen[dict[str, str] | None], then: Callable[[dict[str, str]], str]) -> None:
        def ended(typed: dict[str, str] | None) -> None:
            if typed is not None:
                self._done(lambda: then(typed))

        self.push_screen(form, ended)

    @property
    def _runtime_dir(self) -> Path:
        assert self._readers is not None
        return self._readers.runtime_dir

    @work(thread=True, group="day")
    def _done(self, do: Callable[[], str]) -> None:
        """Do something that takes its time, and say what came of it; what was refused, with its mend."""
        try:
            text = do()
        except Exception as error:
            if (hint := getattr(error, "hint", None)) is None:
                raise
            text = f"{error} ({hint})"
        self.call_from_thread(self._say, text)
