"""The one command: subcommands by import string, each loaded only when it is used."""

import gc
import importlib
import os
import sys
from typing import Any, NamedTuple

import typer
from typer.core import TyperGroup

from smearwatch.daemon.one_line import one_line


class _Entry(NamedTuple):
    module: str
    summary: str


COMMANDS = {
    "run": _Entry("smearwatch.daemon.commands.run", "Count: hub, capture and worker under one supervisor."),
    "watch": _Entry("smearwatch.clients.commands.watch", "The live differential in this terminal."),
    "sessions": _Entry("smearwatch.clients.commands.sessions", "Recorded sessions: list, show, verify, export, label."),
    "replay": _Entry("smearwatch.daemon.commands.replay", "A recorded session's frames through the pipeline again."),
    "segment": _Entry("smearwatch.capture.commands.segment", "Frames to leukocytes, without a daemon."),
    "calibrate": _Entry(
        "smearwatch.capture.commands.calibrate", "The scale of a camera from a stage micrometer or scale bar."
    ),
    "classify": _Entry("smearwatch.train.commands.classify", "Name the leukocyte in each single-cell picture."),
    "slide": _Entry("smearwatch.capture.commands.slide", "A simulated slide, written as a camera would."),
    "train": _Entry("smearwatch.train.commands.train", "Train the networks on labelled cells."),
    "evaluate": _Entry("smearwatch.train.commands.evaluate", "Score weights on labelled cells."),
    "adapt": _Entry("smearwatch.train.commands.adapt", "Improve weights for this microscope with labelled cells."),
    "range": _Entry("smearwatch.train.commands.range", "Prepare weights for the drift alarm."),
    "promote": _Entry("smearwatch.train.commands.promote", "Use these weights from now on, unless they score worse."),
    "paper": _Entry("smearwatch.train.commands.paper", "Reproduce the published method on labelled cells."),
    "ablate": _Entry("smearwatch.train.commands.ablate", "Measure what each part of the training recipe is worth."),
    "demo": _Entry("smearwatch.clients.commands.demo", "The whole pipeline on a simulated slide, ending by itself."),
    "config": _Entry("smearwatch.daemon.commands.config", "Check and show the settings."),
}


class _Lazy(TyperGroup):
    """A group whose commands are imported when they are called, not when they are listed."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        if not ctx.resilient_parsing and _listing(cmd_name):
            return _placeholder(cmd_name, entry.summary)
        command = typer.main.get_command(importlib.import_module(entry.module).app)
        command.name = cmd_name
        return command


def _listing(name: str) -> bool:
    """Whether the commands are only being listed, for help: then none of them is loaded."""
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
    help="smearwatch counts leukocytes beside a microscope. For Research Use Only. "
    "Not for use in diagnostic procedures.",
)


@app.callback()
def _root(
    debug: bool = typer.Option(False, "--debug", help="Show tracebacks and debug messages."),
) -> None:
    if debug:
        os.environ["SMEARWATCH_LOG_LEVEL"] = "debug"


def main() -> int:
    """Run the command line; every error that was foreseen is one line."""
    try:
        return int(app(standalone_mode=False) or 0)
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except Exception as error:  # the last line of defence: one line, never a traceback
        if isinstance(getattr(error, "exit_code", None), int) and hasattr(error, "show"):
            return _wrong_usage(error)
        if os.environ.get("SMEARWATCH_LOG_LEVEL") == "debug":
            raise
        line = one_line(error) or f"{type(error).__name__}: {error} (unforeseen; run with --debug and report it)"
        sys.stderr.write(f"smearwatch: {line}\n")
        return 2 if getattr(error, "wrongly_typed", False) else 1
    finally:
        gc.freeze()  # when it ends, the interpreter looks for rubbish once more: in torch that takes a second


def _wrong_usage(error: Any) -> int:
    """Say in one line what was typed wrongly; a group without its command shows its help instead."""
    context = getattr(error, "ctx", None)
    message = error.format_message().replace("Value error, ", "")
    if context is None or not message or "\n" in message:
        error.show()
    else:
        sys.stderr.write(f"smearwatch: {message.rstrip('.')} (see {context.command_path} --help)\n")
    return int(error.exit_code)


if __name__ == "__main__":
    sys.exit(main())
