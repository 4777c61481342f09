"""What `make docs` makes instead of a person: first page, changes, commands, Python API, the list of decisions."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / ".dev" / "smearwatch"
PYTHON = ROOT / ".venv" / "bin" / "python"

# Pages that stand beside docs/ in the repository, and what they are called here.
FROM_ROOT = {"README.md": "index.md", "CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md"}


# Whoever searches a word wants pages for people first.
_LAST_IN_SEARCH = "---\nsearch:\n  boost: 0.2\n---\n"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fill in the parts of the navigation that follow from what is there."""
    filled: dict[str, list[Any]] = {
        "DECISIONS": ["decisions/index.md", *_decisions()],
        "COMMANDS": _names(_commands(), "commands"),
        "API": _names(_api(), "api"),
    }
    config.nav = [_filled(entry, filled) for entry in config.nav or []]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that nobody writes by hand."""
    pages = {name: _at_home((ROOT / source).read_text(encoding="utf-8")) for source, name in FROM_ROOT.items()}
    pages["decisions/index.md"] = "# Decisions\n\n" + "\n".join(
        f"- [{title}]({Path(page).name})" for entry in _decisions() for title, page in entry.items()
    )
    pages |= {f"commands/{_slug(name)}.md": text for name, text in _commands().items()}
    pages |= {f"api/{name}.md": _LAST_IN_SEARCH + text for name, text in _api().items()}
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Let links that lead out of docs/ to a page of the site find it there."""
    for source, name in FROM_ROOT.items():
        markdown = re.sub(rf"\]\(\.\./{re.escape(source)}", f"]({name}", markdown)
    return markdown.replace("](decisions)", "](decisions/index.md)")


def _at_home(markdown: str) -> str:
    """Let links of a page beside docs/ begin in docs/."""
    markdown = re.sub(r"\]\(docs/", "](", markdown)
    for source, name in FROM_ROOT.items():
        markdown = markdown.replace(f"]({source}", f"]({name}")
    return markdown


def _filled(entry: Any, filled: dict[str, list[Any]]) -> Any:
    """Put lists in the places of their names, at any depth."""
    if isinstance(entry, dict):
        return {title: _filled(below, filled) for title, below in entry.items()}
    if isinstance(entry, list):
        return [_filled(below, filled) for below in entry]
    return filled.get(entry, entry)


def _names(pages: dict[str, str], folder: str) -> list[dict[str, str]]:
    return [{name: f"{folder}/{_slug(name)}.md"} for name in pages]


def _slug(name: str) -> str:
    return name.replace(" ", "-")


def _decisions() -> list[dict[str, str]]:
    """List the decisions by number, each by its own heading."""
    listed = []
    for path in sorted((ROOT / "docs" / "decisions").glob("*.md")):
        title = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
        listed.append({title: f"decisions/{path.name}"})
    return listed


_made: dict[str, dict[str, str]] = {}


def _commands() -> dict[str, str]:
    """Ask the program itself what its commands are, in an environment that has it."""
    if "commands" not in _made:
        asked = [str(PYTHON), str(Path(__file__).with_name("commands.py"))]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(asked)}: {done.stderr.strip()}; run `make dev` first")
        _made["commands"] = json.loads(done.stdout)
    return _made["commands"]


def _api() -> dict[str, str]:
    """Make a page for each package, with its modules on it; the sources are read and not imported."""
    if "api" not in _made:
        folders = [path.parent for room in sorted(PACKAGE.iterdir()) for path in sorted(room.rglob("__init__.py"))]
        _made["api"] = {".".join(folder.relative_to(PACKAGE).parts): _package_page(folder) for folder in folders}
    return _made["api"]


def _package_page(folder: Path) -> str:
    package = ".".join(folder.relative_to(PACKAGE.parent).parts)
    about = re.match(r'"""(.*?)"""', (folder / "__init__.py").read_text(encoding="utf-8"), re.DOTALL)
    modules = [path.stem for path in sorted(folder.glob("*.py")) if path.stem not in ("__init__", "__main__")]
    lines = [f"# {package.removeprefix('smearwatch.')}", "", about[1].strip() if about else "", ""]
    for module in modules:
        lines += [f"::: {package}.{module}", ""]
    return "\n".join(lines)


def on_post_build(config: MkDocsConfig) -> None:
    """Refuse a site that would load anything from another host: it has to work without a network."""
    loading = re.compile(r'<(?:script|link|img|iframe|source)\b[^>]*\b(?:src|href)="?(?:https?:)?//[^">]*')
    for page in sorted(Path(config.site_dir).rglob("*.html")):
        found = loading.search(page.read_text(encoding="utf-8"))
        if found:
            raise RuntimeError(f"{page}: {found[0]}")
