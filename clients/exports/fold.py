"""How a session's result is made of what was folded from its ledger: nothing is counted here a second time."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from types import MappingProxyType
from typing import Any

from smearwatch.clients.exports.result import (
    Amendment,
    Corrected,
    Frames,
    LeftOut,
    OtherCount,
    Overruled,
    Printout,
    Reader,
    Review,
    Row,
    RowKind,
    Scale,
    ScaleContradicted,
    SessionResult,
    Share,
    Signature,
    Weights,
)
from smearwatch.clients.session_fold import SessionFold
from smearwatch.clients.wording import drift_text
from smearwatch.daemon.corrected_text import adjusted
from smearwatch.daemon.notices import RESEARCH_USE
from smearwatch.daemon.record.beside_json import beside_json
from smearwatch.daemon.record.classes import CLASSES, in_their_order, is_for_each_100, is_leukocyte
from smearwatch.daemon.record.corrected import corrected_json
from smearwatch.daemon.record.earlier import followed_in, follows
from smearwatch.daemon.record.elsewhere import pictures_in, sessions_with
from smearwatch.daemon.record.extra_classes import ExtraClass
from smearwatch.daemon.record.intervals import percent_json
from smearwatch.daemon.record.lock import holder
from smearwatch.daemon.record.persons import distinct_persons, person_key
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.tally_json import tally_json
from smearwatch.daemon.sign_text import sign_lines
from smearwatch.daemon.weights import name_of_weights


def read_result(ledger: LedgerReader, state_dir: Path | None = None) -> SessionResult:
    """Fold a session's result from its ledger, as it is at this moment.

    Parameters
    ----------
    ledger
        The session; read it under `LedgerReader.at_one_moment` where cells are read beside it.
    state_dir
        Where the names of promoted weights are looked up; None for nowhere.
    """
    fold = SessionFold.of(ledger)
    tally = tally_json(fold.tally, ledger.folder.name, fold.number)
    corrected = corrected_json(fold.draws)
    summary, said, after = ledger.summary(), ledger.description(), followed_in(ledger)
    reviewed = tally["reviewed"]
    left_out = (
        LeftOut("rejected", tally["rejected"]),
        LeftOut("at_edge", tally["at_edge"]),
        LeftOut("seen_again", tally["seen_again"]),
        LeftOut("pending", tally["cells_pending"]),
    )
    return SessionResult(
        session=ledger.folder.name,
        title=tally["title"],
        specimen=tally["specimen"],
        operator=tally["operator"],
        note=tally["note"],
        described_by=None if said is None else said.by,
        follows=follows(ledger),
        followed_by=None if after is None else after.next_session,
        event=fold.number,
        chain=fold.chain,
        began_at=moment_or_none(summary.began_at_ns),
        last_at=moment_or_none(summary.last_at_ns),
        running=ledger.is_open and holder(ledger.folder) is not None,
        complete=tally["complete"],
        version=version("smearwatch"),
        counted_by=tuple(fold.versions),
        weights=tuple(Weights(each, name_of_weights(state_dir, each)) for each in ledger.weights()),
        band_rule=None if fold.opened is None else fold.opened.band_rule,
        field_um=None if fold.opened is None else fold.opened.field_um,
        scales=tuple(_scales(fold.scales)),
        rows=tuple(_rows(tally, corrected, fold.extra_classes)),
        cells=tally["cells"],
        reviewed_cells=None if reviewed is None else reviewed["cells"],
        found=tally["cells_found"],
        left_out=left_out,
        judged_again=tally["judged_again"],
        flagged=tally["flagged"],
        unfamiliar=tally["unfamiliar"],
        frames=Frames(
            **tally["frames"], unplaced=tally["frames_unplaced"], reasons=_fixed(tally["rejected_by_reason"])
        ),
        review=None if reviewed is None else _review(reviewed),
        corrected=None
        if corrected is None
        else Corrected(corrected["drawn"], corrected["labelled"], corrected["left"], corrected["needed"]),
        mark=tally["mark"] if reviewed is None else reviewed["mark"],
        counted_mark=tally["mark"],
        scale_contradicted=None if (scale := tally["scale_contradicted"]) is None else _contradicted(scale),
        pictures_elsewhere=_fixed(
            {} if state_dir is None else sessions_with(state_dir, ledger.folder.name, pictures_in(ledger))
        ),
        drift=drift_text(tally),
        drifted=tally["drifted"]["cells"],
        watched=tally["drifted"]["watched"],
        targets=tuple(fold.tally.result_targets),
        extra_classes=fold.extra_classes,
        readers=tuple(_readers(fold)),
        status="signed" if tally["signed"] else "amended" if tally["amendments"] else "preliminary",
        signature=None if tally["signed"] is None else _signature(tally["signed"]),
        amendments=tuple(
            Amendment(each["by"], moment(each["amended_at_ns"]), each["reason"]) for each in tally["amendments"]
        ),
        standing=tuple(line.strip() for line in sign_lines(tally)),
        tallies=tuple(_tally(each) for each in beside_json(fold.beside)["tallies"]),
        analysers=tuple(_printout(each) for each in beside_json(fold.beside)["analysers"]),
        research_use=RESEARCH_USE,
    )


def moment(at_ns: int) -> datetime:
    """Return a moment of the ledger in local time, with its offset from UTC."""
    return datetime.fromtimestamp(at_ns // 1000 / 1e6, UTC).astimezone()


def moment_or_none(at_ns: int | None) -> datetime | None:
    """Return a moment as `moment` does, None where there is none."""
    return None if at_ns is None else moment(at_ns)


def _rows(tally: Mapping[str, Any], corrected: Mapping[str, Any] | None, extra: Sequence[ExtraClass]) -> Iterator[Row]:
    reviewed = tally["reviewed"]
    adjusted_shares = adjusted({"corrected": corrected})
    shares = {} if adjusted_shares is None else adjusted_shares["percent"]

    def row(name: str, label: str, kind: RowKind, reviewed_count: int | None = None) -> Row:
        counted = tally["neutrophils"] if name == "neutrophils" else tally["counts"].get(name)
        return Row(
            name=name,
            label=label,
            kind=kind,
            counted=counted,
            counted_share=None if counted is None else _share(tally["percent"][name]),
            reviewed=reviewed_count,
            reviewed_share=None
            if reviewed is None or kind == "per_100"
            else _share(percent_json(reviewed_count or 0, reviewed["cells"])),
            corrected=_share(shares[name]) if name in shares else None,
            per_100=reviewed["others_per_100"].get(label, 0.0 if reviewed["cells"] else None)
            if reviewed is not None and kind == "per_100"
            else None,
        )

    def of(counts: str, label: str) -> int | None:
        return None if reviewed is None else reviewed[counts].get(label, 0)

    for name in CLASSES:
        yield row(name, name, "class", of("counts", name))
    yield row("neutrophils", "neutrophils", "sum", None if reviewed is None else reviewed["neutrophils"])
    if reviewed is not None and reviewed["neutrophils_undivided"]:
        yield row("neutrophils_undivided", "neutrophil", "undivided", reviewed["neutrophils_undivided"])
    named = () if reviewed is None else (*reviewed["counts"], *reviewed["others"])
    labels = in_their_order({*(each.label for each in extra), *named} - {*CLASSES})
    for label in (each for each in labels if is_leukocyte(each)):
        yield row(label.rpartition(":")[2], label, "extra", of("counts", label))
    for label in (each for each in labels if is_for_each_100(each)):
        yield row(label.rpartition(":")[2], label, "per_100", of("others", label))


def _share(percent: Mapping[str, Any]) -> Share:
    return Share(percent["value"], percent["low"], percent["high"])


def _review(reviewed: Mapping[str, Any]) -> Review:
    names = ("labelled", "changed", "flagged", "rejected")
    return Review(**{name: reviewed[name] for name in names}, set_aside=_fixed(reviewed["set_aside"]))


def _contradicted(scale: Mapping[str, Any]) -> ScaleContradicted:
    return ScaleContradicted(scale["red_cells_um_per_px"], scale["says"], scale["mend"])


def _scales(found: Sequence[tuple[str, float]]) -> Iterator[Scale]:
    by_source: defaultdict[str, list[float]] = defaultdict(list)
    for source, um_per_px in found:
        by_source[source].append(um_per_px)
    for source, values in sorted(by_source.items(), key=lambda item: -len(item[1])):
        yield Scale(source, median(values), min(values), max(values), len(values))


def _readers(fold: SessionFold) -> Iterator[Reader]:
    cells = fold.readings.cells
    first = [label.by for cell in cells if (label := cell.settled or cell.first) is not None]
    second = [cell.second.by for cell in cells if cell.second is not None]
    yield from (Reader(name, "first", n) for name, n in _cells_of(first))
    yield from (Reader(name, "second", n) for name, n in _cells_of(second))


def _cells_of(names: Sequence[str]) -> Iterator[tuple[str, int]]:
    cells = Counter(person_key(name) for name in names)
    yield from ((name, cells[person_key(name)]) for name in distinct_persons(names))


def _signature(signed: Mapping[str, Any]) -> Signature:
    overruled = tuple(Overruled(each["gate"], each["reason"]) for each in signed["overruled"])
    return Signature(signed["by"], moment(signed["signed_at_ns"]), signed["ordinal"], signed["note"], overruled)


def _tally(kept: Mapping[str, Any]) -> OtherCount:
    return OtherCount(
        by=kept["by"],
        at=moment(kept["tallied_at_ns"]),
        ordinal=kept["ordinal"],
        cells=kept["cells"],
        counts=_fixed(kept["counts"]),
        neutrophils=kept["neutrophils"],
        shares=_fixed({name: _share(each) for name, each in kept["percent"].items()}),
        others=_fixed(kept["others"]),
        set_aside=_fixed(kept["set_aside"]),
    )


def _printout(kept: Mapping[str, Any]) -> Printout:
    percent, counts = kept["percent"], kept["counts"]
    return Printout(
        by=kept["by"],
        at=moment(kept["analysed_at_ns"]),
        ordinal=kept["ordinal"],
        percent=None if percent is None else _fixed(percent),
        counts=None if counts is None else _fixed(counts),
        cells=kept["cells"],
    )


def _fixed(values: Mapping[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType(dict(values))
