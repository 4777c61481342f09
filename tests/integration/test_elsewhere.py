"""Pictures that another session has, too: known by their bytes, said on the screens, in `show` and in the summary."""

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from smearwatch.clients.commands import sessions
from smearwatch.clients.elsewhere import Elsewhere
from smearwatch.clients.plain import table
from smearwatch.clients.recorded import recorded_view
from smearwatch.daemon.elsewhere_text import elsewhere_text
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.record.elsewhere import pictures_elsewhere
from smearwatch.daemon.record.events import Opened, Seen
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.running import summary
from smearwatch.daemon.summary_lines import summary_lines
from tests.reviewed import record
from tests.terminal import drive, folder_of, settings_of, text_of, until

pytestmark = pytest.mark.integration

SAID = "3 of these pictures are also in session copied: the same slide may be counted twice"


@pytest.fixture
def settings(tmp_path, monkeypatch):
    settings = settings_of(tmp_path, closed=True)
    monkeypatch.setenv("SMEARWATCH_STATE_DIR", str(settings.state_dir))
    monkeypatch.setenv("SMEARWATCH_RUNTIME_DIR", str(settings.runtime_dir))
    return settings


def flat(lines):
    return " ".join(" ".join(lines).split())


def test_a_copied_and_renamed_folder_is_said_everywhere(settings):
    assert pictures_elsewhere(settings.state_dir, "monday") == {}
    record(folder_of(settings, "copied"), 72, name="renamed-{}.jpg")
    record(folder_of(settings, "other"), 90, a_frame=30)
    done = CliRunner().invoke(sessions.app, ["show", "monday"])
    assert f"warning: {SAID}" in flat(done.stdout.splitlines())
    assert json.loads(CliRunner().invoke(sessions.app, ["show", "monday", "--json"]).stdout)["pictures_elsewhere"] == {
        "copied": 3
    }
    assert SAID in flat(table(recorded_view(settings.state_dir, "monday")))
    counted = summary(RunPlan(settings=settings, session="monday", source="folder"))
    assert f"warning: {SAID}" in flat(summary_lines(counted))

    async def look(app, pilot):
        await until(pilot, lambda: f"▲ {SAID}"[:60] in text_of(app))

    drive(settings, look, size=(80, 24))


def test_a_replay_is_of_the_same_pictures_and_that_is_no_news(settings):
    with Ledger.open(folder_of(settings, "again")) as ledger:
        of = {"source": "replay", "replay_of": "monday"}
        ledger.append([Opened(ledger.epoch, 1, "test", "again", 100, 33.0, "filament", of)])
        with Ledger.read(folder_of(settings)) as monday:
            ledger.append([each.event for each in monday.events() if isinstance(each.event, Seen)])
    assert pictures_elsewhere(settings.state_dir, "monday") == {}
    assert pictures_elsewhere(settings.state_dir, "again") == {}


def test_an_imported_copy_is_of_the_same_pictures_and_that_is_no_news(settings, tmp_path):
    file = tmp_path / "monday.smearwatch"
    for typed in (
        ["export", "monday", "--format", "archive", "--out", str(file)],
        ["import", str(file), "--as", "copy"],
    ):
        done = CliRunner().invoke(sessions.app, typed)
        assert done.exit_code == 0, done.output
    assert pictures_elsewhere(settings.state_dir, "monday") == {}
    assert pictures_elsewhere(settings.state_dir, "copy") == {}


def test_the_report_says_so_too(settings, tmp_path):
    record(folder_of(settings, "copied"), 72, name="renamed-{}.jpg")
    out = tmp_path / "monday.html"
    done = CliRunner().invoke(sessions.app, ["export", "monday", "--format", "report", "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert SAID in " ".join(out.read_text().split())


def test_new_pictures_are_looked_up_as_they_come_and_each_once(settings):
    now_s = 100.0
    elsewhere = Elsewhere(settings.state_dir, clock=lambda: now_s)
    record(folder_of(settings, "copied"), 24)
    assert elsewhere.of("copied", 1) == {"monday": 1}
    with Ledger.open(folder_of(settings, "copied")) as ledger, Ledger.read(folder_of(settings)) as monday:
        seen = [each.event for each in monday.events() if isinstance(each.event, Seen)]
        ledger.append(seen[1:])
    assert elsewhere.of("copied", 3) == {"monday": 1}, "not for each picture at once"
    now_s += 10
    assert elsewhere.of("copied", 2) == {"monday": 3}, "the record may be ahead of what is shown"
    now_s += 10
    assert elsewhere.of("copied", 3) == {"monday": 3}
    view = recorded_view(settings.state_dir, "copied")
    assert elsewhere.add(replace(view, session="nothing")).tally == view.tally


def test_one_picture_and_many_sessions_in_words():
    assert elsewhere_text({}) is None
    assert elsewhere_text({"a": 1}) == "1 of these pictures is also in session a: the same slide may be counted twice"
    many = elsewhere_text({"a": 9, "b": 8, "c": 7, "d": 1, "e": 1})
    assert many is not None
    assert many.startswith("9 of these pictures are also in session a, 8 in b, 7 in c, and some in 2 more: ")
