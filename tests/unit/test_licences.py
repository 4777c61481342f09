"""What is locked may be used; and what asks for vulnerabilities never takes silence for an answer."""

from typing import Any

import pytest

from tests.audit import told
from tests.licences import ALLOWED, NAMED, flaws, locked


def test_every_locked_package_may_be_used():
    assert [*flaws()] == []


@pytest.mark.parametrize(
    "licence", ["GPL-3.0-only", "AGPL-3.0", "LGPLv3+", "GNU General Public License v2 (GPLv2)", "SSPL"]
)
def test_what_may_not_be_used_is_none_that_is_allowed(licence):
    assert ALLOWED.fullmatch(licence) is None


def test_what_is_named_apart_is_locked_still():
    assert set(NAMED) <= set(locked())


def test_a_package_that_nobody_knows_was_not_asked_about():
    flaw = {"id": "PYSEC-2026-1", "fix_versions": ["2.0"]}
    answers: list[dict[str, Any]] = [
        {"name": "Good_one", "version": "1", "vulns": []},
        {"name": "bad", "version": "1.0", "vulns": [flaw]},
        {"name": "unknown", "skip_reason": "Dependency not found on PyPI"},
    ]
    lines, unasked = told(answers, ["good-one", "bad", "unknown", "missing"])
    assert lines == ["bad 1.0: PYSEC-2026-1 (2.0)"]
    assert unasked == {"missing": "", "unknown": "Dependency not found on PyPI"}
