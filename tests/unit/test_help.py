"""The help of every command, as a terminal of 80 columns shows it."""

import re
import shlex
from itertools import pairwise

import pytest
import typer.main
import typer.rich_utils

from smearwatch.daemon import cli
from smearwatch.daemon.help_text import example_lines
from smearwatch.daemon.notices import RESEARCH_USE
from tests.documented import command_of, parse

WIDTH = 80
BOX = "│╭╰"
# Words that a reader of help at a microscope has no use for.
PRIVATE = re.compile(r"AdaBN|manifest|OUT\.state|<(?:bool|int|str|path|float|list)|install-completion")


def _names():
    """Return the words of every command and group, the whole program's first."""
    below = {name: getattr(command_of([name])[0], "commands", ()) for name in cli.COMMANDS}
    return [[], *([name, *each] for name in below for each in ([], *([inner] for inner in below[name])))]


@pytest.fixture(params=_names(), ids=lambda words: " ".join(words) or "smearwatch")
def shown(request, monkeypatch, capsys):
    """A command, and its help line by line."""
    monkeypatch.setattr(typer.rich_utils, "MAX_WIDTH", WIDTH)
    monkeypatch.setattr("sys.argv", ["smearwatch", *request.param, "--help"])
    root = typer.main.get_command(cli.app)
    with pytest.raises(SystemExit) as ended:
        root.main([*request.param, "--help"], prog_name="smearwatch")
    assert ended.value.code == 0
    command = command_of(request.param)[0]
    return command, [line.rstrip() for line in capsys.readouterr().out.splitlines()]


def _told(lines):
    """Return what stands outside of the boxes, paragraph by paragraph."""
    text = "\n".join("" if line[:1] and line[0] in BOX else line for line in lines)
    return [each.strip("\n").splitlines() for each in re.split(r"\n{2,}", text) if each.strip()]


def test_no_line_is_longer_than_the_terminal(shown):
    _, lines = shown
    assert [line for line in lines if len(line) > WIDTH] == []


def test_paragraphs_are_filled(shown):
    """A line ends only where the next word would not have fitted; examples keep their own lines."""
    _, lines = shown
    early = [
        line
        for paragraph in _told(lines)
        if not paragraph[0].strip().startswith("Example")
        for line, following in pairwise(paragraph)
        if len(line) + len(following.split()[0]) + 1 < WIDTH
    ]
    assert early == []


def test_names_of_options_and_values_are_whole(shown):
    command, lines = shown
    rows = [line.strip("│ ") for line in lines if line.startswith("│")]
    for param in command.params:
        is_option = param.param_type_name == "option"
        name, value = (param.opts[0], param.metavar) if is_option else (param.display_name_raw, "")
        assert any(re.search(rf"(^|[ ,]){re.escape(name)}\b.*{re.escape(value)}", row) for row in rows)
    assert [row for row in rows if "…" in row] == []


def test_nothing_is_lost_as_markup(shown):
    command, lines = shown
    text = "".join("".join(lines).replace("│", "").split())
    for param in command.params:
        wanted = re.findall(r"\[default: [^\]]*\]", param.help)
        assert [each for each in wanted if "".join(each.split()) not in text] == []


def test_words_are_for_people(shown):
    assert PRIVATE.findall("\n".join(shown[1])) == []


def test_every_help_has_an_example_that_holds_and_ends_with_the_notice(shown):
    command, lines = shown
    examples = re.sub(r" \\\n *", " ", "\n".join(example_lines(command))).splitlines()
    assert examples
    for example in examples:
        assert f"   {example.split(' --')[0]}" in "\n".join(lines)
        program, *words = shlex.split(example.partition(" | ")[0])
        assert program == "smearwatch"
        parse(words)
    assert " ".join(line.strip() for line in lines).rstrip().endswith(RESEARCH_USE)
