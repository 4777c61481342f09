"""An environment with one wheel and what it declares, no more: every package of the development environment that the
wheel's own metadata asks for, and what those ask for, is linked into an empty one. What is imported without being
declared is missing there; nothing is downloaded.
"""

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterable, Iterator
from email.parser import Parser
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

# A machine without a desktop has this build of OpenCV over the declared one (Makefile).
_INSTEAD = {"opencv-python": "opencv-python-headless"}


class NotInstalled(LookupError):
    """The development environment lacks what the wheel declares."""


def declared_by(wheel: Path) -> list[str]:
    """Return the requirements that a wheel's metadata declares."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (entry for entry in archive.namelist() if entry.endswith(".dist-info/METADATA"))
        return Parser().parsestr(archive.read(name).decode()).get_all("Requires-Dist") or []


def _wanted(requirement: Requirement, extras: Iterable[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))


def closure(requirements: Iterable[str]) -> dict[str, Distribution]:
    """Return the installed packages that requirements ask for, directly or through others, by name.

    Raises
    ------
    NotInstalled
        One of them is not installed here.
    """
    found: dict[str, Distribution] = {}
    waiting = [one for text in requirements if _wanted(one := Requirement(text), ())]
    done: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        asked = waiting.pop()
        key = asked.name.lower().replace("_", "-"), frozenset(asked.extras)
        if key in done:
            continue
        done.add(key)
        try:
            found[key[0]] = distribution(asked.name)
        except PackageNotFoundError:
            raise NotInstalled(f"{asked} is declared and not installed in {sys.prefix}") from None
        waiting += [one for text in found[key[0]].requires or () if _wanted(one := Requirement(text), asked.extras)]
    return found


def _with_replacements(found: dict[str, Distribution]) -> Iterator[Distribution]:
    for name, one in found.items():
        yield one
        try:
            yield distribution(_INSTEAD[name])
        except (KeyError, PackageNotFoundError):
            continue


def _link(one: Distribution, site: Path) -> None:
    for file in one.files or ():
        source = Path(str(one.locate_file(file)))
        if ".." in file.parts or not source.is_file():  # scripts, and bytecode that was never written
            continue
        target = site / file
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            continue
        try:
            os.link(source, target)
        except OSError:  # another file system
            shutil.copy2(source, target)


def pip(*arguments: str | Path, python: Path) -> None:
    """Run this environment's pip upon another one.

    Raises
    ------
    subprocess.CalledProcessError
        With what pip said.
    """
    command = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]
    subprocess.run([*command, *map(str, arguments)], check=True, capture_output=True, text=True)


def make(folder: Path, wheel: Path) -> tuple[Path, int]:
    """Make the environment, install the wheel in it and have pip check that all it declares is there, as it wants it.

    Returns
    -------
    The environment's python, and how many packages it holds beside the wheel.

    Raises
    ------
    NotInstalled, subprocess.CalledProcessError
        See `closure` and `pip`.
    """
    venv.create(folder, with_pip=False)
    site = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    found = closure(declared_by(wheel))
    for one in _with_replacements(found):
        _link(one, site)
    python = folder / "bin" / "python"
    pip("install", "--quiet", "--no-deps", "--no-index", wheel, python=python)
    pip("check", python=python)
    return python, len(found)
