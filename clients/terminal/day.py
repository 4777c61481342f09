"""The day from the terminal: start and stop, the next specimen, pause, another session, what it is of; by one key."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from textual import work
from textual.app import App
from textual.binding import Binding, BindingType

from smearwatch.clients.typed_text import LONGEST_NAME
from smearwatch.clients.view import View

if TYPE_CHECKING:
    from smearwatch.clients.terminal.forms import FormScreen
    from smearwatch.clients.terminal.readers import Readers
    from smearwatch.daemon.place_setting import CameraPlace

_NONE, _NOT_THIS = "No count is running.", "This session is not being counted."
_SPECIMEN = "number of the specimen or order, never a patient's name"


class DayApp(App[BaseException]):
    """An app in which a session is looked at, and the count that runs can be controlled; see `WatchApp`."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("s", "day", "Session")]

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
            *(of_the_count if counts else [("start", "start a count ...")]),
            *([("describe", "say what this session is of: title, specimen ...")] if self._view.session else []),
            ("other", "look at another session ..."),
        ]
        below = "" if counts else _NOT_THIS if self._view.session else _NONE
        self.push_screen(ChoiceScreen("The session", choices, below=below), self._chosen)

    def _chosen(self, choice: str | None) -> None:
        session = self._view.session
        if choice == "other":
            self._ask_which()
        elif choice == "start":
            self._ask_where()
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

    def _ask_where(self) -> None:
        from smearwatch.clients.terminal.forms import ChoiceScreen

        assert self._readers is not None
        places = self._readers.settings.places
        if not places:
            self._ask_start(None)
            return
        choices = [
            (f"at {name}", f"{name}  {place if isinstance(place, Path) else '(a camera)'}")
            for name, place in places.items()
        ]
        self.push_screen(
            ChoiceScreen("Where?", [*choices, ("elsewhere", "another folder ...")]),
            lambda where: None if where is None else self._ask_start(places.get(where.removeprefix("at "))),
        )

    def _ask_start(self, place: "Path | CameraPlace | None") -> None:
        """Ask what the count is of, and where, unless that is known."""
        from smearwatch.clients.starting import START_QUESTION, Wanted, start
        from smearwatch.clients.terminal.forms import Field, FormScreen, Refused
        from smearwatch.daemon.record.description import whoever

        readers = self._readers
        assert readers is not None

        def begin(typed: dict[str, str]) -> str:
            if place is None and not typed["folder"]:
                raise Refused("no count: give the folder")
            if (target := _number(typed["target"])) == 0:
                raise Refused(f"no count: {typed['target']!r} is no number of cells")
            said = {name: typed[name] for name in ("specimen", "operator", "note")}
            self.call_from_thread(self._say, "starting; this takes some seconds")
            wanted = Wanted(
                place or Path(typed["folder"]).expanduser().absolute(),
                said,
                by=typed["operator"] or readers.by or whoever(),
                session=typed["session"] or None,
                target=target,
            )
            started = start(readers.settings, wanted, readers.config)
            if started.session is not None:
                self.call_from_thread(self.show_session, started.session, live=True)
            return started.text

        fields = [
            *([Field("folder", "folder that the camera writes into", longest=4096)] if place is None else []),
            Field("specimen", _SPECIMEN, longest=64),
            Field("operator", "operator, if any"),
            Field("note", "note, if any", longest=1000),
            Field("target", "target, if another number of cells", longest=9),
            Field("session", "session: a name, or one that goes on; nothing for date and time", longest=64),
        ]
        self._type(FormScreen(f"Start a count? {START_QUESTION}", fields, ends="it starts"), begin)

    def _ask_next(self, session: str) -> None:
        from smearwatch.clients.controlling import NEXT_QUESTION, begin_next
        from smearwatch.clients.terminal.forms import Field, FormScreen, Refused
        from smearwatch.daemon.record.description import checked, whoever

        def begin(typed: dict[str, str]) -> str:
            said = {name: text for name in ("specimen", "operator", "note") if (text := checked(name, typed[name]))}
            if (target := _number(typed["target"])) == 0:
                raise Refused(f"no next specimen: {typed['target']!r} is no number of cells")
            by = said.get("operator") or (self._readers.by if self._readers else "") or whoever()
            return begin_next(self._runtime_dir, said, by=by, session=session, target=target)

        fields = [
            Field("specimen", _SPECIMEN, longest=64),
            Field("operator", "operator, if another one"),
            Field("note", "note, if any", longest=1000),
            Field("target", "target, if another number of cells", longest=9),
        ]
        self._type(FormScreen(NEXT_QUESTION, fields, ends="it begins"), begin)

    def _ask_description(self, session: str) -> None:
        from smearwatch.clients.describing import describe_anew, describe_one
        from smearwatch.clients.terminal.forms import Field, FormScreen, Refused
        from smearwatch.daemon.record.description import DESCRIBED, checked
        from smearwatch.daemon.record.sessions import find_session

        readers = self._readers
        assert readers is not None

        def describe(typed: dict[str, str]) -> str:
            if not (by := checked("operator", typed.pop("by"))):
                raise Refused("not said: give your name")
            describe_anew(find_session(readers.state_dir, session), readers.runtime_dir, typed, by)
            return f"session {session}: said"

        one = describe_one(readers.state_dir, session)
        labels = {"title": "title", "specimen": _SPECIMEN, "operator": "operator", "note": "note"}
        fields = [Field(name, labels[name], one.get(name) or "", most) for name, most in DESCRIBED.items()]
        fields.append(Field("by", "your name", readers.by, LONGEST_NAME))
        self._type(FormScreen(f"What session {session} is of", fields, ends="it is recorded"), describe)

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

    def _type(self, form: "FormScreen", then: Callable[[dict[str, str]], str]) -> None:
        """Have a form filled in and done; what was refused comes back, unless somebody is elsewhere by then."""
        below = self.screen

        def ended(typed: dict[str, str] | None) -> None:
            if typed is not None:
                self._done(lambda: then(dict(typed)), lambda why: come_back(typed, why))

        def come_back(typed: dict[str, str], why: str) -> None:
            if self.screen is below:
                self._type(form.again(typed, why), then)

        self.push_screen(form, ended)

    @property
    def _runtime_dir(self) -> Path:
        assert self._readers is not None
        return self._readers.runtime_dir

    @work(thread=True, group="day")
    def _done(self, do: Callable[[], str], refused: Callable[[str], None] | None = None) -> None:
        """Do something that takes its time, and say what came of it; what was refused, with its mend."""
        from smearwatch.clients.terminal.forms import Refused

        why = ""
        try:
            text = do()
        except Refused as error:
            text = why = str(error)
        except Exception as error:
            if (hint := getattr(error, "hint", None)) is None:
                raise
            text = why = f"{error} ({hint})"
        self.call_from_thread(self._say, text)
        if why and refused is not None:
            self.call_from_thread(refused, why)


def _number(typed: str) -> int | None:
    """Return a number of cells, None where none was typed, 0 for what is none."""
    if not typed:
        return None
    return int(typed) if typed.isascii() and typed.isdecimal() and int(typed) < 2**31 else 0
