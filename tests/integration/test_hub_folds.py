"""What the hub keeps beside its ledger: a hub that goes on from it knows what one knows that reads all events."""

import hashlib
import json
import os
import random
from typing import Any

import numpy as np
import pytest

from smearwatch.daemon.folds import FOLDS_FILE, Folds, NotKept
from smearwatch.daemon.record.events import CellStain, Counted, Found, FoundCell, Labelled, Replaced
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.placement import CellName
from smearwatch.daemon.record.recount import as_recounted, recount
from smearwatch.daemon.record.values import digest_of
from tests.unit.clients_script import counted, frame_id, opened, rejected, seen

pytestmark = pytest.mark.integration
WEIGHTS = "ab" * 32


def what(folds):
    """All that a hub knows, spelt out."""
    parts = (folds.tally, folds.bands, folds.stains, folds.statistics, folds.order)
    return json.dumps([*(each.snapshot() for each in parts), [*folds.recent.items()]], default=str)


def events_and_moments():
    """A session of each kind of event: cells at the edge, better views, labels, rejected frames, some that wait."""
    drawn = random.Random(4)
    kept: dict[tuple[str, int], bytes] = {}
    yield opened(), kept
    for n in range(24):
        yield seen(n), kept
        if n % 7 == 3:
            yield rejected(n), kept
            continue
        stain = CellStain((0.1 * (n % 9 + 1), 0.5, 0.4), (0.2, 0.3, 0.4), 7.0 + n / 100)
        better = n == 11
        first = CellName(frame_id(8), 0)
        cells = tuple(
            FoundCell(i, (0, 0, 5, 5), (2.0, 2.0), 90.0, i == 3, 0.9, stain=stain) for i in range(1 if better else 4)
        )
        if better:
            cells = (FoundCell(0, (0, 0, 5, 5), (2.0, 2.0), 90.0, False, 0.9, first, first, stain),)
        yield Found(frame_id(n), 640, 480, 0.1, "configured", 0.1 + n / 1000, 0.7, cells), kept
        if n % 5 == 4:
            continue  # it waits
        for cell in cells:
            if not cell.is_judged:
                continue
            half = np.concatenate([[drawn.random() for _ in range(4)]]).astype("<f2").tobytes()
            kept[frame_id(n), cell.index] = half
            event = counted(n, cell.index, drawn.choice(("band", "lymphocyte")), "flagged" if n % 3 else "confirmed")
            shown = {name: getattr(event, name) for name in ("frame", "index", "cls", "verdict", "probabilities")}
            before = Replaced(first.frame, 0, *LAST[first.frame, 0]) if better else None
            LAST[event.frame, event.index] = (event.cls, event.verdict)
            yield Counted(**shown, verifiers=event.verifiers, reject_score=0.1, weights=WEIGHTS, instead_of=before,
                          moments=digest_of(half)), kept  # fmt: skip
    yield Labelled(frame_id(0), 0, "monocyte", "A. Reader", 1, 5), kept


LAST: dict[tuple[str, int], Any] = {}


@pytest.fixture
def ledger(tmp_path):
    with Ledger.open(tmp_path / "s") as ledger:
        for event, moments in events_and_moments():
            new = {key: half for key, half in moments.items() if isinstance(event, Counted) and key[0] == event.frame}
            ledger.append([event], {}, new)
        yield ledger


def folded(ledger, until=None):
    folds = Folds(ledger)
    for recorded in ledger.events(limit=until):
        folds.apply(recorded)
    return folds


def test_whatever_event_it_was_kept_after_the_hub_goes_on_as_one_that_reads_all(ledger):
    whole = what(folded(ledger))
    for number in range(1, ledger.last_number + 1, 3):
        folded(ledger, number).keep(ledger, 1)
        assert what(Folds.of(ledger)) == whole


def test_what_was_kept_is_read_and_spares_the_events_before_it(ledger, monkeypatch):
    folded(ledger, 60).keep(ledger, 1)
    asked, events = [], Ledger.events

    def noted(self, after=0, limit=None):
        asked.append((after, limit))
        return events(self, after, limit)

    monkeypatch.setattr(Ledger, "events", noted)
    Folds.of(ledger)
    assert (60, None) in asked
    assert (0, None) not in asked


def test_the_ledgers_own_rows_give_the_same_numbers_as_the_tally(ledger):
    tally = folded(ledger).tally
    assert recount(ledger) == as_recounted(tally)
    assert (tally.judged_again, tally.rejected_by_reason) == (1, {"out_of_focus": 3})
    assert min(tally.frames["pending"], tally.at_edge) > 0


def rewritten(ledger, change):
    """Change what was kept, and make its digest fit, as nothing but a fault of the program would."""
    path = ledger.folder / FOLDS_FILE
    kept = json.loads(path.read_bytes().partition(b"\n")[2])
    change(kept)
    body = json.dumps(kept, separators=(",", ":")).encode()
    path.write_bytes(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)


def one_more(kept):
    kept["tally"]["counts"]["band"] += 1
    kept["tally"]["counts"]["lymphocyte"] -= 1


def another_verdict(kept):
    kept["tally"]["verdicts"]["flagged"] -= 1
    kept["tally"]["verdicts"]["confirmed"] += 1


