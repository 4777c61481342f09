"""The documentation holds together: links lead somewhere, files that it names are there, and so are commands in it."""

import re
from itertools import pairwise

import pytest

from smearwatch.clients.exports import cell_columns, crops, differential, label_lists
from smearwatch.clients.exports.columns import dictionary_lines
from tests.documented import PAGES, ROOT, in_sentences, make_targets, options_of, words_of

EVERY_PAGE = (*PAGES, ROOT / "CHANGELOG.md")
# Written by commands, or about states that are over.
REPORTS = {"evaluation", "unseen", "ablation", "paper"}
NO_MODULES = {
    "smearwatch.sources",
    "smearwatch.exports",
    "smearwatch.target",
    "smearwatch.service",
}  # entry points and units
GLOBAL = {"--help", "--debug", "--version"}


def named(page):
    return str(page.relative_to(ROOT))


def anchors(page):
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", heading.lower())).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", EVERY_PAGE, ids=named)
def test_links_lead_to_files_and_headings_that_are_there(page):
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```|`[^`]*`", "", page.read_text(), flags=re.DOTALL)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("page", [page for page in PAGES if not REPORTS & set(page.parts)], ids=named)
def test_files_that_are_named_are_there(page):
    """A path beginning with one of the rooms, wherever it stands as code."""
    rooms = r"(?:daemon|capture|models|train|clients|tests|systemd|docs)"
    paths = re.findall(rf"`({rooms}/[\w./-]*)`", page.read_text())
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", [page for page in PAGES if not REPORTS & set(page.parts)], ids=named)
def test_modules_that_are_named_are_there(page):
    modules = re.findall(r"`(?:python -m )?((?:smearwatch|tests)\.[\w.]+)", page.read_text())
    files = [ROOT / module.removeprefix("smearwatch.").replace(".", "/") for module in {*modules} - NO_MODULES]
    # A module, a package, or something in a module.
    assert [
        str(f) for f in files if not (f.is_dir() or any(p.with_suffix(".py").is_file() for p in (f, f.parent)))
    ] == []


@pytest.mark.parametrize(
    ("title", "columns"),
    [
        ("cells", cell_columns.COLUMNS),
        ("differential", differential.COLUMNS),
        ("crops", crops.COLUMNS),
        ("--random", label_lists.BLIND),
    ],
)
def test_the_data_dictionary_has_every_column_as_the_program_writes_it(title, columns):
    page = (ROOT / "docs" / "data-dictionary.md").read_text()
    heading = next(part for part in page.split("\n## ") if part.startswith(f"`{title}`"))
    table = [line for line in heading.splitlines() if line.startswith("|")]
    assert table == [*dictionary_lines(columns)]


def test_every_page_stands_in_the_navigation():
    navigation = (ROOT / "mkdocs.yml").read_text()
    pages = [
        page.relative_to(ROOT / "docs") for page in PAGES if "docs" in page.parts and "decisions" not in page.parts
    ]
    assert [str(page) for page in pages if f": {page}\n" not in navigation] == []


def test_the_readme_is_short_and_begins_with_what_it_is_not_for():
    lines = (ROOT / "README.md").read_text().splitlines()
    assert len(lines) < 90
    assert lines[2] == "**For Research Use Only. Not for use in diagnostic procedures.**"


@pytest.mark.parametrize(("page", "code"), in_sentences(), ids=[": ".join(told) for told in in_sentences()])
def test_commands_in_sentences_exist_with_their_options(page, code):
    program, *words = words_of(code)
    if program == "make":
        assert words[0] in make_targets()
    elif program == "python":
        assert words[0] == "-m"
        module = ROOT / words[1].replace(".", "/")
        text = (module / "__main__.py" if module.is_dir() else module.with_suffix(".py")).read_text()
        values = {value for option, value in pairwise(words) if option.startswith("--")}
        assert [name for name in words[2:] if name not in values and f'"{name}"' not in text] == []
    else:
        command = [word for word in words if word != "…"]
        told = {word.partition("=")[0] for word in command if word.startswith("--")}
        names = [word for word in command if not word.startswith("-")]
        if names:
            assert told <= options_of(names) | GLOBAL
        else:
            assert told <= GLOBAL
