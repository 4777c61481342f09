"""``smearwatch tally``: cells counted at the eyepiece by keys, kept beside a session's own count."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from smearwatch.clients.beside_lines import cells_text as leukocytes_text
from smearwatch.clients.commands.typed import name_of_person
from smearwatch.clients.record_here import session_here
from smearwatch.clients.reviewing.layout import layout_of_session
from smearwatch.clients.stdout import has_terminal
from smearwatch.clients.tallying.draft import FILE, Draft, cells_text
from smearwatch.clients.tallying.keeping import keep as keep_with_session
from smearwatch.clients.tallying.keeping import standing
from smearwatch.daemon.columns import write_line
from smearwatch.daemon.config import load_settings
from smearwatch.daemon.key_layout import KeyLayout
from smearwatch.daemon.notices import RESEARCH_USE
from smearwatch.daemon.one_line import say
from smearwatch.daemon.record.schema import LedgerUnusable
from smearwatch.daemon.record.seal import SessionSigned
from smearwatch.daemon.share_text import named_lines

app = typer.Typer(add_completion=False)


class NoTerminal(Exception):
    """Keys can only be typed in a terminal."""

    hint = "type it in a terminal; --keep adds an unfinished tally to its session without one"

    def __init__(self) -> None:
        super().__init__("a tally is typed key by key, and here is no terminal")


class NothingTallied(LookupError):
    """There is no unfinished tally to be kept."""

    def __init__(self, session: str) -> None:
        super().__init__(f"session {session} has no unfinished tally")
        self.hint = f"begin one with: smearwatch tally --session {session} --by WHO"


@app.command()
def tally(
    session: Annotated[
        str | None, typer.Option("--session", metavar="NAME", help="Keep it with this session; without it, nowhere.")
    ] = None,
    by: Annotated[str, typer.Option("--by", metavar="WHO", help="Who tallies; needed with --session.")] = "",
    target: Annotated[
        int | None,
        typer.Option("--target", metavar="N", help="The bell rings at so many leukocytes; 100 by default.", min=1),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No bell at each key, only at the target.")] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep an unfinished tally as it is, without the screen.")
    ] = False,
    config: Annotated[
        Path | None, typer.Option("--config", help="Settings file (TOML) instead of the usual one.", dir_okay=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
) -> None:
    """Count cells at the eyepiece by keys, as on a differential counter.

    1 to 6 count band, segmented, eosinophil, basophil, monocyte, lymphocyte; 7 a neutrophil that is not told which; b
    i r p e other nucleated cells (p or l a plasma cell), s smudges, o something else. The laboratory's settings may
    give other keys, and extra classes; the screen shows them. Backspace takes the last one back; q or Enter ends.

    A kept tally stands beside the session's count and is never mixed into it; `smearwatch sessions show --pooled`
    adds both up. Each key is safe at once: when the window closes, the same command goes on.

    Example: smearwatch tally --session monday-3 --by "A. Reader" --target 200
    """
    settings = load_settings(config)
    if session is None and keep:
        raise typer.BadParameter("name the session that it is to be kept with: --session", param_hint="--keep")
    who = "" if session is None and not by else name_of_person(by)
    folder = settings.state_dir if session is None else session_here(settings, session)
    if not keep and not has_terminal():
        raise NoTerminal
    if session is not None and keep and not (folder / FILE).is_file():
        raise NothingTallied(session)
    layout = None
    if not keep:
        layout = settings.key_layout() if session is None else layout_of_session(settings, folder)
    draft = _opened(folder, session, who, target)
    try:
        ending = "keep" if layout is None else _typed(draft, session, layout, quiet=quiet)
        if not draft.cells.number:
            draft.remove()
            if keep and session is not None:
                raise NothingTallied(session)
            write_line(sys.stdout, "nothing was tallied")
            return
        result = {"session": session, "by": who or None, "target": draft.target, **draft.cells.json()}
        if ending == "keep" and session is not None:
            result["ordinal"] = _keep(draft, folder, settings.runtime_dir, session)
        _report(result, ending, session, as_json=as_json)
        if ending != "later":
            draft.remove()
    finally:
        draft.close()


def _opened(folder: Path, session: str | None, who: str, target: int | None) -> Draft:
    draft = Draft.open(folder, by=who, target=target)
    if session is None:
        return draft
    try:
        kept, signed = standing(folder, draft.began_at_ns)
    except LedgerUnusable:
        _say_safe(draft, session)
        draft.close()
        raise
    if kept is not None:  # its file was only not removed any more
        draft.remove()
        return Draft.open(folder, by=who, target=target)
    if signed is not None:
        if not draft.cells.number:
            draft.remove()
        draft.close()
        raise SessionSigned(session, signed)
    return draft


def _typed(draft: Draft, session: str | None, layout: KeyLayout, *, quiet: bool) -> str:
    from smearwatch.clients.terminal.tally import TallyApp  # loaded only where a screen is drawn
    from smearwatch.clients.terminal.window import end_with_the_window

    end_with_the_window()
    app = TallyApp(draft, session=session, layout=layout, quiet=quiet)
    ending = app.run() or "later"
    if app.return_code:
        raise typer.Exit(app.return_code)
    return ending


def _keep(draft: Draft, folder: Path, runtime_dir: Path, session: str) -> int:
    """Add the tally to its session; where that cannot be, it stays unfinished, and that is said."""
    try:
        return keep_with_session(folder, runtime_dir, draft)
    except Exception:
        _say_safe(draft, session)
        raise


def _say_safe(draft: Draft, session: str) -> None:
    if draft.cells.number:
        again = f'smearwatch tally --session {session} --by "{draft.by}" --keep'
        say(f"the tally of {cells_text(draft.cells.number)} is safe, and not kept with the session yet; later: {again}")


def _report(result: dict[str, Any], ending: str, session: str | None, *, as_json: bool) -> None:
    became = {"keep": "kept" if session is not None else "shown", "discard": "thrown_away", "later": "unfinished"}
    if as_json:
        typer.echo(json.dumps({**result, "became": became[ending]}))
        return
    write_line(sys.stdout, f"tallied by hand, {leukocytes_text(result)}:")
    for line in named_lines(result):
        write_line(sys.stdout, line)
    said = {
        "kept": f"kept with session {session}, as tally {result.get('ordinal')}; `smearwatch sessions show {session}`",
        "shown": "not kept: no session was named",
        "thrown_away": "thrown away, as asked",
        "unfinished": "unfinished: the same command goes on",
    }
    write_line(sys.stdout, said[became[ending]])
    write_line(sys.stdout, RESEARCH_USE)
