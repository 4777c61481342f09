"""Folders of single-cell pictures, one folder a class, as PBC is laid out."""

import csv
import hashlib
import io
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from smearwatch.daemon.regular_file import read_text
from smearwatch.models.classes import CLASSES, NEUTROPHILS
from smearwatch.train.data.near_duplicates import near_duplicate_groups
from smearwatch.train.data.samples import REJECT, DataUnusable, Sample, Target, cell_crop, either, exact, read_file

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff"})

# Folder name to this project's label; "neutrophil" joins band and segmented.
LABELS: dict[str, str] = {
    **{str(name): str(name) for name in CLASSES},
    "band_neutrophil": "band",
    "segmented_neutrophil": "segmented",
    "neutrophil": "neutrophil",
}
REJECTED = frozenset({"erythroblast", "immature_granulocyte", "platelet", "artefact"})

# Where two groups of annotators differ about band or segmented, the first one's label is only probably right.
_DISPUTED_CERTAINTY = 0.7


def read_class_tree(root: Path, um_per_px: float, *, source: str | None = None) -> list[Sample]:
    """List the cells of a class tree, sorted by class folder and file name.

    Folders of unknown names are left alone. A `manifest.csv` with the columns `path` and `band_label_agreed`
    says which band and segmented labels a second group agreed with; its column `group` names what belongs together, a
    day or a slide: cells that share it stand on one side of every split, as near-duplicates do.

    Parameters
    ----------
    root
        Folder that holds the class folders.
    um_per_px
        Scale of all its pictures.
    source
        Name of the data set in reports; the folder's own by default.

    Raises
    ------
    DataUnusable
        Where the folder is missing, holds no class folder, one of them is empty, or one content has two classes.
    """
    if not root.is_dir():
        raise DataUnusable(root, "there is no such folder", "name a folder that holds one folder for each class")
    folders = [folder for folder in sorted(root.iterdir()) if folder.is_dir() and folder.name in {*LABELS, *REJECTED}]
    if not folders:
        raise DataUnusable(root, "no class folders in it", f"name them {', '.join(CLASSES)}")
    name = source or root.name
    rows = _manifest_rows(root / "manifest.csv")
    agreed = {key: row["band_label_agreed"] == "1" for key, row in rows.items() if row.get("band_label_agreed")}
    found: list[tuple[Path, str]] = []
    for folder in folders:
        pictures = sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES)
        if not pictures:
            raise DataUnusable(folder, "no pictures in it", "fill this class folder or take it away")
        found += [(path, hashlib.sha256(read_file(path)).hexdigest()) for path in pictures]
    _refuse_two_classes(found)
    together = [rows.get(f"{path.parent.name}/{path.name}", {}).get("group", "") for path, _ in found]
    groups = _join(near_duplicate_groups([path for path, _ in found]), together)
    return [
        _sample(name, path, digest, f"{name}/{group}", um_per_px, agreed.get(f"{path.parent.name}/{path.name}"))
        for (path, digest), group in zip(found, groups, strict=True)
    ]


def _sample(source: str, path: Path, digest: str, group: str, um_per_px: float, agreed: bool | None) -> Sample:
    folder = path.parent.name
    label = LABELS.get(folder, folder)
    return Sample(
        sample_id=f"{source}/{folder}/{path.name}",
        source=source,
        label=label,
        target=_target(label, agreed),
        group=group,
        agreed=agreed,
        draw=partial(cell_crop, path, um_per_px),
        digest=digest,
    )


def _target(label: str, agreed: bool | None) -> Target:
    if label in REJECTED:
        return REJECT
    if label == "neutrophil":
        return either(NEUTROPHILS)
    index = [*CLASSES].index(label)  # type: ignore[arg-type]
    if agreed is False and index in NEUTROPHILS:
        return exact(index, _DISPUTED_CERTAINTY, other=1 - index)
    return exact(index)


def _manifest_rows(path: Path) -> dict[str, dict[str, str]]:
    """Read the manifest's rows by folder and file name; empty where there is no such table."""
    if not path.is_file():
        return {}
    lines = io.StringIO(read_text(path), newline="")
    return {"/".join(Path(row["path"]).parts[-2:]): row for row in csv.DictReader(lines) if row.get("path")}


def _join(clusters: Sequence[str], together: Sequence[str]) -> list[str]:
    """Join near-duplicate clusters and named groups that share a cell; a cell without a named group has "" there.

    A joined group is called by the first of its names, a cluster that meets no named group by its own.
    """
    called = [*dict.fromkeys(clusters)]
    named = sorted({*together} - {""})
    number = {name: index for index, name in enumerate(called)}
    named_number = {name: len(called) + index for index, name in enumerate(named)}
    links = [(number[one], named_number[two]) for one, two in zip(clusters, together, strict=True) if two]
    ones, twos = (np.array([link[side] for link in links], dtype=np.int64) for side in (0, 1))
    graph = coo_array((np.ones(len(links)), (ones, twos)), shape=(len(called) + len(named),) * 2)
    _, parts = connected_components(graph, directed=False)
    first = {int(parts[named_number[name]]): name for name in reversed(named)}
    return [first.get(int(parts[number[cluster]]), cluster) for cluster in clusters]


def _refuse_two_classes(found: list[tuple[Path, str]]) -> None:
    first: dict[str, Path] = {}
    for path, digest in found:
        other = first.setdefault(digest, path)
        if other.parent != path.parent:
            where = f"{other.parent.name}/{other.name}"
            raise DataUnusable(path, f"the same picture as {where}, in two classes", "delete the wrong one")
