"""The lines in the page for when something is wrong are the program's own: each piece of them stands in its sources."""

import ast
import re
from functools import cache

import pytest

from tests.documented import ROOT

PAGE = ROOT / "docs" / "troubleshooting.md"
ROOMS = ("daemon", "capture", "clients", "models")
SHORTEST = 4  # of a piece between two names or numbers


@cache
def program() -> str:
    """Every text in the program, a line each; what is filled in is a null character."""
    told = []
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.JoinedStr):
                    told.append("".join(str(v.value) if isinstance(v, ast.Constant) else "\0" for v in node.values))
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    told.append(node.value)
    return "\n".join(told)


def lines() -> list[str]:
    blocks = re.findall(r"```text\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def pieces(line: str) -> list[str]:
    """What a line is made of: an error and its hint are two texts, names and numbers are left out."""
    parts = re.split(r"…| \((?=[a-z`])|\)$|\) \(", line.removeprefix("smearwatch: "))
    return [part.strip(" :") for part in parts if len(part.strip(" :")) >= SHORTEST]


@pytest.mark.parametrize("line", lines())
def test_each_line_is_one_of_the_programs_own(line):
    assert pieces(line), "nothing of it can be looked for"
    assert [piece for piece in pieces(line) if piece not in program()] == []


def test_a_line_that_the_program_does_not_print_would_be_noticed():
    assert [piece for piece in pieces("smearwatch: folder … is haunted (call somebody)") if piece not in program()] == [
        "is haunted",
        "call somebody",
    ]
