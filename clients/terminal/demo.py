"""The demo's screen: the live client, which closes by itself when the slide is counted."""

from collections.abc import Callable
from typing import ClassVar

from textual.binding import Binding, BindingType

from smearwatch.clients.terminal.app import WatchApp
from smearwatch.clients.terminal.start import followed
from smearwatch.daemon.config import Settings


class DemoApp(WatchApp):
    """The screen; the demo goes on when a person quits it, and ends with Ctrl-C."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "Close this screen", priority=True),
        Binding("ctrl+c", "interrupt", "End the demo", show=False, priority=True),
    ]

    def action_interrupt(self) -> None:
        """End the screen as Ctrl-C ends other commands."""
        self.exit(KeyboardInterrupt())


def show_demo(settings: Settings, session: str, caption: str, over: Callable[[], bool]) -> None:
    """Show the demo's count live until it is over or a person closes the screen.

    Parameters
    ----------
    settings : Settings
        Where the demo counts.
    session : str
        Its session.
    caption : str
        What is seen, in one line.
    over : callable
        Asked a few times a second whether nothing more will come.

    Raises
    ------
    KeyboardInterrupt
        Ctrl-C was pressed; after the terminal was given back, as is every other error.
    """
    bring = followed(settings, session, over)
    error = DemoApp(bring, waiting="starting the count", caption=caption, stays=False).run()
    if error is not None:
        raise error
