"""The order of the tests where several processes share the cores: what waits runs beside what computes."""

from collections.abc import Callable, Sequence
from typing import TypeVar

Test = TypeVar("Test")

# Unit tests compute, the others mostly wait: for processes that start, for a browser, for silence. Those that wait are
# spread over this share of the run. The rest is short modules, so that all processes end at about the same time.
WAITING_ENDS_AT = 0.8
COMPUTE = "unit"


def waiting_beside_computing(tests: Sequence[Test], parts_of: Callable[[Test], tuple[str, ...]]) -> list[Test]:
    """Return the tests, each module's together and in its order, the modules of each folder spread evenly.

    Parameters
    ----------
    tests
        All of them, as they were collected.
    parts_of
        Gives the path of a test's module below ``tests``, its parts: folder first, file last.
    """
    modules: dict[tuple[str, ...], list[Test]] = {}
    for test in tests:
        modules.setdefault(parts_of(test), []).append(test)
    folders: dict[str, list[tuple[str, ...]]] = {}
    for module in modules:
        folders.setdefault(module[0], []).append(module)
    place = {
        module: at / len(members) * (1.0 if folder == COMPUTE else WAITING_ENDS_AT)
        for folder, members in folders.items()
        for at, module in enumerate(members)
    }
    return [test for module in sorted(modules, key=lambda each: place[each]) for test in modules[module]]
