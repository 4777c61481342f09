"""What system tests share: one Chromium a module, or the reason why there is none; a command without a process."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.in_process import run_here
from tests.paged import chromium
from tests.shared import draw_fields, made_once

Here = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="session")
def fields(shared_folder: Path) -> Path:
    """Return a folder with twelve fields of the simulated slide, in order by name; to be copied from."""
    return made_once(shared_folder, "fields", lambda folder: draw_fields(folder, 12, seed=3))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def here() -> Here:
    """Return what runs a command in this process; it gives the status and what was said on both outputs."""

    def run(*arguments: object) -> tuple[int, str, str]:
        done = run_here(*arguments)
        return done.returncode, done.stdout, done.stderr

    return run
