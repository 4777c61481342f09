"""Signing, amending and their refusals on a real ledger: what is signed stays as it is, and every signature is kept."""

import dataclasses
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smearwatch.clients.describing import list_described
from smearwatch.clients.session_lines import list_lines
from smearwatch.daemon.config import Settings
from smearwatch.daemon.hub.role import main as hub_main
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.process.role import Role
from smearwatch.daemon.record.chain import link
from smearwatch.daemon.record.events import (
    CLASSES,
    Amended,
    Closed,
    Described,
    Event,
    Labelled,
    Opened,
    Rejected,
    Seen,
    Signed,
    Tallied,
    event_to_bytes,
)
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.lock import SessionLock
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.schema import LedgerUnusable
from smearwatch.daemon.record.seal import SessionSigned
from smearwatch.daemon.record.signature import Overruled, OverruledName, SignedResult
from smearwatch.daemon.record.signing import GatesOpen, NotSigned, ResultChanged, amend, sign, standing
from smearwatch.daemon.record.tally import TallyBroken, TallyFold
from smearwatch.daemon.record.tally_json import tally_json
from smearwatch.daemon.record.targets import Targets
from smearwatch.daemon.record.verifying import verify
from smearwatch.daemon.record.writing import LedgerRefused, key_of
from tests.reviewed import close, record

pytestmark = pytest.mark.integration