def waits_for_another(kept):
    """Let a frame wait for a cell that is counted already, and not for the one that is counted next."""
    for frame, waiting in kept["tally"]["pending"].items():
        if waiting:
            kept["tally"]["pending"][frame] = [waiting[0] + 7, *waiting[1:]]


def test_kept_counts_that_what_follows_does_not_fit_are_made_anew(ledger):
    whole = what(folded(ledger))
    for number in range(40, 60):
        folded(ledger, number).keep(ledger, 1)
        rewritten(ledger, waits_for_another)
        assert what(Folds.of(ledger)) == whole


@pytest.mark.parametrize("change", [one_more, another_verdict])
def test_a_kept_count_that_is_wrong_is_noticed_and_made_anew(ledger, change, capsys):
    whole = what(folded(ledger))
    folded(ledger, 60).keep(ledger, 1)
    rewritten(ledger, change)
    assert what(Folds.of(ledger)) == whole
    assert "is wrong, and is made anew" in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    "change",
    [
        lambda kept: kept.update(code="0" * 64),
        lambda kept: kept.update(chain="0" * 64),
        lambda kept: kept.update(number=10**6),
        lambda kept: kept.update(recent=[1]),
        lambda kept: kept["tally"].update(frames_seen=2),
        lambda kept: kept.update(unknown=1),
        lambda kept: kept.pop("stains"),
    ],
)
def test_what_was_kept_by_other_code_of_another_ledger_or_in_another_form_is_not_used(ledger, change):
    whole = what(folded(ledger))
    folded(ledger, 60).keep(ledger, 1)
    rewritten(ledger, change)
    with pytest.raises(NotKept):
        Folds.kept(ledger)
    assert what(Folds.of(ledger)) == whole


@pytest.mark.parametrize("change", [lambda path: path.chmod(0o664), lambda path: os.chown(path, 12345, -1)])
def test_what_another_account_could_have_written_is_not_used(ledger, change):
    """Whoever labels may write into the session's folder, and has no part in how the next cells are judged."""
    whole = what(folded(ledger))
    folded(ledger, 60).keep(ledger, 1)
    assert Folds.kept(ledger).number
    try:
        change(ledger.folder / FOLDS_FILE)
    except PermissionError:
        pytest.skip("only root can give a file away")
    with pytest.raises(NotKept):
        Folds.kept(ledger)
    assert what(Folds.of(ledger)) == whole
    (ledger.folder / FOLDS_FILE).unlink()
    before = os.umask(0o002)
    try:
        folded(ledger, 60).keep(ledger, 1)
        assert Folds.kept(ledger).number
        (ledger.folder / FOLDS_FILE).chmod(0o664)
        folded(ledger, 60).keep(ledger, 1)
        assert Folds.kept(ledger).number, "it is written with rights of its own"
    finally:
        os.umask(before)


def test_a_link_to_what_another_session_kept_is_not_followed(ledger, tmp_path):
    folded(ledger, 60).keep(ledger, 1)
    path = ledger.folder / FOLDS_FILE
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NotKept):
        Folds.kept(ledger)


def test_an_impossible_event_among_the_last_is_not_used(ledger):
    whole = what(folded(ledger))
    folded(ledger, 60).keep(ledger, 1)
    rewritten(ledger, lambda kept: kept["recent"].append(2**61))
    with pytest.raises(NotKept):
        Folds.kept(ledger)
    assert what(Folds.of(ledger)) == whole


def test_a_damaged_file_is_not_used(ledger):
    whole = what(folded(ledger))
    folded(ledger, 60).keep(ledger, 1)
    path = ledger.folder / FOLDS_FILE
    data = path.read_bytes()
    for damaged in (b"", data[:-1], data[:70], bytes(reversed(data)), data.replace(b'"flagged":', b'"flagged":1', 1)):
        path.write_bytes(damaged)
        with pytest.raises(NotKept):
            Folds.kept(ledger)
    assert what(Folds.of(ledger)) == whole


def test_a_folder_that_takes_no_file_ends_no_count(ledger):
    (ledger.folder / FOLDS_FILE).mkdir()
    folds = folded(ledger)
    folds.keep(ledger, 1)
    assert what(Folds.of(ledger)) == what(folds)


def test_it_is_kept_now_and_then(ledger):
    folds = folded(ledger)
    folds.keep(ledger)
    assert not (ledger.folder / FOLDS_FILE).exists()
    folds.keep(ledger, ledger.last_number)
    assert (ledger.folder / FOLDS_FILE).exists()


@pytest.mark.parametrize("what", ["pipe", "huge", "folder", "link to nothing"])
def test_what_cannot_be_it_is_not_read(ledger, what):
    whole, path = what_of(ledger), ledger.folder / FOLDS_FILE
    path.unlink(missing_ok=True)
    if what == "pipe":
        os.mkfifo(path)
    elif what == "huge":
        with path.open("wb") as file:
            file.truncate(8 * 2**40)
    elif what == "folder":
        path.mkdir()
    else:
        path.symlink_to("away")
    assert what_of(ledger, Folds.of(ledger)) == whole


def what_of(ledger, folds=None):
    return what(folds or folded(ledger))
