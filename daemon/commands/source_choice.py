"""Where a run's frames come from, as it is typed: a folder, a camera, or any source by name."""

import json
from pathlib import Path

import typer

from smearwatch.daemon.folder_check import check_watch_dir
from smearwatch.daemon.source_plugins import SourceUnusable, find_source, known_sources


def choose(watch: Path | None, camera: str | None, source: str | None, given: list[str]) -> tuple[str, dict[str, str]]:
    """Return the source's name and its options.

    Parameters
    ----------
    watch, camera, source
        What was typed; exactly one of them is to be there.
    given
        Further options, each ``key=value``.

    Raises
    ------
    typer.BadParameter
        None of them or more than one, an unknown source, an option that is none.
    FolderUnusable
        The folder cannot be watched.
    """
    typed = [
        option
        for option, value in (("--watch", watch), ("--camera", camera), ("--source", source))
        if value is not None
    ]
    if len(typed) != 1:
        what = " and ".join(typed) if typed else "none of them"
        raise typer.BadParameter(f"give exactly one of --watch DIR, --camera INDEX|URL|PATH, --source NAME; got {what}")
    options = _options(given)
    if watch is not None:
        return "folder", _joined({"dir": str(check_watch_dir(watch))}, options, "--watch")
    if camera is not None:
        return "camera", _joined({"camera": camera}, options, "--camera")
    assert source is not None
    try:
        return find_source(source).name, options
    except SourceUnusable as unusable:
        raise typer.BadParameter(f"{unusable} ({unusable.hint})", param_hint="--source") from None


def print_sources(*, as_json: bool) -> None:
    """Print the sources that are installed, one a line."""
    known = known_sources()
    width = max((len(source.name) for source in known), default=0)
    for source in known:
        if as_json:
            typer.echo(json.dumps({"name": source.name, "package": source.package, "target": source.target}))
        else:
            typer.echo(f"{source.name:<{width}}  {source.package}")


def _options(given: list[str]) -> dict[str, str]:
    options: dict[str, str] = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not (key and equals):
            raise typer.BadParameter(f"{text!r} is not of the form key=value", param_hint="--source-option")
        if key in options:
            raise typer.BadParameter(f"{key} is given twice", param_hint="--source-option")
        options[key] = value
    return options


def _joined(own: dict[str, str], options: dict[str, str], shorthand: str) -> dict[str, str]:
    for key in own.keys() & options.keys():
        raise typer.BadParameter(f"{key} is given by {shorthand} already", param_hint="--source-option")
    return {**own, **options}