WHY: dict[OverruledName, str] = {"flagged": "seen at the microscope", "rejected": "debris", "target": "a child's smear"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Record 72 cells, of which 12 are flagged and 12 rejected; the target is 100."""
    where = tmp_path / "sessions" / "monday"
    record(where, 72)
    close(where)
    return where


def events(folder: Path) -> list[Event]:
    with LedgerReader.read(folder) as ledger:
        assert list(verify(ledger)) == []
        return [each.event for each in ledger.events()]


def tally(folder: Path) -> dict[str, Any]:
    fold = TallyFold()
    for event in events(folder):
        fold.apply(event)
    assert TallyFold.restore(fold.snapshot()).snapshot() == fold.snapshot()
    return tally_json(fold, "monday", 1)


def open_gates(folder: Path) -> dict[str, int]:
    return {gate.name: gate.n for gate in standing(folder).gates if not gate.passed}


def a_frame(folder: Path) -> str:
    return next(event.frame for event in events(folder) if isinstance(event, Seen))


def test_the_gates_say_what_is_left_to_do(folder: Path):
    assert open_gates(folder) == {"flagged": 12, "rejected": 12, "target": 40}
    with pytest.raises(GatesOpen, match=r"monday is not signed: 12 flagged cells have no label; 12 rejected") as caught:
        sign(folder, by="A", overruled={"target": "a child's smear"})
    assert [gate.name for gate in caught.value.gates] == ["flagged", "rejected"]
    assert not any(isinstance(event, Signed) for event in events(folder))


def test_the_gate_of_the_target_knows_every_target_and_the_reviewed_cells(tmp_path: Path):
    folder = tmp_path / "sessions" / "aims"
    record(folder, 72)
    # 10 of each class are leukocytes; a person takes the monocytes of two cells away.
    aims = Targets(classes={"monocyte": 10, "neutrophils": 20}, within={"band": 50.0, "basophil": 5.0})
    with Ledger.open(folder) as ledger:
        ledger.append([Opened(ledger.epoch, 2, "test", "aims", 60, 33.0, "filament", {}, targets=aims)])
    close(folder)
    gate = next(gate for gate in standing(folder).gates if gate.name == "target")
    assert (gate.passed, gate.n) == (False, 0)
    assert gate.says.startswith("basophil \N{PLUS-MINUS SIGN}")
    assert gate.says.endswith("(wanted \N{PLUS-MINUS SIGN}5): the targets are not reached")
    with Ledger.open(folder) as ledger:
        ledger.append([Labelled(a_frame(folder), 4, "smudge", "A", 1, 5)])
    gate = next(gate for gate in standing(folder).gates if gate.name == "target")
    assert gate.n == 1
    assert gate.says.startswith("59 of 60 leukocytes, 9 of 10 monocyte, basophil")
    sign(folder, by="A", overruled={**WHY, "incomplete": "x"})


def test_what_a_signed_session_is_of_stays_until_it_is_amended(folder: Path):
    with Ledger.open(folder) as ledger:
        ledger.append([Described("A", 1, 5, specimen="H26-1")])
    sign(folder, by="A", overruled=WHY)
    other = Described("B", 2, 9, specimen="H26-2")
    with Ledger.open(folder) as ledger, pytest.raises(SessionSigned, match="was signed by A"):
        ledger.append([other])
    amend(folder, by="B", reason="mixed up")
    with Ledger.open(folder) as ledger:
        ledger.append([other])
    assert tally(folder)["specimen"] == "H26-2"


def test_a_signature_keeps_result_weights_and_reasons(folder: Path):
    with Ledger.open(folder) as ledger:
        ledger.append([Labelled(a_frame(folder), 0, "smudge", "A", 1, 5)])
    given = sign(folder, by="A", overruled={**WHY, "drift": "there is no drift, so this is not recorded"}, note="ok")
    assert events(folder)[-1] == given
    assert [each.gate for each in given.overruled] == ["flagged", "rejected", "target"]
    assert (given.result.labelled, given.result.set_aside, given.weights) == (1, {"smudge": 1}, ("w",))
    assert sum(given.result.counts.values()) == 59
    told = tally(folder)["signed"]
    assert (told["by"], told["ordinal"], told["note"], told["weights"]) == ("A", 1, "ok", ["w"])
    assert told["overruled"][0] == {"gate": "flagged", "reason": "seen at the microscope"}


def test_nothing_changes_a_signed_result_until_it_is_amended(folder: Path):
    frame = a_frame(folder)
    sign(folder, by="A. Reader", overruled=WHY)
    changing: list[Event] = [
        Seen("aa" * 32, "new.jpg", 9, 1, None, None, False, "folder"),
        Rejected("aa" * 32, "dark", "", None),
        Labelled(frame, 0, "band", "B", 1, 9),
        Labelled(frame, 0, "band", "B", 1, 9, None, "second"),
    ]
    with Ledger.open(folder) as ledger:
        before = ledger.last_number
        for event in changing:
            with pytest.raises(SessionSigned, match=r"session monday was signed by A\. Reader on \d{4}-") as caught:
                ledger.append([event])
            assert "another session's name" in caught.value.hint
            assert "smearwatch sessions amend monday" in caught.value.hint
        ledger.append(
            [Opened(ledger.epoch, 1, "t", "monday", 100, 33.0, "none", {}), Closed(ledger.epoch, True, {}, {})]
        )
        assert ledger.last_number == before + 2
    with pytest.raises(SessionSigned):
        sign(folder, by="B", overruled=WHY)
    amend(folder, by="B", reason="a basophil was overlooked")
    with Ledger.open(folder) as ledger:
        ledger.append(changing[2:])
    assert tally(folder)["signed"] is None
    assert tally(folder)["amendments"][0]["reason"] == "a basophil was overlooked"
    sign(folder, by="B", overruled=WHY)
    kinds = [event.ordinal for event in events(folder) if isinstance(event, Signed | Amended)]
    assert kinds == [1, 1, 2]
    assert tally(folder)["signed"]["by"] == "B"
    with Ledger.open(folder) as ledger, pytest.raises(SessionSigned):
        ledger.append(changing[:1])


def test_the_list_tells_what_is_signed_and_what_was_amended_since(folder: Path):
    state_dir = folder.parent.parent
    for change, mark, means in (
        (lambda: None, "", None),
        (lambda: sign(folder, by="A", overruled=WHY), "\N{CHECK MARK}", "\N{CHECK MARK} signed by a person"),
        (lambda: amend(folder, by="B", reason="x"), "~", "~ amended since it was signed: to be signed again"),
        (lambda: sign(folder, by="A", overruled=WHY), "\N{CHECK MARK}", "\N{CHECK MARK} signed by a person"),
    ):
        change()
        _, row, *marks = list_lines(list_described(state_dir), folded=False)
        assert row.startswith(f"monday {mark}")
        assert marks == ([] if means is None else [means])


def test_what_is_not_signed_is_not_amended(folder: Path):
    with pytest.raises(NotSigned, match="monday is not signed"):
        amend(folder, by="A", reason="why not")
    sign(folder, by="A", overruled=WHY)
    amend(folder, by="A", reason="why not")
    with pytest.raises(NotSigned):
        amend(folder, by="A", reason="again")


def test_a_result_that_nobody_saw_is_not_signed(folder: Path):
    seen = standing(folder).number
    with Ledger.open(folder) as ledger:
        ledger.append([Labelled(a_frame(folder), 0, "smudge", "B", 1, 5)])
    with pytest.raises(ResultChanged):
        sign(folder, by="A", overruled=WHY, seen=seen)
    sign(folder, by="A", overruled=WHY, seen=standing(folder).number)


def test_a_count_that_goes_on_or_broke_off_or_found_nothing(tmp_path: Path):
    folder = tmp_path / "monday"
    record(folder, 6)  # opened, and never closed
    assert open_gates(folder) == {"target": 94, "incomplete": 0}
    lock = SessionLock(folder)
    assert open_gates(folder) == {"target": 94, "being_counted": 0}
    with pytest.raises(GatesOpen, match="it is being counted right now") as caught:
        sign(folder, by="A", overruled={"target": "few"})
    assert [gate.can_be_overruled for gate in caught.value.gates] == [False]
    lock.release()
    with Ledger.open(folder) as ledger:
        ledger.append([Seen("aa" * 32, "new.jpg", 9, 1, None, None, False, "folder")])
    close(folder)
    assert open_gates(folder) == {"target": 94, "incomplete": 1}
    empty = tmp_path / "empty"
    record(empty, 0)
    close(empty)
    assert open_gates(empty) == {"target": 100, "nothing_counted": 0}
    with pytest.raises(GatesOpen, match="no leukocyte is in the result"):
        sign(empty, by="A", overruled={"target": "few"})


@pytest.mark.parametrize(("target", "stops", "shut"), [(6, True, {}), (6, False, {"incomplete": 1}), (7, True, None)])
def test_what_a_target_left_does_not_wait(target: int, stops: bool, shut: dict[str, int] | None, tmp_path: Path):
    folder = tmp_path / "monday"
    record(folder, 6)
    close(folder)
    with Ledger.open(folder) as ledger:
        opened = next(each.event for each in ledger.events() if isinstance(each.event, Opened))
        said = {**opened.settings, "stop_at_target": True} if stops else opened.settings
        again = dataclasses.replace(opened, epoch=ledger.epoch, target=target, settings=said)
        ledger.append([again, Seen("aa" * 32, "new.jpg", 9, 1, None, None, False, "folder")])
        ledger.append([Closed(ledger.epoch, False, {}, {})])
    assert open_gates(folder) == ({"target": 1, "incomplete": 1} if shut is None else shut)
    fold = standing(folder).fold
    assert TallyFold.restore(fold.snapshot()).ended_at_target == fold.ended_at_target == (shut == {})


def test_the_real_hub_does_not_go_on_with_a_signed_session(folder: Path):
    sign(folder, by="A", overruled=WHY)
    before = events(folder)
    state = folder.parent.parent
    plan = RunPlan(settings=Settings(state_dir=state, runtime_dir=state / "run"), session="monday", source="folder")
    with pytest.raises(SessionSigned, match="signed by A on"):
        hub_main(plan, Role("hub", -1))
    assert events(folder) == before


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda s: {"result": dataclasses.replace(s.result, flagged=s.result.flagged + 1)}, "another result"),
        (lambda s: {"result": dataclasses.replace(s.result, counts={**s.result.counts, "band": 9})}, "another result"),
        (lambda s: {"weights": ("w", "x")}, "other weights"),
    ],
)
def test_a_forged_signature_is_found(folder: Path, change: Callable[[Signed], dict[str, Any]], what: str):
    sign(folder, by="A", overruled=WHY)
    forge(folder, lambda signed: dataclasses.replace(signed, **change(signed)))
    with LedgerReader.read(folder) as ledger:
        faults = [fault.what for fault in verify(ledger)]
    assert len(faults) == 1
    assert what in faults[0]


def test_a_label_that_is_slipped_in_behind_a_signature_is_found_and_not_counted(folder: Path):
    frame = a_frame(folder)
    sign(folder, by="A", overruled=WHY)
    slip_in(folder, Labelled(frame, 0, "monocyte", "B", 1, 9))
    with LedgerReader.read(folder) as ledger:
        assert [fault.what for fault in verify(ledger)] == [
            f"event {ledger.last_number} does not follow: a labelled event in a session that was signed by A"
        ]
        fold = TallyFold()
        with pytest.raises(TallyBroken, match="a labelled event in a session that was signed by A"):
            fold_all(fold, ledger)
    assert fold.reviewed is None


def test_a_tally_that_is_slipped_in_behind_a_signature_is_found(folder: Path):
    sign(folder, by="A", overruled=WHY)
    slip_in(folder, Tallied("B", 1, 2, 1, 100, {"band": 9}))
    with LedgerReader.read(folder) as ledger:
        assert [fault.what for fault in verify(ledger)] == [
            f"event {ledger.last_number} does not follow: a tallied event in a session that was signed by A"
        ]


@pytest.mark.parametrize("statement", ["UPDATE events SET body = '{}'", "UPDATE events SET key = 'signed:7'"])
def test_a_damaged_signature_is_one_line(folder: Path, statement: str):
    sign(folder, by="A", overruled=WHY)
    by_hand = sqlite3.connect(folder / "ledger.sqlite", isolation_level=None)
    by_hand.execute("DROP TRIGGER events_keep_update")
    by_hand.execute(f"{statement} WHERE kind = 'signed'")
    by_hand.close()
    with LedgerReader.read(folder) as ledger, pytest.raises(LedgerUnusable, match="signature 1 is damaged"):
        ledger.signature()
    with LedgerReader.read(folder) as ledger:
        assert list(verify(ledger))
    with Ledger.open(folder) as writer, pytest.raises(LedgerUnusable, match="signature 1 is damaged"):
        writer.append([Seen("aa" * 32, "new.jpg", 9, 1, None, None, False, "folder")])


def fold_all(fold: TallyFold, ledger: LedgerReader) -> None:
    for recorded in ledger.events():
        fold.apply(recorded.event)


def forge(folder: Path, change: Callable[[Signed], Signed]) -> None:
    """Change the last event behind the ledger's back, with a chain that fits."""
    with LedgerReader.read(folder) as ledger:
        (last,) = ledger.events(after=ledger.last_number - 1)
        assert isinstance(last.event, Signed)
    by_hand = sqlite3.connect(folder / "ledger.sqlite", isolation_level=None)
    by_hand.execute("DROP TRIGGER events_keep_delete")
    by_hand.execute("DELETE FROM events WHERE number = ?", (last.number,))
    by_hand.close()
    slip_in(folder, change(last.event))


def slip_in(folder: Path, event: Event) -> None:
    by_hand = sqlite3.connect(folder / "ledger.sqlite", isolation_level=None)
    number, epoch, at_ns, chain = by_hand.execute(
        "SELECT number, epoch, recorded_at_ns, chain FROM events ORDER BY number DESC LIMIT 1"
    ).fetchone()
    body = event_to_bytes(event)
    row = (number + 1, epoch, at_ns, event.kind, key_of(event), body.decode())
    by_hand.execute(
        "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)",
        (*row, link(chain, number + 1, epoch, at_ns, event.kind, body)),
    )
    by_hand.close()


def test_an_earlier_program_refuses_such_a_ledger_and_an_unsigned_one_keeps_its_form(folder: Path, monkeypatch: Any):
    assert form(folder) < 10
    sign(folder, by="A", overruled=WHY)
    assert form(folder) == 11
    monkeypatch.setattr("smearwatch.daemon.record.schema.VERSION", 10)
    with pytest.raises(LedgerUnusable, match="form 11"):
        LedgerReader.read(folder)


def form(folder: Path) -> int:
    by_hand = sqlite3.connect(folder / "ledger.sqlite")
    (now,) = by_hand.execute("PRAGMA user_version").fetchone()
    by_hand.close()
    return int(now)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["label", "second", "sign", "amend", "seen", "open"]),
        st.integers(0, 5),
        st.sampled_from([*CLASSES, "smudge", "withdrawn"]),
    ),
    max_size=14,
)


