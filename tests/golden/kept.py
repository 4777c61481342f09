"""What was recorded of each subject, and how what is made now differs from it."""

import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from smearwatch.capture.arrays import Image
from tests.golden.made import FOLDER, Golden

# Processors round differently in the last place: what may differ without being another output.
_PIXELS_APART, _LEVELS_APART = 1e-3, 1
_SHARE_APART, _FIGURE_APART = 1e-3, 0.02
_BINARY = {0, 128, 255}


def recorded_version(golden: Golden, folder: Path = FOLDER) -> int | None:
    """Return the version under which a subject was recorded last, None where it never was."""
    path = folder / golden.name / "kept.json"
    return int(json.loads(path.read_text())["version"]) if path.is_file() else None


def record(golden: Golden, folder: Path = FOLDER) -> None:
    """Write a subject's pictures and figures."""
    place = folder / golden.name
    place.mkdir(parents=True, exist_ok=True)
    for path in place.glob("*.png"):
        path.unlink()
    for name, picture in golden.pictures():
        assert cv2.imwrite(str(place / f"{name}.png"), picture)
    figures = ",\n".join(f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in golden.figures())
    (place / "kept.json").write_text(f'{{"version": {golden.version}, "figures": {{\n{figures}\n}}}}\n')


def differences(golden: Golden, folder: Path = FOLDER) -> list[str]:
    """Return what differs from what was recorded, a line each; empty where nothing does."""
    return list(_lines(golden, folder))


def is_another(golden: Golden, folder: Path = FOLDER) -> bool:
    """Return whether anything differs from what was recorded; no more is made than it takes to see that."""
    return any(_lines(golden, folder))


def _lines(golden: Golden, folder: Path) -> Iterator[str]:
    place = folder / golden.name
    figures = json.loads((place / "kept.json").read_text())["figures"]
    alone = {path.stem for path in place.glob("*.png")}
    for name, picture in golden.pictures():
        if name in alone:
            alone.remove(name)
            yield from _pictures_apart(name, picture, _read(place / f"{name}.png"))
        else:
            yield f"{name}: made, and not recorded"
    yield from (f"{name}: recorded, and not made" for name in sorted(alone))
    for name, figure in golden.figures():
        if name in figures:
            yield from _figures_apart(name, json.loads(json.dumps(figure)), figures.pop(name))
        else:
            yield f"{name}: made, and not recorded"
    yield from (f"{name}: recorded, and not made" for name in figures)


def _read(path: Path) -> Image:
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), dtype=np.uint8)


def _pictures_apart(name: str, one: Image, other: Image) -> list[str]:
    if one.shape != other.shape:
        return [f"{name}: {one.shape} for {other.shape}"]
    apart = np.abs(one.astype(int) - other.astype(int))
    is_mask = set(np.unique(other)) <= _BINARY
    share = float((apart > (0 if is_mask else _LEVELS_APART)).mean())
    few = share <= _PIXELS_APART and (is_mask or float(apart.mean()) <= _FIGURE_APART)
    return [] if few else [f"{name}: {share:.4f} of its values differ, by {apart.mean():.3f} in the mean"]


def _figures_apart(where: str, one: object, other: object) -> list[str]:
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        return [line for key in one for line in _figures_apart(f"{where} {key}", one[key], other[key])]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [line for index, (a, b) in pairs for line in _figures_apart(f"{where} {index}", a, b)]
    if isinstance(one, int | float) and isinstance(other, int | float):
        may = max(1.0 if isinstance(one, int) else _FIGURE_APART, _SHARE_APART * max(abs(one), abs(other)))
        if "um_per_px" in where or "estimate" in where or "focus" in where:
            may = _SHARE_APART * max(abs(one), abs(other))
        return [] if abs(one - other) <= may else [f"{where.strip()}: {one} for {other}"]
    return [] if one == other else [f"{where.strip()}: {one} for {other}"]
