"""The one command: subcommands by import string, each loaded only when it is used."""

import gc
import importlib
import os
import re
import sys
from itertools import takewhile
from typing import Any, NamedTuple

import typer
from typer.core import TyperGroup

from smearwatch.daemon.help_text import bring_into_form
from smearwatch.daemon.one_line import one_line, say
from smearwatch.daemon.plain_words import in_plain_words, nearest

# What is loaded stays: the interpreter would look through it for rubbish again and again while it loads.
_RUBBISH_AFTER = 50_000


class _Entry(NamedTuple):
    module: str
    summary: str


COMMANDS = {
    "run": _Entry("smearwatch.daemon.commands.run", "Count the leukocytes in frames from a folder or camera."),
    "hub": _Entry("smearwatch.daemon.commands.hub", "Keep a session's record, for captures and workers that join."),
    "capture": _Entry("smearwatch.daemon.commands.capture", "Bring frames to a hub, and find the cells in them."),
    "worker": _Entry("smearwatch.daemon.commands.worker", "Judge cells for a hub."),
    "keys": _Entry("smearwatch.daemon.commands.keys", "Say which other computers a hub here lets in."),
    "watch": _Entry("smearwatch.clients.commands.watch", "Show the live differential in this terminal."),
    "control": _Entry(
        "smearwatch.clients.commands.control", "Stop, pause or resume the count, or begin the next specimen."
    ),
    "review": _Entry("smearwatch.clients.commands.review", "See, correct and sign a session's cells in a browser."),
    "account": _Entry("smearwatch.clients.commands.account", "Say who may use the review page from other computers."),
    "tally": _Entry("smearwatch.clients.commands.tally", "Count cells at the eyepiece by keys, beside a session."),
    "sessions": _Entry("smearwatch.clients.commands.sessions", "List, show, verify, label, sign and export sessions."),
    "replay": _Entry("smearwatch.daemon.commands.replay", "Count the frames of a recorded session again."),
    "segment": _Entry("smearwatch.capture.commands.segment", "Find the leukocytes in single pictures."),
    "calibrate": _Entry(
        "smearwatch.capture.commands.calibrate", "Measure a camera's scale on a stage micrometer or scale bar."
    ),
    "classify": _Entry("smearwatch.train.commands.classify", "Name the leukocyte in each single-cell picture."),
    "slide": _Entry("smearwatch.capture.commands.slide", "Write a simulated slide, as a camera would."),
    "train": _Entry("smearwatch.train.commands.train", "Train the networks on labelled cells."),
    "evaluate": _Entry("smearwatch.train.commands.evaluate", "Score weights on labelled cells."),
    "leave-out": _Entry(
        "smearwatch.train.commands.leave_out", "Score training on a laboratory that it never met, each in turn."
    ),
    "adapt": _Entry("smearwatch.train.commands.adapt", "Improve weights for this microscope with labelled cells."),
    "range": _Entry("smearwatch.train.commands.range", "Prepare weights for the drift alarm."),
    "promote": _Entry("smearwatch.train.commands.promote", "Use these weights from now on, unless they score worse."),
    "weights": _Entry("smearwatch.train.commands.weights", "See what other weights would change in your sessions."),
    "paper": _Entry("smearwatch.train.commands.paper", "Reproduce the published method on labelled cells."),
    "ablate": _Entry("smearwatch.train.commands.ablate", "Measure what each part of the training recipe is worth."),
    "demo": _Entry("smearwatch.clients.commands.demo", "Show the whole program at work on a simulated slide."),
    "config": _Entry("smearwatch.daemon.commands.config", "Check and show the settings."),
    "metrics": _Entry("smearwatch.clients.commands.metrics", "Serve numbers for Prometheus, and health."),
    "audit": _Entry("smearwatch.clients.commands.audit", "Show who changed, exported or deleted what, and check it."),
    "doctor": _Entry("smearwatch.daemon.commands.doctor", "Check whether this machine can count, and how to mend it."),
    "install-service": _Entry(
        "smearwatch.daemon.commands.install_service", "Install this program as a service of this computer."
    ),
    "uninstall-service": _Entry("smearwatch.daemon.commands.uninstall_service", "Remove that service; sessions stay."),
}


