"""The hub's bench as fixtures: a hub of one's own, and one with everybody there."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.hub_bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Yield a hub that is turned by hand."""
    bench = Bench(tmp_path)
    yield bench
    bench.close()


@pytest.fixture
def staffed(bench):
    """Return it with a source, a finder with two credits, a worker with two."""
    return bench, bench.peer("source", "s"), bench.peer("finder", "f", 2), bench.peer("worker", "w", 2)
