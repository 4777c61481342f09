"""What the documentation tells a person to type: blocks of commands, and commands within a sentence."""

import re
import shlex
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import typer.main

from smearwatch.daemon import cli

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))

_SHELL = ("", "sh", "bash", "console")  # what is no command says so: ```text, ```toml, ```python
_BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """The lines of one block, without comments, in the order of typing."""

    page: str
    number: int
    lines: tuple[str, ...]

    def __str__(self):
        return f"{self.page}-{self.number}"


@cache
def blocks():
    """Return every block of commands."""
    found = []
    for page in PAGES:
        shell = [body for _, language, body in _BLOCK.findall(page.read_text()) if language in _SHELL]
        for number, body in enumerate(shell, start=1):
            lines = [re.sub(r"\s+#.*", "", line).strip() for line in body.splitlines()]
            found.append(Block(str(page.relative_to(ROOT)), number, tuple(line for line in lines if line)))
    return tuple(found)


@cache
def in_sentences():
    """Return every command that stands as code within a sentence or a table, by page."""
    code = re.compile(r"`((?:smearwatch|make|python) [^`]+)`")
    found = {
        (str(page.relative_to(ROOT)), told) for page in PAGES for told in code.findall(_BLOCK.sub("", page.read_text()))
    }
    return tuple(sorted(found))


def command_of(words):
    """Return the command that words name, its name, what is left of the words, and the context above it."""
    command = typer.main.get_command(cli.app)
    context = command.make_context("smearwatch", [], resilient_parsing=True)
    name = ""
    while words and hasattr(command, "get_command"):
        word, *words = words
        command = command.get_command(context, word)
        assert command is not None, f"there is no command smearwatch {name} {word}"
        name = f"{name} {word}".strip()
        if hasattr(command, "get_command"):
            context = command.make_context(word, [], parent=context, resilient_parsing=True)
    return command, name, words, context


def parse(words):
    """Have the real command line read what follows `smearwatch`, without doing it; raises what is wrong with it."""
    command, name, words, context = command_of(words)
    command.make_context(name, list(words), parent=context)


def options_of(words):
    """Return the options that the command which words name has."""
    command, *_ = command_of(words)
    return {option for param in command.params for option in (*param.opts, *param.secondary_opts)}


def words_of(line):
    """Split a line as a shell does, up to where its output goes; the program is called by its name alone."""
    words = shlex.split(line)
    words = words[: words.index(">")] if ">" in words else words
    return [words[0].removeprefix(".venv/bin/"), *words[1:]]


def make_targets():
    """Return what can be made."""
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
