"""``smearwatch keys``: which other computers a hub lets in, and by which key this one is known to other hubs."""

import fcntl
import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer

from smearwatch.daemon.alone import made
from smearwatch.daemon.atomic_write import write_atomically
from smearwatch.daemon.columns import write_line
from smearwatch.daemon.config import Settings, load_settings
from smearwatch.daemon.hinted import Hinted
from smearwatch.daemon.names import checked_name, is_name
from smearwatch.daemon.one_line import say
from smearwatch.daemon.reaching import allowed_file, keys_dir, own_key_file
from smearwatch.daemon.record import audit
from smearwatch.daemon.record.audit import AuditUnusable
from smearwatch.daemon.wire.keyring import Allowed, as_text, read_allowed
from smearwatch.daemon.wire.keys import KeyUnusable, checked_key, make_pair, read_pair, write_pair
from smearwatch.daemon.wire.rights import RIGHTS, Right

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Say which other computers a hub here lets in; each knows the other by its key.",
    epilog="Example: smearwatch keys make",
)

ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="Settings file (TOML) instead of the usual one.", dir_okay=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")]


class KeyUnknown(Hinted):
    """A name under which no key is allowed, or another one; or a key that is allowed under another name."""


@app.command()
def make(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="What others are to call this computer. [default: its own name]"),
    ] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Make this computer's key, once; say how a hub on another computer is told of it.

    The secret half stays in its file, which nobody else may read. The public half may be seen by everybody.

    Example: smearwatch keys make microscope-2
    """
    settings = load_settings(config)
    path = own_key_file(settings)
    called = checked_name(name, "key") if name is not None else _own_name()
    if not (is_new := not path.exists()):
        pair = read_pair(path)
    else:
        pair = make_pair()
        audit.add(settings.state_dir, "key", values={"what": "made", "name": called, "key": pair.public})
        write_pair(path, pair)
    if as_json:
        typer.echo(json.dumps({"name": called, "key": pair.public, "file": str(path), "new": is_new}))
        return
    say(f"{'key made' if is_new else 'there is a key already'}: {path}")
    write_line(sys.stdout, f"public key of this computer: {pair.public}")
    say(f'where the hub runs here, others have in their settings: hub_key = "{pair.public}"')
    say(
        f"where it runs on another computer, type there: smearwatch keys allow {called} {pair.public} --right RIGHT "
        f"(RIGHT: {', '.join(RIGHTS)})"
    )


@app.command()
def allow(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What this key's computer is called here.")],
    public_key: Annotated[
        str, typer.Argument(metavar="PUBLIC_KEY", help="Its public key, as `smearwatch keys make` shows it there.")
    ],
    right: Annotated[
        list[str],
        typer.Option(
            "--right",
            metavar="RIGHT",
            help="watch, control (names cells, too; sees nothing without watch), feed (brings pictures) or work "
            "(judges cells); may be repeated.",
        ),
    ],
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Let another computer in that has this key, for what is said here. A hub that runs heeds it at once.

    Where it is let in already, rights are added. To take one away: `smearwatch keys revoke NAME`, then allow it anew.

    Example: smearwatch keys allow lab2 PUBLIC_KEY --right feed
    """
    settings = load_settings(config)
    rights = {_right(each) for each in right}
    key = checked_key(public_key, "PUBLIC_KEY")
    checked_name(name, "key")
    with _list_of(settings) as allowed:
        other = next((each.name for each in allowed if each.key == key and each.name != name), None)
        if other is not None:
            raise KeyUnknown(f"that key is allowed already, as {other}", f"smearwatch keys revoke {other}, then again")
        was = next((each for each in allowed if each.name == name), None)
        if was is not None and was.key != key:
            raise KeyUnknown(
                f"{name} has another key here already, {was.key[:12]}…", f"smearwatch keys revoke {name}, then again"
            )
        new = Allowed(name, key, frozenset(rights) | (frozenset() if was is None else was.rights))
        about = {"what": "allowed", "name": name, **new.as_json(), "was": was and was.as_json()}
        audit.add(settings.state_dir, "key", values=about)
        allowed[:] = [each for each in allowed if each.name != name] + [new]
    _report(new, as_json=as_json)
    if not as_json and not own_key_file(settings).exists():
        say("this computer has no key yet, without which its hub does not listen: smearwatch keys make")


@app.command()
def revoke(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the key's computer is called here.")],
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Let a computer in no more; within a second it hears and sends nothing any more, also where it is connected.

    Example: smearwatch keys revoke microscope-2
    """
    settings = load_settings(config)
    with _list_of(settings) as allowed:
        gone = next((each for each in allowed if each.name == name), None)
        if gone is None:
            known = ", ".join(each.name for each in allowed) or "none"
            raise KeyUnknown(f"no key is allowed as {name!r}", f"allowed are: {known}")
        allowed.remove(gone)
    try:
        audit.add(settings.state_dir, "key", values={"what": "revoked", "name": name, **gone.as_json()})
    except AuditUnusable as error:  # who is not to be let in is not let in
        say(f"that it was revoked is not in the audit journal: {error} ({error.hint})")
    if as_json:
        typer.echo(json.dumps({"name": name, "revoked": True}))
    else:
        say(f"{name} is not let in any more")


@app.command("list")
def list_keys(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show this computer's public key, and the keys that a hub here lets in.

    Example: smearwatch keys list
    """
    settings = load_settings(config)
    path = own_key_file(settings)
    own = read_pair(path).public if path.exists() else None
    allowed = read_allowed(allowed_file(settings))
    if as_json:
        typer.echo(json.dumps({"name": None, "key": own, "rights": []}))
    else:
        write_line(sys.stdout, f"this computer: {own or 'no key yet (smearwatch keys make)'}")
    for each in allowed:
        _report(each, as_json=as_json)
    if not (allowed or as_json):
        say("no other computer is let in")


def _report(each: Allowed, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"name": each.name, **each.as_json()}))
        return
    write_line(sys.stdout, f"{each.name}: {', '.join(each.as_json()['rights'])}  {each.key}")


def _right(text: str) -> Right:
    for right in RIGHTS:
        if text == right:
            return right
    raise typer.BadParameter(f"{text!r} is none of {', '.join(RIGHTS)}", param_hint="--right")


def _own_name() -> str:
    name = socket.gethostname().partition(".")[0]
    return name if is_name(name) else "this-computer"


@contextmanager
def _list_of(settings: Settings) -> Iterator[list[Allowed]]:
    """Yield the keys that are allowed, to be changed; nobody else changes them meanwhile."""
    folder, path = keys_dir(settings), allowed_file(settings)
    with ExitStack() as stack:
        try:
            stack.enter_context(made(folder, mode=0o700))
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise KeyUnusable(f"folder of keys {folder}: {error.strerror}", "ask as the user who counts") from None
        stack.callback(os.close, descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            allowed = read_allowed(path)
            yield allowed
            write_atomically(path, as_text(sorted(allowed, key=lambda each: each.name)).encode(), mode=0o644)
        except PermissionError as error:
            raise KeyUnusable(f"list of keys {path}: {error.strerror}", "ask as the user who counts") from None
