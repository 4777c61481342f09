"""Labelled cells that somebody names on a command line: class folders, whole fields with boxes, recorded sessions."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from smearwatch.train.data.boxed_fields import read_boxed_fields
from smearwatch.train.data.class_tree import read_class_tree
from smearwatch.train.data.samples import DataUnusable, Sample
from smearwatch.train.data.scale_check import check_boxes_scale, check_tree_scale
from smearwatch.train.data.sessions import read_labelled_sessions

Kind = Literal["cells", "boxes", "session"]
ReportLine = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class DatasetSpec:
    """Where the cells lie; each may be missing.

    Attributes
    ----------
    data, um_per_px
        Folder of class folders, and its scale.
    fields, fields_um_per_px
        Folder with `frames/` and `boxes/`, and its scale.
    sessions
        Folders of recorded and labelled sessions.
    force_scale
        Believe the scales whatever the cells measure.
    """

    data: Path | None = None
    um_per_px: float | None = None
    fields: Path | None = None
    fields_um_per_px: float | None = None
    sessions: tuple[Path, ...] = ()
    force_scale: bool = False

    @property
    def nothing(self) -> bool:
        """Return whether no cells were named at all."""
        return not self.folders

    @property
    def folders(self) -> tuple[Path, ...]:
        """Return everything that was named."""
        named = (self.data, self.fields, *self.sessions)
        return tuple(path for path in named if path is not None)


@dataclass(frozen=True, slots=True)
class Source:
    """All labelled cells of one folder or session.

    Attributes
    ----------
    name
        As a report calls it; no two are called alike.
    um_per_px
        As it was given; None for a session, whose frames have their own.
    """

    name: str
    kind: Kind
    root: Path
    um_per_px: float | None
    samples: list[Sample]


def read_sources(spec: DatasetSpec, report_line: ReportLine) -> list[Source]:
    """Read everything that was named, in the order of `DatasetSpec`; a session that was named twice, once.

    Parameters
    ----------
    report_line
        Gets one line where frames of a session are damaged.

    Raises
    ------
    DataUnusable, LedgerUnusable
        A source cannot be used, holds no labelled cell, or its scale does not fit its cells.
    """
    found: list[Source] = []
    if spec.data is not None and spec.um_per_px is not None:
        found.append(_class_folders(spec.data, spec.um_per_px, spec.force_scale))
    if spec.fields is not None and spec.fields_um_per_px is not None:
        found.append(_boxed_fields(spec.fields, spec.fields_um_per_px, spec.force_scale))
    for folder, samples in read_labelled_sessions(spec.sessions, report_line=report_line):
        found.append(Source(f"session {folder.name}", "session", folder, None, samples))
    names = [source.name for source in found]
    twice = next((source for index, source in enumerate(found) if source.name in names[:index]), None)
    if twice is not None:
        raise DataUnusable(twice.root, f"another folder is called {twice.name} too", "rename one of them")
    for source in found:
        if not source.samples:
            raise DataUnusable(source.root, "no labelled cell in it", "name a folder that holds some")
    return found


def _class_folders(root: Path, um_per_px: float, force: bool) -> Source:
    try:
        samples = read_class_tree(root, um_per_px)
        check_tree_scale(root, um_per_px, force=force)
    except OSError as error:
        raise _unreadable(root, error) from error
    return Source(root.resolve().name, "cells", root, um_per_px, samples)


def _boxed_fields(root: Path, um_per_px: float, force: bool) -> Source:
    name = root.resolve().name
    try:
        samples = read_boxed_fields(root, um_per_px, source=name)
        check_boxes_scale(root, um_per_px, force=force)
    except OSError as error:
        raise _unreadable(root, error) from error
    return Source(name, "boxes", root, um_per_px, samples)


def _unreadable(root: Path, error: OSError) -> DataUnusable:
    return DataUnusable(Path(error.filename or root), (error.strerror or str(error)).lower(), "check the file's rights")
