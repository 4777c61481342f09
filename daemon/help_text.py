"""The help of every command, brought into one form: text that a terminal can fold, examples that can be copied."""

import re
from collections.abc import Iterator
from typing import Any

import typer
from rich.markup import escape
from rich.text import Text

from smearwatch.daemon.notices import RESEARCH_USE

_EXAMPLE = "Example: "
_TITLES = ("Example:", "Examples:")
_EXAMPLE_WIDTH = 74
_INDENT = "  "

# What is shown instead of the names that the language has for kinds of values.
_VALUES = {
    "<bool>": "",
    "<int>": "N",
    "<int range>": "x",  # its limits follow, as in x>=1
    "<float>": "X",
    "<float range>": "x",
    "<str>": "TEXT",
    "<path>": "PATH",
    "<file>": "FILE",
    "<directory>": "DIR",
}


def bring_into_form(command: Any) -> None:
    """Change the help of a command, and of those below it, to be read in a terminal of any width.

    Paragraphs become one line each, to be folded where the terminal ends. Examples follow the options, and the notice
    comes last. Words in brackets are kept: they would be taken for markup. A switch names no value,
    other options name theirs without the words of the language.
    """
    text = [*_paragraphs(command.help), *_paragraphs(command.epilog)]
    examples = [each.removeprefix(_EXAMPLE) for each in text if each.startswith(_EXAMPLE)]
    command.help = escape("\n\n".join(each for each in text if not each.startswith(_EXAMPLE)))
    command.epilog = "\n\n".join([*_example_block(examples), RESEARCH_USE])
    context = typer.Context(command)
    for param in (*command.params, command.get_help_option(context)):
        param.help = escape(param.help or "")
        if param.param_type_name == "argument":
            param.display_type = lambda ctx: ""  # its own name says what it is
        elif param.metavar is None:
            kind = param.display_type(context)
            param.metavar = _VALUES.get(kind, kind.strip("<>"))
    for below in getattr(command, "commands", {}).values():
        bring_into_form(below)


def _paragraphs(text: str | None) -> list[str]:
    return [" ".join(each.split()) for each in re.split(r"\n\s*\n", text or "") if each.strip()]


def _example_block(examples: list[str]) -> Iterator[str]:
    if examples:
        title = _TITLES[len(examples) > 1]
        yield escape("\n".join([title, *(line for each in examples for line in _folded(each))]))


def _folded(example: str) -> Iterator[str]:
    """Yield the lines of a command; a long one goes on after a backslash, so that it can be copied."""
    line = _INDENT
    # An option stays together with its value.
    for part in re.split(r" (?=--|\|)", example):
        if len(line) + len(part) + len(" \\") > _EXAMPLE_WIDTH:
            yield f"{line} \\"
            line = _INDENT * 2
        line += part if line.isspace() else f" {part}"
    yield line


def example_lines(command: Any) -> list[str]:
    """Return the examples in the help of a command that was brought into form, as they stand there, line by line."""
    first, *_ = _text_of(command.epilog).split("\n\n")
    title, *lines = first.splitlines()
    return [line.removeprefix(_INDENT) for line in lines] if title in _TITLES else []


def _text_of(markup: str) -> str:
    return Text.from_markup(markup).plain
