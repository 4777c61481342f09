"""What is shipped, tried as a stranger would: sdist, wheel from it, an empty environment, every subpackage imported.

Run as ``python -m tests.packaging``; leaves both in ``dist/``, prints what it found, exits 1 when something is missing.
"""

import argparse
import re
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

from tests import declared
from tests.outside_source import NotTyped, check_types

ROOT = Path(__file__).parents[1]

_IMPORT_ALL = """
import importlib.util, pkgutil, sys
from importlib import resources
import smearwatch
from smearwatch.daemon.source_plugins import known_sources
assert {known.name for known in known_sources()} >= {"camera", "folder", "replay", "slide"}, known_sources()
from smearwatch.clients.exports.format import find_format
assert all(find_format(name).summary for name in ("astm", "cells", "crops", "differential", "fhir", "hl7", "sheet"))
assert importlib.util.find_spec("pytest") is None, "the environment is not empty"
names = ["smearwatch", *(m.name for m in pkgutil.walk_packages(smearwatch.__path__, "smearwatch."))]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
weights = resources.files("smearwatch.models") / "weights"
files = sorted(entry.name for entry in weights.iterdir())
assert any(name.endswith(".safetensors") for name in files), files
assert "site-packages" in list(smearwatch.__path__)[0], smearwatch.__path__
units = resources.files("smearwatch") / "systemd" / "smearwatch.target"
assert units.is_file(), units
rooms = {name.split(".")[1] for name in names if "." in name}
assert rooms == {"daemon", "capture", "models", "train", "clients"}, rooms
print(f"All {len(names)} modules can be imported; the weights are there: {' '.join(files)}.")
"""


def _run(*command: str | Path, **options: object) -> str:
    done = subprocess.run([str(part) for part in command], check=False, capture_output=True, text=True, **options)  # type: ignore[call-overload]
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
        sys.exit(f"packaging: {' '.join(map(str, command))} failed")
    return str(done.stdout)


def _build(out: Path) -> Path:
    """Build the sdist, and from it the wheel, which is returned; older ones of ours are gone."""
    for old in out.glob("smearwatch-*"):
        old.unlink()
    _run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, ROOT)
    (sdist,), (wheel,) = out.glob("smearwatch-*.tar.gz"), out.glob("smearwatch-*.whl")
    with tarfile.open(sdist) as archive:
        in_sdist = len(archive.getnames())
    with zipfile.ZipFile(wheel) as archive:
        stray = [entry for entry in archive.namelist() if not entry.startswith(("smearwatch/", "smearwatch-"))]
        in_wheel = len(archive.namelist())
    if stray:
        sys.exit(f"packaging: the wheel would install outside smearwatch: {stray[:5]}")
    print(
        f"Built in {out.name}/: {wheel.name}, {wheel.stat().st_size / 1e6:.1f} MB with {in_wheel} files, "
        f"from a source archive with {in_sdist}."
    )
    return wheel


def _linked(folder: Path, wheel: Path) -> Path:
    """Make an environment with the wheel and what it declares, linked from this one; give its python."""
    try:
        python, count = declared.make(folder, wheel)
    except declared.NotInstalled as error:
        sys.exit(f"packaging: {error}")
    except subprocess.CalledProcessError as error:
        sys.exit(f"packaging: {' '.join(error.cmd)} failed\n{error.stdout}{error.stderr}")
    print(f"Installed in an empty environment, with the {count} packages that it needs and nothing else.")
    return python


def _downloaded(folder: Path, wheel: Path) -> Path:
    """Make the same as a stranger does, by pip alone, in the locked versions; give its python."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    # Without hashes, so that the wheel's own dependencies decide what is installed.
    locked = re.findall(r"^([A-Za-z0-9._-]+==.*?)\s*\\?$", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    constraints = folder / "constraints.txt"
    constraints.write_text("\n".join(locked) + "\n")
    _run(python, "-m", "pip", "install", "--quiet", "-c", constraints, wheel)
    if subprocess.run([python, "-c", "import cv2"], check=False, capture_output=True).returncode:
        headless = ROOT / "requirements-headless.txt"
        _run(python, "-m", "pip", "install", "--quiet", "--require-hashes", "--no-deps", "-r", headless)
    print("Installed in an empty environment by pip, with what it declares.")
    return python


def _try(python: Path, wheel: Path, folder: Path) -> None:
    """Import everything, call the command, type-check a source from outside."""
    print(_run(python, "-I", "-c", _IMPORT_ALL, cwd=folder).strip())
    command = python.with_name("smearwatch")
    shown = _run(command, "--help", cwd=folder)
    if "Research Use Only" not in shown:
        sys.exit("packaging: smearwatch --help does not say what it is for")
    version = _run(command, "--version", cwd=folder).strip()
    if version != f"smearwatch {wheel.name.split('-')[1]}":
        sys.exit(f"packaging: smearwatch --version says {version!r} of {wheel.name}")
    print(f"The command answers: {version}.")
    try:
        found = check_types(python, folder)
        print(f"{found[0].upper()}{found[1:]}.")
    except NotTyped as error:
        sys.exit(f"packaging: {error}")


def main() -> None:
    """Build, install, import, run."""
    parser = argparse.ArgumentParser(prog="python -m tests.packaging", description=__doc__)
    parser.add_argument("--download", action="store_true", help="let pip fetch what the wheel declares, not link it")
    make = _downloaded if parser.parse_args().download else _linked
    wheel = _build(ROOT / "dist")
    # In the tree, so that packages can be linked: the same file system.
    (ROOT / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / "build", prefix="empty-") as name:
        (folder := Path(name) / "outside").mkdir()
        _try(make(Path(name) / "environment", wheel), wheel, folder)
    print("The package is as it should be: smearwatch installs from it alone, and works.")


if __name__ == "__main__":
    main()
