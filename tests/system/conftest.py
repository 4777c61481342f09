"""What system tests share: one Chromium a module, or the reason why there is none; a command without a process."""

import sys
from collections.abc import Callable, Iterator

import pytest
import structlog
from playwright.sync_api import Browser

from smearwatch.daemon.cli import main
from tests.paged import chromium

Here = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Here]:
    """Yield what runs a command in this process; starting one of its own costs as much as ten refusals."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["smearwatch", *map(str, arguments)])
        status = main()
        said = capfd.readouterr()
        return status, said.out, said.err

    yield run
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