@pytest.fixture(scope="module")
def six(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("six") / "monday"
    record(folder, 6)
    return folder


@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_whatever_is_tried_the_signed_result_stays(six: Path, steps: list[tuple[str, int, Any]]):
    """Any events in any order: the ledger takes them as the rules say, and what it holds always folds and verifies."""
    with TemporaryDirectory() as above:
        folder = Path(above) / "monday"
        shutil.copytree(six, folder)
        frame, signed, signatures = a_frame(folder), False, 0
        ordinals: dict[tuple[str, int], int] = {}
        with Ledger.open(folder) as ledger:
            fold = TallyFold()
            for recorded in ledger.events():
                fold.apply(recorded.event)
            for step, index, label in steps:
                held = fold.result
                event: Event
                match step:
                    case "label" | "second":
                        ordinal = ordinals.get((step, index), 0) + 1
                        reading = "second" if step == "second" else None
                        event = Labelled(frame, index, label, "x", ordinal, 9, None, reading)  # type: ignore[arg-type]
                        may = not signed
                    case "sign":
                        result = SignedResult(
                            **{f.name: getattr(held, f.name) for f in dataclasses.fields(SignedResult)}
                        )
                        event = Signed("x", 9, signatures + 1, result, ("w",), (Overruled("target", "r"),))
                        may = not signed
                    case "amend":
                        event, may = Amended("y", "r", 9, signatures if signed else signatures + 1), signed
                    case "seen":
                        event = Seen(f"{ledger.last_number:064x}", "n.jpg", 9, 1, None, None, False, "folder")
                        may = not signed
                    case _:
                        event = Opened(ledger.epoch, 1, "t", "monday", 100, 33.0, "none", {})
                        may = True
                if not may:
                    with pytest.raises((SessionSigned, LedgerRefused)):
                        ledger.append([event])
                    assert fold.result == held
                    continue
                for recorded in ledger.append([event]):
                    (read,) = ledger.events(after=recorded.number - 1)
                    fold.apply(read.event)
                if step in ("label", "second"):
                    ordinals[step, index] = ordinal
                if step == "second":
                    assert fold.result == held
                if step == "sign":
                    signed, signatures = True, signatures + 1
                if step == "amend":
                    signed = False
                assert (fold.signed is not None, fold.signatures) == (signed, signatures)
                assert (ledger.signature() is not None) == signed
        with LedgerReader.read(folder) as reader:
            assert list(verify(reader)) == []
