"""A session of an archive judged under two weights, somewhere, and its answers as JSON."""

import os
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NoReturn

from smearwatch.daemon.hinted import Hinted
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.views import CellKey
from smearwatch.daemon.tasks.unpacked import unpacked
from smearwatch.models.engine import Engine
from smearwatch.train.changes.answers import Answer, CellAnswers, SessionAnswers, judge_session
from smearwatch.train.data.samples import Sample
from smearwatch.train.data.sessions import target_of

ARCHIVED_TASK: Final = f"{__name__}:judge_archived"
"""`judge_archived` by import string."""


class OtherWeightsThere(Hinted):
    """On the computer that does a task the weights are others."""


def judge_archived(order: dict[str, Any]) -> dict[str, Any]:
    """Judge a session of an archive under two weights.

    Parameters
    ----------
    order
        ``path`` of the session, ``device``, ``old`` and ``new`` (folders), ``old_weights`` and ``new_weights`` (what
        is to be in them).

    Returns
    -------
    dict
        ``signed``, ``notes`` for a person, and where the session is signed ``answers`` for `answers_from`.
    """
    before, after = (_engine(Path(order[side]), order["device"], order[f"{side}_weights"]) for side in ("old", "new"))
    with unpacked(Path(order["path"])) as folder:
        with LedgerReader.read(folder) as ledger:
            if ledger.signature() is None:
                return {"signed": False, "notes": []}
        notes: list[str] = []
        answers = judge_session(folder, before, after, lambda *_: None, notes.append)
        return {"signed": True, "notes": notes, "answers": _to_json(answers)}


def answers_from(content: dict[str, Any], name: str) -> SessionAnswers:
    """Read what `judge_archived` gave as ``answers``, for a session that is called by its place in the archive."""
    return SessionAnswers(
        name,
        content["signed"],
        {_key(each): _cell(*answers) for *each, answers in content["cells"]},
        {_key(each): label for *each, label in content["labels"]},
        {_key(each): _sample(*sample) for *each, sample in content["samples"]},
        content["known_by"],
    )


@lru_cache(maxsize=2)
def _engine(folder: Path, device: str, weights_id: str) -> Engine:
    engine = Engine.load(folder, device=device)
    if engine.weights_id != weights_id:
        raise OtherWeightsThere(
            f"{os.uname().nodename}: other weights in {folder}", "have the same there on every computer"
        )
    return engine


def _to_json(answers: SessionAnswers) -> dict[str, Any]:
    def row(answer: Answer) -> list[Any]:
        return [answer.cls, answer.verdict, answer.unfamiliar]

    return {
        "signed": answers.signed,
        "cells": [
            [*key, [row(cell.recorded), cell.recorded_by, row(cell.before), row(cell.after)]]
            for key, cell in answers.cells.items()
        ],
        "labels": [[*key, label] for key, label in answers.labels.items()],
        "samples": [
            [*key, [each.sample_id, each.source, each.label, each.group, each.digest]]
            for key, each in answers.samples.items()
        ],
        "known_by": answers.known_by,
    }


def _key(parts: list[Any]) -> CellKey:
    frame, index = parts
    return str(frame), int(index)


@lru_cache(maxsize=256)
def _same(cls: str, verdict: str, unfamiliar: bool) -> Answer:
    return Answer(cls, verdict, unfamiliar)


def _answer(row: list[Any]) -> Answer:
    cls, verdict, unfamiliar = row
    return _same(cls, verdict, unfamiliar)


def _cell(recorded: list[Any], by: str, before: list[Any], after: list[Any]) -> CellAnswers:
    return CellAnswers(_answer(recorded), by, _answer(before), _answer(after))


def _sample(sample_id: str, source: str, label: str, group: str, digest: str) -> Sample:
    return Sample(sample_id, source, label, target_of(label), group, None, _not_here, digest)


def _not_here() -> NoReturn:
    raise AssertionError("the frames of an archived session are not here")
