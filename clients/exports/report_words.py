"""What a report says in sentences, for those who read it without the screen: nothing is left to be guessed."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Final

from smearwatch.clients.exports.result import Row, SessionResult, Share
from smearwatch.daemon.elsewhere_text import elsewhere_text
from smearwatch.daemon.record.band_rules import in_words
from smearwatch.daemon.record.mark import SCALE_WORDS
from smearwatch.daemon.record.scale_check import source_text
from smearwatch.daemon.share_text import DASH, MARK, label_text, percent_text, target_text

_WHY_LEFT: Final = {
    "rejected": "rejected by the machine: no leukocyte of its classes, or it could not be judged",
    "at_edge": "cut by the edge of a frame",
    "seen_again": "seen again in a later frame, counted once",
    "pending": "not judged yet",
}


def when(at: datetime | None) -> str:
    """Return a moment with its offset from UTC."""
    return DASH if at is None else f"{at:%Y-%m-%d %H:%M:%S %z}"


def several(number: int, what: str) -> str:
    """Return a number of things."""
    return f"{number} {what if number == 1 else f'{what}s'}"


def share_text(share: Share | None, *, marked: bool = False) -> str:
    """Return a share in percent, or a dash."""
    return percent_text({"value": None if share is None else share.value}, marked=marked)


def limits_text(share: Share | None) -> str:
    """Return 95 % limits; of what is unknown a dash."""
    return DASH if share is None or share.value is None else f"{share.low:.1f}{DASH}{share.high:.1f}"


def row_text(row: Row) -> str:
    """Return what a row is called."""
    return "neutrophils, together" if row.kind == "sum" else label_text(row.label)


def ident_pairs(result: SessionResult) -> Iterator[tuple[str, str]]:
    """Yield what is said of a session: of which specimen, by whom, when."""
    yield "Specimen or order", result.specimen or "not given"
    if result.title:
        yield "Title", result.title
    yield "Session", result.session
    yield "Operator", result.operator or "not given"
    yield "Begun", when(result.began_at)
    yield "Last entry", when(result.last_at)
    readers = [f"{each.name} ({each.reading} reading, {several(each.cells, 'cell')})" for each in result.readers]
    yield "Readers", ", ".join(readers) or "nobody has labelled a cell"
    if result.note:
        yield "Note", result.note
    if result.follows or result.followed_by:
        beside = (("after session", result.follows), ("before session", result.followed_by))
        yield "On the same slide holder", ", ".join(f"{where} {name}" for where, name in beside if name)


def result_text(result: SessionResult) -> str:
    """Return of how many leukocytes the differential is, and who has seen them."""
    counted = several(result.cells, "leukocyte")
    if result.review is None:
        return f"{counted} as counted by the machine. Nobody has labelled a cell."
    review, cells = result.review, result.denominator
    waiting = [f"{n} {what}" for what, n in (("flagged", review.flagged), ("rejected", review.rejected)) if n]
    labelled = several(review.labelled, "cell")
    text = (
        f"{several(cells, 'leukocyte')} as reviewed: {labelled} labelled by a person, {review.changed} of them "
        f"renamed; the machine's name stands for the others. {counted} as counted by the machine alone."
    )
    return f"{text} Not labelled: {', '.join(waiting)}." if waiting else text


def limits_words(result: SessionResult) -> str:
    """Return what the limits hold, and what they do not."""
    exact = "95 % limits are exact (Clopper-Pearson) and hold sampling alone"
    if result.corrected is None:
        return f"{exact}: how often the machine errs is not in them, for nobody has made a random review."
    drawn = several(result.corrected.drawn, "cell")
    if not result.corrected.left:
        return f"{exact}. A person has named every cell."
    if result.corrected.few:
        few = f"too few cells are reviewed at random yet ({result.corrected.drawn} of {result.corrected.needed})"
        return f"{exact}: how often the machine errs is not in them, for {few}."
    return (
        f"{exact}. The adjusted shares hold the machine's errors too, as {drawn} drawn at random show them; a "
        "signature is under the result as reviewed, not under these."
    )


def left_out_rows(result: SessionResult) -> Iterator[tuple[int, str]]:
    """Yield how many cells were found and are not in the result that stands, and why."""
    for left in result.left_out:
        if left.cells:
            yield left.cells, _WHY_LEFT[left.why]
    if result.review is not None:
        for label, cells in result.review.set_aside.items():
            yield cells, f"set aside by a person: {label_text(label)}"


def frame_words(result: SessionResult) -> str:
    """Return what became of the frames."""
    frames = result.frames
    why = ", ".join(f"{n} {reason.replace('_', ' ')}" for reason, n in frames.reasons.items())
    rejected = f"{frames.rejected} rejected{f' ({why})' if why else ''}"
    return f"{frames.seen} seen = {frames.counted} counted + {rejected} + {frames.pending} pending"


def scale_words(result: SessionResult) -> Iterator[str]:
    """Yield each scale and where it came from."""
    for scale in result.scales:
        spread = f" ({scale.low:.4f}{DASH}{scale.high:.4f})" if scale.low != scale.high else ""
        frames = several(scale.frames, "frame")
        micro = "\N{MICRO SIGN}m"
        yield f"{scale.um_per_px:.4f} {micro} per pixel{spread}, {source_text(scale.source)}; {frames}"
    if result.scale_contradicted is not None:
        yield f"contradicted: {result.scale_contradicted.says}"


def elsewhere_words(result: SessionResult) -> str | None:
    """Return which other sessions have the same pictures, None where none has."""
    text = elsewhere_text(result.pictures_elsewhere)
    return None if text is None else as_sentence(text)


def familiar_words(result: SessionResult) -> Iterator[str]:
    """Yield how far the cells look like those that the weights were trained on."""
    if not result.watched:
        yield "Not known: these weights do not say how the cells looked that they were trained on."
        return
    if result.drift:
        yield (
            f"The drift alarm was on at the last cell, {result.drift}. Pictures look unlike those the weights were "
            "trained on, so names may be wrong: check stain, white balance and focus."
        )
    if result.drifted:
        yield f"{several(result.drifted, 'cell')} named while the drift alarm was on."
    if result.unfamiliar:
        yield (
            f"{result.unfamiliar} of {several(result.cells, 'counted cell')} unlike any that the weights were trained "
            "on; the machine's name for such a cell is a guess."
        )
    if not (result.drift or result.drifted or result.unfamiliar):
        yield (
            "No drift alarm and no unfamiliar cell. That says that the pictures are of a known kind, and not that the "
            "names are right."
        )


def target_words(result: SessionResult) -> str | None:
    """Return how far the targets are reached."""
    reached = bool(result.targets) and all(each.reached for each in result.targets)
    targets = [asdict(each) for each in result.targets]
    text = target_text({"targets": targets, "target_reached": reached}, alone=True)
    return None if text is None else as_sentence(text)


def as_sentence(text: str) -> str:
    """Return a text with a capital letter and a full stop."""
    return f"{text[:1].upper()}{text[1:]}."


def mark_words(result: SessionResult) -> str | None:
    """Return why percentages carry a mark, and what to do."""
    if result.mark is None:
        return None
    words = f"{MARK} {result.mark}."
    if result.mark != SCALE_WORDS:
        words += f" Do not rely on a percentage with a {MARK} before a person has named its cells."
    if (scale := result.scale_contradicted) is not None:
        mend = f": {scale.mend}" if result.signature is None else ""
        words += f" {as_sentence(f'scale {scale.says}{mend}')}"
    return words


def rule_words(result: SessionResult) -> str:
    """Return the band rule as the session's record says it."""
    return "not recorded" if result.band_rule is None else in_words(result.band_rule).removeprefix("band rule: ")