class _Lazy(TyperGroup):
    """A group whose commands are imported when they are called, not when they are listed."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        bring_into_form(self)

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        if not ctx.resilient_parsing and _listing(cmd_name):
            return _placeholder(cmd_name, entry.summary)
        command = _imported(cmd_name)
        command.name = cmd_name
        bring_into_form(command)
        return command


def _imported(name: str) -> Any:
    return typer.main.get_command(importlib.import_module(COMMANDS[name].module).app)


def _listing(name: str) -> bool:
    """Return whether the commands are only being listed, for help: then none of them is loaded."""
    return name not in sys.argv[1:]


def _placeholder(name: str, summary: str) -> Any:
    app = typer.Typer(add_completion=False)
    app.command(name, help=summary)(lambda: None)
    return typer.main.get_command(app)


app = typer.Typer(
    cls=_Lazy,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="smearwatch counts leukocytes beside a microscope.",
    epilog="Example: smearwatch run --watch /srv/camera --session tuesday",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # takes as long as a tenth of a start

        typer.echo(f"smearwatch {version('smearwatch')}")
        raise typer.Exit


@app.callback()
def _root(
    debug: bool = typer.Option(False, "--debug", help="Show tracebacks and debug messages."),
    _: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Show the installed version."
    ),
) -> None:
    if debug:
        os.environ["SMEARWATCH_LOG_LEVEL"] = "debug"


def main() -> int:
    """Run the command line; every error that was foreseen is one line."""
    gc.set_threshold(_RUBBISH_AFTER)
    # Else the first event or setting reads what every installed package offers, for one that has plugins of pydantic.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    try:
        return int(app(standalone_mode=False) or 0)
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except Exception as error:  # the last line of defence: one line, never a traceback
        if isinstance(getattr(error, "exit_code", None), int) and hasattr(error, "show"):
            return _wrong_usage(error)
        if os.environ.get("SMEARWATCH_LOG_LEVEL") == "debug":
            raise
        line = (
            _refused(error)
            or one_line(error)
            or f"{type(error).__name__}: {error} (unexpected; run with --debug and report it)"
        )
        say(line)
        return 2 if getattr(error, "wrongly_typed", False) else 1
    finally:
        gc.freeze()  # when it ends, the interpreter looks for rubbish once more: in torch that takes a second


def _refused(error: BaseException) -> str | None:
    if not isinstance(error, PermissionError) and not isinstance(error.__cause__, PermissionError):
        return None
    from smearwatch.daemon.not_allowed import which_group  # the settings are loaded only where they are needed

    return which_group(error)


def _wrong_usage(error: Any) -> int:
    """Report in one line what was typed wrongly; a group without its command shows its help instead."""
    context = getattr(error, "ctx", None)
    message = error.format_message().replace("Value error, ", "")
    if not message or "\n" in message:
        error.show()
    else:  # of an option without its value the parser says nothing but that
        typed = " ".join(("smearwatch", *takewhile(lambda word: not word.startswith("-"), sys.argv[1:])))
        say(f"{_plain_usage(error, message)} (see {typed if context is None else context.command_path} --help)")
    return int(error.exit_code)


def _plain_usage(error: Any, message: str) -> str:
    """Return what was typed wrongly in plain words, with the option or command that was probably meant."""
    unknown = re.match(r"No such command '(.*?)'\.?(.*)", message)
    if unknown is not None:
        commands = error.ctx.command.list_commands(error.ctx)
        near = nearest(unknown[1], [name for name in commands if isinstance(name, str)])
        if error.ctx.parent is None and unknown[1] in _imported("sessions").commands:
            near = f"sessions {unknown[1]}"
        return f"No such command '{unknown[1]}'{f'; did you mean {near}?' if near else ''}"
    invalid = re.match(r"Invalid value for '?(-[^ ']+|[^:']+)'?(?: / [^:]*)?: (.*)", message, re.DOTALL)
    if invalid is not None and (typed := _typed(invalid[1])) is not None:
        plain = in_plain_words(invalid[2], repr(typed))
        if plain is not None:
            return f"{invalid[1]}: {plain}"
    return message.removeprefix("Invalid value: ").rstrip(".")


def _typed(option: str) -> str | None:
    """Return what was typed for an option, the last time where it stands there twice."""
    words = sys.argv[1:]
    for index in reversed(range(len(words))):
        if words[index].startswith(f"{option}="):
            return words[index].partition("=")[2]
        if words[index] == option and index + 1 < len(words):
            return words[index + 1]
    return None


if __name__ == "__main__":
    sys.exit(main())
