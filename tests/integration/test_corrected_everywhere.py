"""The corrected result in `run`, `watch` and `sessions show`: the same numbers in the same words."""

import json

import pytest
from typer.testing import CliRunner

from smearwatch.clients.commands import sessions, watch
from smearwatch.clients.corrections import Corrections
from smearwatch.clients.recorded import recorded_view
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.record.sessions import delete_session
from smearwatch.daemon.running import summary
from smearwatch.daemon.summary_lines import summary_lines
from tests.reviewed import record
from tests.terminal import folder_of, name_drawn, settings_of

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(tmp_path, monkeypatch):
    settings = settings_of(tmp_path, closed=True)
    monkeypatch.setenv("SMEARWATCH_STATE_DIR", str(settings.state_dir))
    monkeypatch.setenv("SMEARWATCH_RUNTIME_DIR", str(settings.runtime_dir))
    return settings


def said(command, *arguments):
    done = CliRunner().invoke(command.app, [*arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


def summary_of(settings):
    return summary(RunPlan(settings=settings, session="monday", source="folder"))


def flat(text):
    return " ".join(text.split())


def test_the_same_numbers_in_the_same_words(settings):
    name_drawn(folder_of(settings), 24)
    wanted = json.loads(said(sessions, "show", "monday", "--json"))["corrected"]
    (line,) = said(watch, "monday", "--json").splitlines()
    assert json.loads(line)["corrected"] == wanted
    assert summary_of(settings)["corrected"] == wanted

    shown = flat(said(sessions, "show", "monday"))
    words = shown[shown.index("adjusted: limits hold") : shown.index(" For Research Use Only")]
    assert "as 24 cells drawn at random show them" in words
    assert "to know to ±5 points" in words
    assert words in flat(said(watch, "monday"))
    assert words in flat("\n".join(summary_lines(summary_of(settings))))

    shown = flat(said(sessions, "show", "monday", "--within", "3", "--class", "monocyte"))
    advice = shown[shown.index("to know to ±3 points") : shown.index(" For Research Use Only")]
    assert advice in flat(said(watch, "monday", "--once", "--within", "3", "--class", "monocyte"))
    assert CliRunner().invoke(watch.app, ["monday", "--class", "monocytes"]).exit_code == 2


def test_without_a_random_review_nothing_is_said_of_it(settings):
    assert json.loads(said(watch, "monday", "--json"))["corrected"] is None
    assert summary_of(settings)["corrected"] is None
    assert "random" not in said(watch, "monday")
    assert "random" not in "\n".join(summary_lines(summary_of(settings)))


def test_it_is_computed_once_a_second_and_anew_for_another_session(settings):
    now_s = 100.0
    corrections = Corrections(settings.state_dir, clock=lambda: now_s)

    def drawn(*, at_once=False):
        view = corrections.add(recorded_view(settings.state_dir, "monday"), at_once=at_once)
        assert view.tally is not None
        return None if view.tally["corrected"] is None else view.tally["corrected"]["drawn"]

    assert drawn() is None
    name_drawn(folder_of(settings), 10)
    assert drawn() == 10
    name_drawn(folder_of(settings), 1)
    assert (drawn(), corrections.behind) == (10, True)
    now_s += 1
    assert (drawn(), corrections.behind) == (11, False)
    name_drawn(folder_of(settings), 1)
    assert drawn(at_once=True) == 12

    delete_session(settings.state_dir, "monday")
    record(folder_of(settings), 48)
    name_drawn(folder_of(settings), 3)
    now_s += 1
    assert drawn() == 3
