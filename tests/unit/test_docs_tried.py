"""What docs/tried.md says was tried has a test that is there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINES = [line for line in (ROOT / "docs" / "tried.md").read_text().splitlines() if line.startswith("| ")][1:]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.split("|")[1].strip()[:40])
def test_each_line_has_its_test(line):
    _, has, comes, since, test, _ = line.split("|")
    assert has.strip()
    assert comes.strip()
    assert re.fullmatch(r"2026-\d\d-\d\d(, 2026-\d\d-\d\d)*", since.strip())
    path, _, name = test.strip().strip("`").partition("::")
    tree = ast.parse((ROOT / path).read_text())
    names = {each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)}
    assert not name or name in names
    assert any(each.startswith("test_") for each in names)


def test_there_are_lines():
    assert len(LINES) > 20
