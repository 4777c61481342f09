"""Where the settings name a hub on another computer, whoever wants to name or sign cells is told where that goes."""

import asyncio
import threading

import pytest
from typer.testing import CliRunner

from smearwatch.clients.commands import review, sessions, tally
from smearwatch.clients.record_here import RecordElsewhere, how_from_elsewhere
from smearwatch.clients.terminal.app import WatchApp
from smearwatch.daemon.config import Settings
from smearwatch.daemon.record.sessions import SessionMissing
from tests.terminal import until

pytestmark = pytest.mark.integration

HUB = "tcp://lab.example:5760"


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("SMEARWATCH_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("SMEARWATCH_RUNTIME_DIR", str(tmp_path / "run"))
    return tmp_path


COMMANDS = {
    "review": (review.app, ["monday"]),
    "review, none named": (review.app, []),
    "sign": (sessions.app, ["sign", "monday", "--by", "A"]),
    "amend": (sessions.app, ["amend", "monday", "--by", "A", "--reason", "b"]),
    "label": (sessions.app, ["label", "monday", "--from", "table.csv", "--by", "A"]),
    "describe": (sessions.app, ["describe", "monday", "--specimen", "S", "--by", "A"]),
    "tally": (tally.app, ["--session", "monday", "--by", "A"]),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_what_would_name_or_sign_says_where_that_goes(place, monkeypatch, name):
    app, arguments = COMMANDS[name]
    (place / "table.csv").write_text("frame,cell,label\n")
    monkeypatch.chdir(place)
    missing = CliRunner().invoke(app, arguments).exception
    assert not isinstance(missing, RecordElsewhere), "no other computer is named"
    monkeypatch.setenv("SMEARWATCH_HUB", HUB)
    refused = CliRunner().invoke(app, arguments).exception
    assert isinstance(refused, RecordElsewhere)
    assert HUB in str(refused)
    for word in ("https://lab.example:8443/", "smearwatch review --follow --listen", "docs/review-access.md"):
        assert word in refused.hint


def test_the_option_that_one_would_try_first_is_answered(place):
    refused = CliRunner().invoke(review.app, ["--hub", HUB]).exception
    assert isinstance(refused, RecordElsewhere)
    assert "https://lab.example:8443/" in refused.hint
    assert isinstance(CliRunner().invoke(review.app, ["monday", "--hub", str(place)]).exception, SessionMissing)


@pytest.mark.parametrize("key", ["n", "g"])
def test_the_terminals_keys_say_it_too(key):
    over = threading.Event()

    def bring(_show, _stopped):
        over.wait(60.0)

    app = WatchApp(
        bring,
        waiting="",
        record_at=how_from_elsewhere(Settings(hub=HUB)),
    )

    async def use():
        async with app.run_test(size=(160, 40)) as pilot:
            await pilot.press(key)
            await until(pilot, lambda: "review page of lab.example" in str(app._remark))
            over.set()

    asyncio.run(use())
