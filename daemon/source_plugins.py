"""Which sources of frames are installed: packages offer them as entry points, and none is imported to be listed.

The role that frames come from loads whichever of them the plan names.
"""

import importlib
from collections.abc import Callable
from importlib.metadata import EntryPoint
from typing import Final

from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.plugins import Plugin, PluginGroup, PluginUnusable
from smearwatch.daemon.process.role import Role

GROUP: Final = "smearwatch.sources"
"""The group of entry points; each names a function that takes a `RunPlan` and a `Role`."""

SourceMain = Callable[[RunPlan, Role], None]
SourceCheck = Callable[[RunPlan], None]


class SourceUnusable(PluginUnusable):
    """A source that is not installed, is offered twice, or cannot be loaded."""


_SOURCES: Final = PluginGroup(GROUP, "source", "source of frames", error=SourceUnusable)


def known_sources() -> list[Plugin]:
    """Return every source that is installed, by name."""
    return _SOURCES.known()


def find_source(name: str) -> Plugin:
    """Return the source of a name; raises `SourceUnusable`, see `PluginGroup.find`."""
    return _SOURCES.find(name)


def load(source: Plugin) -> SourceMain:
    """Import a source's function; raises `SourceUnusable`, see `PluginGroup.load`."""
    return _SOURCES.load(source)  # type: ignore[no-any-return]


def load_check(source: Plugin) -> SourceCheck | None:
    """Return the function ``check`` beside a source's own; None where its module has none.

    Raises
    ------
    SourceUnusable
        See `load`.
    """
    load(source)
    check = getattr(importlib.import_module(EntryPoint(source.name, source.target, GROUP).module), "check", None)
    return check if callable(check) else None


def main(plan: RunPlan, role: Role) -> None:
    """Load the plan's source and hand over to it."""
    assert plan.source is not None
    load(find_source(plan.source))(plan, role)


def check(plan: RunPlan, role: Role) -> None:
    """Let the plan's source raise what speaks against the run, and begin nothing; it may be without a check."""
    assert plan.source is not None
    with role.loading():
        source_check = load_check(find_source(plan.source))
    if source_check is not None:
        source_check(plan)
