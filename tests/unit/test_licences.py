"""What is locked may be used; and what asks for vulnerabilities never takes silence for an answer."""

from importlib.metadata import distribution
from importlib.util import find_spec
from typing import Any

import pytest

from tests.audit import LOCKS, told
from tests.licences import ALLOWED, NAMED, ROOT, flaws, locked


def test_every_locked_package_may_be_used():
    assert [*flaws()] == []


def test_every_lock_is_asked_about():
    assert {*ROOT.glob("requirements*.txt")} == {*LOCKS}


@pytest.mark.long
@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: .venv-cluster, of make test-long")
def test_what_a_cluster_needs_may_be_used():
    lock = ROOT / "requirements-cluster.txt"
    assert all(distribution(name) for name in locked(lock)), "only what is installed is looked at"
    assert [*flaws(lock)] == []


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
