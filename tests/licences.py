"""Under which licences the locked packages are, by what the installed ones say of themselves; it asks no network."""

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
LOCK: Final = ROOT / "requirements.txt"

ALLOWED: Final = re.compile(
    r"(MIT(-0|-CMU)?|(0|[123]-Clause )?BSD(-[0-9]-Clause)?|Apache(-| )2\.0|PSF-2\.0|ISC|MPL-2\.0|Zlib|CC0-1\.0|BSL-1\.0"
    r"|(MIT|BSD|ISC|Apache Software|Python Software Foundation)( [0-9]-Clause)? License( \(ISCL\))?|BSD license"
    r"|BSD [23]-Clause License|3-Clause BSD License|Mozilla Public License 2\.0 \(MPL 2\.0\)"
    r"|Apache-2\.0 WITH LLVM-exception)"
)
"""What may be used, as packages spell it."""

NAMED: Final = {
    "cuda-toolkit": "a package of references alone; what it brings stands below",
    "pyphen": "GPL, LGPL or MPL 1.1, as one chooses: MPL 1.1; of the extra pdf alone",
    "rich-pixels": "MIT by its LICENSE file",
    "textual-image": "LGPL; of the extra pictures alone",
}
"""What says otherwise, or nothing, and why it is here all the same."""

OF_TORCH: Final = "nvidia-"
"""NVIDIA's own terms, which allow use and passing on unchanged: what PyTorch brings for their graphics cards."""

EXTRAS_ALONE: Final = ("pyphen", "textual-image")


def locked(lock: Path = LOCK) -> list[str]:
    """Return the names of the packages in a lock."""
    return re.findall(r"^([A-Za-z0-9._-]+)==", lock.read_text(encoding="utf-8"), re.MULTILINE)


def stated(of: Distribution) -> list[str]:
    """Return the licences that a package states: by its expression, else by its classifiers, else in a word."""
    about = of.metadata
    if expression := " AND ".join(about.get_all("License-Expression") or []):
        return re.split(r" AND ", expression)
    classified = [each.rpartition(":: ")[2] for each in about.get_all("Classifier") or [] if each.startswith("License")]
    classified = [each for each in classified if each != "DFSG approved"]
    word = " ".join(about.get_all("License") or []).strip()
    return classified or ([*re.split(r" AND ", word)] if word and "\n" not in word else [])


def flaws(lock: Path = LOCK) -> Iterator[str]:
    """Yield a line for each locked package whose licence is not allowed, or not known, and not named above."""
    direct = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    for name in dict.fromkeys(locked(lock)):
        try:
            licences = stated(distribution(name))
        except PackageNotFoundError:  # of another system; where it is installed, it is looked at
            continue
        if name in EXTRAS_ALONE and any(re.match(rf"{name}\b", each) for each in direct):
            yield f"{name}: {NAMED[name]}, and the program itself asks for it"
        if name in NAMED or name.startswith(OF_TORCH):
            continue
        of_each = [any(ALLOWED.fullmatch(one) for one in re.split(r" OR ", each)) for each in licences]
        if not licences or not all(of_each):
            yield f"{name}: {' and '.join(licences) or 'no licence stated'}"
