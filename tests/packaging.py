"""What is shipped, tried as a stranger would: sdist, wheel from it, an empty environment, every subpackage imported.

Run as ``python -m tests.packaging``; prints what it found and exits 1 when something is missing.
"""

import re
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]

_IMPORT_ALL = """
import importlib, pkgutil, sys
from importlib import resources
import smearwatch
from smearwatch.daemon.source_plugins import known_sources
assert {known.name for known in known_sources()} >= {"camera", "folder", "replay", "slide"}, known_sources()
names = ["smearwatch", *(m.name for m in pkgutil.walk_packages(smearwatch.__path__, "smearwatch."))]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
weights = resources.files("smearwatch.models") / "weights"
files = sorted(entry.name for entry in weights.iterdir())
assert any(name.endswith(".safetensors") for name in files), files
assert "site-packages" in list(smearwatch.__path__)[0], smearwatch.__path__
rooms = {name.split(".")[1] for name in names if "." in name}
assert rooms == {"daemon", "capture", "models", "train", "clients"}, rooms
print(f"{len(names)} modules imported, weights: {' '.join(files)}")
"""


def _run(*command: str | Path, **options: object) -> str:
    done = subprocess.run([str(part) for part in command], check=False, capture_output=True, text=True, **options)  # type: ignore[call-overload]
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
        sys.exit(f"packaging: {' '.join(map(str, command))} failed")
    return str(done.stdout)


def _constraints(folder: Path) -> Path:
    """Return locked versions without their hashes, so that the wheel's own dependencies decide what is installed."""
    lines = re.findall(r"^([A-Za-z0-9._-]+==.*?)\s*\\?$", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    path = folder / "constraints.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


def main() -> None:
    """Build, install, import, run."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder / "dist", ROOT)
        (sdist,), (wheel,) = (folder / "dist").glob("*.tar.gz"), (folder / "dist").glob("*.whl")
        with tarfile.open(sdist) as archive:
            in_sdist = len(archive.getnames())
        with zipfile.ZipFile(wheel) as archive:
            stray = [entry for entry in archive.namelist() if not entry.startswith(("smearwatch/", "smearwatch-"))]
            in_wheel = len(archive.namelist())
        if stray:
            sys.exit(f"packaging: the wheel would install outside smearwatch: {stray[:5]}")
        print(f"sdist {in_sdist} entries, wheel {in_wheel} entries, {wheel.stat().st_size / 1e6:.1f} MB")
        empty = folder / "empty"
        venv.create(empty, with_pip=True)
        python = empty / "bin" / "python"
        _run(python, "-m", "pip", "install", "--quiet", "-c", _constraints(folder), wheel)
        if subprocess.run([python, "-c", "import cv2"], check=False, capture_output=True).returncode:
            headless = ROOT / "requirements-headless.txt"
            _run(python, "-m", "pip", "install", "--quiet", "--require-hashes", "--no-deps", "-r", headless)
        print(_run(python, "-I", "-c", _IMPORT_ALL, cwd=folder).strip())
        shown = _run(empty / "bin" / "smearwatch", "--help", cwd=folder)
        if "Research Use Only" not in shown:
            sys.exit("packaging: smearwatch --help does not say what it is for")
    print("packaging: sound")


if __name__ == "__main__":
    main()
