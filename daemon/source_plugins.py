"""Which sources of frames are installed: packages offer them as entry points, and none is imported to be listed.

The role that frames come from loads whichever of them the plan names.
"""

import difflib
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from smearwatch.daemon.hinted import Hinted
from smearwatch.daemon.names import NAME_RULE, is_name
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.process.role import Role

GROUP = "smearwatch.sources"
"""The group of entry points; each names a function that takes a `RunPlan` and a `Role`."""

SourceMain = Callable[[RunPlan, Role], None]
SourceCheck = Callable[[RunPlan], None]


class SourceUnusable(Hinted, LookupError):
    """A source that is not installed, is offered twice, or cannot be loaded."""


@dataclass(frozen=True, slots=True)
class KnownSource:
    """A source that an installed package offers.

    Attributes
    ----------
    name : str
        What it is called on the command line and in ledgers.
    package : str
        The package and its version.
    target : str
        ``package.module:function``.
    """

    name: str
    package: str
    target: str


def known_sources() -> list[KnownSource]:
    """Return every source that is installed, by name."""
    found = {KnownSource(entry.name, _package(entry), entry.value) for entry in entry_points(group=GROUP)}
    return sorted(found, key=lambda known: (known.name, known.package))


def find_source(name: str) -> KnownSource:
    """Return the source of a name.

    Raises
    ------
    SourceUnusable
        No package offers it, more than one does, or its name is none.
    """
    known = known_sources()
    chosen = [source for source in known if source.name == name]
    if len(chosen) > 1:
        packages = " and ".join(source.package for source in chosen)
        raise SourceUnusable(f"source {name!r} is offered by {packages}", "remove one of these packages")
    if chosen and not is_name(name):
        hint = f"its author may {NAME_RULE}"
        raise SourceUnusable(f"source {name!r} of {chosen[0].package} has a name that cannot be used", hint)
    if chosen:
        return chosen[0]
    names = sorted({source.name for source in known})
    if not names:
        raise SourceUnusable("no source of frames is installed at all", "install smearwatch again")
    near = difflib.get_close_matches(name, names, n=1)
    guess = f"did you mean {near[0]}? " if near else ""
    raise SourceUnusable(f"no source {name!r} is installed", f"{guess}known sources: {' '.join(names)}")


def load(source: KnownSource) -> SourceMain:
    """Import a source's function.

    Raises
    ------
    SourceUnusable
        Naming the package, when importing it fails or what it names is no function.
    """
    hint = f"install what {source.package} needs, or update or remove it"
    try:
        main = EntryPoint(source.name, source.target, GROUP).load()
    except Exception as error:  # what a foreign module does when it is imported is not foreseen
        why = " ".join(f"{type(error).__name__}: {error}".split())
        raise SourceUnusable(f"source {source.name!r} of {source.package} cannot be loaded: {why}", hint) from error
    if not callable(main):
        raise SourceUnusable(f"source {source.name!r} of {source.package}: {source.target} is no function", hint)
    return main  # type: ignore[no-any-return]


def load_check(source: KnownSource) -> SourceCheck | None:
    """Return the function ``check`` beside a source's own; None where its module has none.

    Raises
    ------
    SourceUnusable
        See `load`.
    """
    load(source)
    check = getattr(importlib.import_module(EntryPoint(source.name, source.target, GROUP).module), "check", None)
    return check if callable(check) else None


def _package(entry: EntryPoint) -> str:
    distribution = entry.dist
    if distribution is None:
        return "an unnamed package"
    return f"{distribution.name} {distribution.version}"


def main(plan: RunPlan, role: Role) -> None:
    """Load the plan's source and hand over to it."""
    load(find_source(plan.source))(plan, role)


def check(plan: RunPlan, role: Role) -> None:
    """Let the plan's source raise what speaks against the run, and begin nothing; it may be without a check."""
    with role.loading():
        source_check = load_check(find_source(plan.source))
    if source_check is not None:
        source_check(plan)
