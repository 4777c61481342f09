"""``smearwatch sessions sign`` and ``amend``: a person answers for a session's result, or opens it again."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from smearwatch.clients.commands.typed import name_of_person, sentence
from smearwatch.clients.record_here import session_here
from smearwatch.clients.sending import act_and_send, cannot_be_sent
from smearwatch.daemon.columns import write_line
from smearwatch.daemon.config import load_settings
from smearwatch.daemon.one_line import say
from smearwatch.daemon.record.gates import Gate
from smearwatch.daemon.record.signature import OVERRULABLE, OverruledName
from smearwatch.daemon.record.signing import GatesOpen, amend, sign, standing
from smearwatch.daemon.record.tally_json import tally_json
from smearwatch.daemon.share_text import result_lines
from smearwatch.daemon.sign_text import sign_lines

Name = Annotated[str, typer.Argument(metavar="NAME", help="The session.")]
By = Annotated[str, typer.Option("--by", metavar="WHO", help="The person who signs.")]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="Settings file (TOML) instead of the usual one.", dir_okay=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
_NEVER: Final = ("nothing_counted", "being_counted")


def sign_session(
    name: Name,
    by: By,
    overrule: Annotated[
        list[str] | None,
        typer.Option(metavar="GATE=REASON", help="Sign in spite of an open gate; may be repeated."),
    ] = None,
    note: Annotated[str | None, typer.Option(metavar="TEXT", help="A remark that is kept with the signature.")] = None,
    without_message: Annotated[
        bool, typer.Option("--without-message", help="Sign although its message cannot be sent: it has no number.")
    ] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Sign the reviewed result of a session: a person answers for it from then on.

    Gates stand before it: flagged (flagged cells without a label), rejected (rejected cells without one), drift (the
    drift alarm is on), scale (the red cells contradict it), target (fewer leukocytes than wanted), incomplete
    (pictures wait, or the count ended in disorder). Each can be overruled with a reason, which is kept and shown.
    While a session is counted, or has no leukocytes, it cannot be signed. Where messages are sent to the laboratory's
    system and the session has no specimen number, it is not signed either, for then nobody can say it any more.

    A signed session takes no label and is not counted on, until `smearwatch sessions amend`.

    Example: smearwatch sessions sign monday-3 --by "A. Reader" --overrule target="few cells on the slide"
    """
    who = name_of_person(by)
    reasons = _reasons(overrule or [])
    remark = None if note is None else sentence(note, "say it", "--note")
    settings = load_settings(config)
    folder = session_here(settings, name)
    now = standing(folder)
    if not without_message and now.fold.signed is None and (why := cannot_be_sent(settings, name, now.fold.said)):
        gates = tuple([gate for gate in now.gates if not gate.passed and gate.name not in reasons])
        _report_open(name, gates, unsent=why, as_json=as_json)
        raise typer.Exit(1)
    try:
        _, sent = act_and_send(settings, folder, lambda: sign(folder, by=who, overruled=reasons, note=remark))
    except GatesOpen as error:
        _report_open(name, error.gates, as_json=as_json)
        raise typer.Exit(1) from None
    _say_sent(name, sent)
    told = _tally(folder, name)
    if as_json:
        typer.echo(json.dumps({"session": name, "signed": told["signed"], "amendments": told["amendments"]}))
        return
    for line in (f"{name}:", *result_lines(told), *sign_lines(told)):
        write_line(sys.stdout, line)


def amend_session(
    name: Name,
    by: By,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why it is opened again; kept and shown.")],
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Open a signed session again, to correct it and sign it anew. The earlier signature is kept.

    Example: smearwatch sessions amend monday-3 --by "A. Reader" --reason "a basophil was overlooked"
    """
    who, why = name_of_person(by), sentence(reason, "say why", "--reason")
    settings = load_settings(config)
    folder = session_here(settings, name)
    amended, sent = act_and_send(settings, folder, lambda: amend(folder, by=who, reason=why))
    _say_sent(name, sent)
    if as_json:
        told = _tally(folder, name)
        typer.echo(json.dumps({"session": name, "signed": told["signed"], "amendments": told["amendments"]}))
        return
    write_line(sys.stdout, f"{name}: signature {amended.ordinal} holds no more; correct it and sign it again")


def _say_sent(name: str, sent: str) -> None:
    if sent:
        say(f"{name}: {sent}")


def _tally(folder: Path, name: str) -> dict[str, Any]:
    now = standing(folder)
    return tally_json(now.fold, name, now.number)


def _reasons(typed: list[str]) -> dict[OverruledName, str]:
    reasons: dict[OverruledName, str] = {}
    for each in typed:
        gate, equals, reason = each.partition("=")
        if gate in _NEVER:
            raise typer.BadParameter(f"{gate} cannot be overruled", param_hint="--overrule")
        if gate not in OVERRULABLE or not equals:
            what = f"{each!r} is no GATE=REASON; the gates are {', '.join(OVERRULABLE)}"
            raise typer.BadParameter(what, param_hint="--overrule")
        if gate in reasons:
            raise typer.BadParameter(f"{gate} is given twice", param_hint="--overrule")
        reasons[gate] = sentence(reason, f"say why {gate} is overruled", "--overrule")
    return reasons


def _report_open(name: str, gates: tuple[Gate, ...], *, unsent: str = "", as_json: bool) -> None:
    if as_json:
        told = [
            {"gate": gate.name, "n": gate.n, "says": gate.says, "mend": gate.hint, "overrulable": gate.can_be_overruled}
            for gate in gates
        ]
        typer.echo(json.dumps({"session": name, "signed": None, "open": told, "unsent": unsent}))
    for gate in gates:
        overrule = f', or --overrule {gate.name}="..."' if gate.can_be_overruled else ""
        say(f"{name} is not signed: {gate.says} ({gate.hint}{overrule})")
    if unsent:
        say(f"{name} is not signed: {unsent} or add --without-message")
