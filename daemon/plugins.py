"""What installed packages offer by entry points: listed without being imported, refused in one line."""

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from smearwatch.daemon.names import NAME_RULE, is_name


class PluginUnusable(LookupError):
    """What is not installed, is offered twice, or cannot be loaded."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Plugin:
    """What an installed package offers.

    Attributes
    ----------
    name : str
        What it is called on the command line.
    package : str
        The package and its version.
    target : str
        ``package.module:object``.
    """

    name: str
    package: str
    target: str


@dataclass(frozen=True, slots=True)
class PluginGroup:
    """A group of entry points.

    Attributes
    ----------
    name : str
        The group's.
    word : str
        What one of them is to a person: source, format.
    whole : str
        The same in full, for when there is none at all.
    form, fits
        What an entry point has to name, in a word, and whether an object is that.
    error
        What is raised.
    """

    name: str
    word: str
    whole: str
    form: str = "function"
    fits: Callable[[Any], bool] = callable
    error: type[PluginUnusable] = PluginUnusable

    def known(self) -> list[Plugin]:
        """Return all that are installed, by name."""
        found = {Plugin(entry.name, _package(entry), entry.value) for entry in entry_points(group=self.name)}
        return sorted(found, key=lambda known: (known.name, known.package))

    def find(self, name: str) -> Plugin:
        """Return the one of a name.

        Raises
        ------
        PluginUnusable
            No package offers it, more than one does, or its name is none.
        """
        known = self.known()
        chosen = [plugin for plugin in known if plugin.name == name]
        if len(chosen) > 1:
            packages = " and ".join(plugin.package for plugin in chosen)
            raise self.error(f"{self.word} {name!r} is offered by {packages}", "remove one of these packages")
        if chosen and not is_name(name):
            hint = f"its author may {NAME_RULE}"
            raise self.error(f"{self.word} {name!r} of {chosen[0].package} has a name that cannot be used", hint)
        if chosen:
            return chosen[0]
        names = sorted({plugin.name for plugin in known})
        if not names:
            raise self.error(f"no {self.whole} is installed at all", "install smearwatch again")
        near = difflib.get_close_matches(name, names, n=1)
        guess = f"did you mean {near[0]}? " if near else ""
        raise self.error(f"no {self.word} {name!r} is installed", f"{guess}known {self.word}s: {' '.join(names)}")

    def load(self, plugin: Plugin) -> Any:
        """Import what a package offers.

        Raises
        ------
        PluginUnusable
            Naming the package, when importing it fails or what it names is something else.
        """
        who = f"{self.word} {plugin.name!r} of {plugin.package}"
        hint = f"install what {plugin.package} needs, or update or remove it"
        try:
            loaded = EntryPoint(plugin.name, plugin.target, self.name).load()
        except Exception as error:  # what a foreign module does when it is imported is not foreseen
            why = " ".join(f"{type(error).__name__}: {error}".split())
            raise self.error(f"{who} cannot be loaded: {why}", hint) from error
        if not self.fits(loaded):
            raise self.error(f"{who}: {plugin.target} is no {self.form}", hint)
        return loaded


def _package(entry: EntryPoint) -> str:
    distribution = entry.dist
    if distribution is None:
        return "an unnamed package"
    return f"{distribution.name} {distribution.version}"
