"""The review page, asked in any way: each answer is one line or a page, none is a fault of the program."""

import asyncio
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings

from smearwatch.daemon.config import load_settings
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.sessions import session_folder
from smearwatch.daemon.record.verifying import verify
from tests.fuzz.pages import Pages, requests
from tests.reviewed import close, record

pytestmark = pytest.mark.integration


def test_any_request_is_answered(tmp_path):
    ours = load_settings()
    folder = session_folder(ours.state_dir, "monday")
    record(folder, 8)
    close(folder)
    pages, statuses, routes = Pages(ours, folder), Counter[int](), Counter[str]()
    with LedgerReader.read(folder) as ledger:
        ((frame,),) = ledger.rows("SELECT frame FROM frames")
    with asyncio.Runner() as runner:

        @settings(
            max_examples=250, deadline=None, derandomize=True, database=None, suppress_health_check=[*HealthCheck]
        )
        @given(requests(pages, frame))
        def ask(asked):
            status, headers, text = runner.run(asyncio.wait_for(pages.ask(asked), 30))
            statuses[status] += 1
            routes[asked.path] += 1
            assert status < 500, (asked, text)
            assert b"Traceback" not in text
            assert headers["x-content-type-options"] == "nosniff"
            if status >= 400 and asked.method != "HEAD":
                assert text.count(b"\n") == 0, (asked, text)

        ask()
    pages.pages.close()
    assert {200, 400, 404, 405} <= statuses.keys(), statuses
    with LedgerReader.read(folder) as ledger:
        assert list(verify(ledger)) == []
