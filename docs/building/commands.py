"""Every command as a page of Markdown, from the program itself: printed as one JSON object, name to page.

Run with the environment that has smearwatch: ``.venv/bin/python docs/building/commands.py``.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from smearwatch.daemon import cli
from smearwatch.daemon.help_text import example_lines


def commands() -> Iterator[tuple[str, Any, Any]]:
    """Give every command that can be typed: its name, the command and its context."""
    root = get_command(cli.app)
    above = root.make_context("smearwatch", [], resilient_parsing=True)
    yield from _below(root, above, "")


def _below(group: Any, context: Any, name: str) -> Iterator[tuple[str, Any, Any]]:
    for below in group.list_commands(context):
        command = group.get_command(context, below)
        inner = command.make_context(below, [], parent=context, resilient_parsing=True)
        full = f"{name} {below}".strip()
        if hasattr(command, "list_commands"):
            yield from _below(command, inner, full)
        else:
            yield full, command, inner


def page(name: str, command: Any, context: Any) -> str:
    """Write one command as Markdown: what `smearwatch NAME --help` says."""
    lines = [f"# smearwatch {name}", "", _plain(command.help), "", "```", _usage(command, context), "```", ""]
    if examples := example_lines(command):
        lines += [
            "Example:" if sum(not line.startswith(" ") for line in examples) == 1 else "Examples:",
            "",
            "```",
            *examples,
            "```",
            "",
        ]
    told = [param for param in command.params if param.get_help_record(context) and "completion" not in param.name]
    given, options = ([p for p in told if p.param_type_name == kind] for kind in ("argument", "option"))
    for heading, params in (("Arguments", given), ("Options", options)):
        if params:
            lines += [f"## {heading}", "", f"| {heading[:-1]} | Meaning |", "|---|---|"]
            lines += [_row(param, context) for param in params]
            lines.append("")
    return "\n".join(lines)


def _usage(command: Any, context: Any) -> str:
    names: list[str] = []
    above = context
    while above is not None:
        names.insert(0, above.info_name)
        above = above.parent
    return " ".join([*names, *command.collect_usage_pieces(context)]).replace("{", "").replace("}", "")


def _row(param: Any, context: Any) -> str:
    name, meaning = param.get_help_record(context)
    return f"| {_code(name)} | {_plain(meaning)} |"


def _code(text: str) -> str:
    return f"`{text}`"  # a bar in code does not end its column


def _plain(text: str) -> str:
    """Keep words as they are: no tables cut by a bar, no tags made of angle brackets."""
    text = re.sub(r"[ \t]*\n[ \t]*(?=\S)", "\n", text)
    return text.replace(str(Path.home()), "~").replace("|", "\\|").replace("<", "&lt;").strip()


if __name__ == "__main__":
    sys.stdout.write(json.dumps({name: page(name, command, context) for name, command, context in commands()}))
