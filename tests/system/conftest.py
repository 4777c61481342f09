"""What system tests share: one Chromium a module, real, or the reason why there is none."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.paged import chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser
