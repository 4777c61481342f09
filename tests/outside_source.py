"""A source of frames as another package brings it, type-checked strictly against the installed wheel.

The page on sources has it (docs/sources.md). It must pass as it stands, and fail where a value or a method has a wrong
type: without the wheel's ``py.typed`` mypy would see nothing of smearwatch, and find no fault in anything.
"""

import re
import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs" / "sources.md"
_RIGHT = "acme_smearwatch.py"
# A module with a wrong type: what is replaced in the right one, by what, and what mypy must say of it.
_WRONG = {
    "acme_wrong_value.py": ("captured_at_ns=time.time_ns()", "captured_at_ns=time.asctime()", '"captured_at_ns"'),
    "acme_wrong_method.py": ("def taken(self, frame: SourceFrame", "def taken(self, frame: str", '"deliver"'),
}


class NotTyped(AssertionError):
    """An author outside would not learn what is right and what is wrong."""


def documented(language: str) -> str:
    """Return the one code block of a language in the page on sources."""
    (block,) = re.findall(rf"```{language}\n(.*?)```", DOCS.read_text(), re.DOTALL)
    return str(block)


def check_types(python: Path, folder: Path) -> str:
    """Check the documented source, and spoilt ones, against the packages of a python; return what was found, in a line.

    Raises
    ------
    NotTyped
        With what mypy said.
    """
    right = documented("python")
    (folder / _RIGHT).write_text(right)
    for name, (old, new, _) in _WRONG.items():
        if right.count(old) != 1:
            raise NotTyped(f"{DOCS.name} no longer has {old!r} once")
        (folder / name).write_text(right.replace(old, new))
    # Without a settings file and away from the project, as an author outside would do it.
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir", str(folder / "cache")]
    command += ["--python-executable", str(python), "--no-error-summary", _RIGHT, *_WRONG]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    errors = [line for line in done.stdout.splitlines() if ": error: " in line]
    of = {name: [line for line in errors if line.startswith(f"{name}:")] for name in (_RIGHT, *_WRONG)}
    as_wanted = not of[_RIGHT] and all(
        len(of[name]) == 1 and says in of[name][0] for name, (*_, says) in _WRONG.items()
    )
    if done.returncode != 1 or len(errors) != len(_WRONG) or not as_wanted:
        raise NotTyped(f"an outside source against the wheel: mypy says\n{done.stdout}{done.stderr}")
    return f"types reach another package: a right source passes mypy --strict, {len(_WRONG)} wrong ones are caught"
