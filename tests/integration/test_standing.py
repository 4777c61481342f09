"""A session that has ended is shown from what its hub kept: the same numbers, held against the ledger, fewer events."""

import hashlib
import json
import random

import pytest
from typer.testing import CliRunner

from smearwatch.clients.commands import sessions
from smearwatch.clients.recorded import recorded_view
from smearwatch.daemon.folds import FOLDS_FILE, Folds
from smearwatch.daemon.record.events import Closed, Found, FoundCell, Labelled, Nucleus
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.sessions import session_folder
from tests.unit.clients_script import counted, frame_id, opened, rejected, seen

pytestmark = pytest.mark.integration
SESSION = "tuesday"


@pytest.fixture
def state_dir(tmp_path, monkeypatch):
    """A session of some 150 events, and what its hub kept after 100 of them."""
    monkeypatch.setenv("SMEARWATCH_STATE_DIR", str(tmp_path))
    drawn = random.Random(7)
    with Ledger.open(session_folder(tmp_path, SESSION)) as ledger:
        ledger.append([opened(session=SESSION)])
        for n in range(30):
            ledger.append([seen(n)])
            if n % 9 == 5:
                ledger.append([rejected(n)])
                continue
            shape = Nucleus(4.0, drawn.choice((0.0, 1.0, 3.0)), 16.0, 2)
            cells = tuple(FoundCell(i, (0, 0, 5, 5), (2.0, 2.0), 90.0, i == 3, 0.9, nucleus=shape) for i in range(4))
            ledger.append([Found(frame_id(n), 640, 480 + n % 2, 0.1, "configured", 0.1 + n / 1000, 0.7, cells)])
            for i in range(3):
                cls = drawn.choice(("band", "segmented", "lymphocyte"))
                ledger.append([counted(n, i, cls, drawn.choice(("confirmed", "flagged", "rejected")))])
        ledger.append([Closed(ledger.epoch, True, {}, {})])
        folds = Folds(ledger)
        folds.take(ledger.events(limit=100))
        folds.keep(ledger, 1)
    return tmp_path


def shown():
    ran = CliRunner().invoke(sessions.app, ["show", SESSION, "--json"], catch_exceptions=False)
    return {key: value for key, value in json.loads(ran.stdout).items() if key != "size_bytes"}, ran.stderr


def lines():
    first, *others = CliRunner().invoke(sessions.app, ["show", SESSION], catch_exceptions=False).stdout.splitlines()
    assert first.startswith(SESSION)  # and says how large the folder is
    return others


def without_kept(state_dir, ask):
    (session_folder(state_dir, SESSION) / FOLDS_FILE).unlink()
    return ask()


def events_asked(monkeypatch):
    asked, events = [], LedgerReader.events

    def noted(self, after=0, limit=None):
        asked.append((after, limit))
        return events(self, after, limit)

    monkeypatch.setattr(LedgerReader, "events", noted)
    return asked


def test_show_says_the_same_and_does_not_read_all_events(state_dir, monkeypatch):
    with monkeypatch.context() as patch:
        asked = events_asked(patch)
        got, text = shown()[0], lines()
    assert (100, None) in asked
    assert (0, None) not in asked
    assert got["balanced"] is got["complete"] is True
    assert got["band_rule_agreement"]["neutrophils"] == got["neutrophils"] > 0
    assert without_kept(state_dir, lambda: (shown()[0], lines())) == (got, text)


def test_the_terminal_shows_the_same_and_does_not_read_all_events(state_dir, monkeypatch):
    with monkeypatch.context() as patch:
        asked = events_asked(patch)
        got = recorded_view(state_dir, SESSION, recent=12)
    assert (0, None) not in asked
    assert len(got.recent) == 12
    every = without_kept(state_dir, lambda: recorded_view(state_dir, SESSION, recent=12))
    assert (every.tally, every.recent, every.event, every.ended) == (got.tally, got.recent, got.event, got.ended)


def test_labels_after_the_end_are_in_it(state_dir):
    with Ledger.open(session_folder(state_dir, SESSION)) as ledger:
        ledger.append([Labelled(frame_id(0), 0, "monocyte", "A. Reader", 1, 5, drawn=True)])
    got, _ = shown()
    assert got["reviewed"]["labelled"] == 1
    assert without_kept(state_dir, shown)[0] == got


def one_more(kept):
    kept["tally"]["counts"]["lymphocyte"] += 1


def one_more_with_its_verdict(kept):
    one_more(kept)
    kept["tally"]["verdicts"]["confirmed"] += 1
    kept["tally"]["cells_found"] += 1


def another_neutrophil(kept):
    kept["bands"]["said"][0][2] += 1


def rows_of_another(kept):
    kept["rows"]["cells"]["lymphocyte"]["flagged"] += 1


@pytest.mark.parametrize("change", [one_more_with_its_verdict, another_neutrophil, rows_of_another])
def test_what_the_ledger_does_not_bear_out_is_not_shown(state_dir, change):
    path = session_folder(state_dir, SESSION) / FOLDS_FILE
    kept = json.loads(path.read_bytes().partition(b"\n")[2])
    change(kept)
    body = json.dumps(kept, separators=(",", ":")).encode()
    path.write_bytes(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
    got, said = shown()
    assert "what was kept of the counts of session tuesday is wrong" in said
    path.unlink()
    assert shown() == (got, "")
