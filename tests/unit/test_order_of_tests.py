"""Which test runs when: all of them once, a module's together, what waits beside what computes."""

from itertools import groupby

from tests.beside import COMPUTE, WAITING_ENDS_AT, waiting_beside_computing


def collected(**modules: int) -> list[tuple[str, str, int]]:
    """Three tests in each of so many modules of each folder, as pytest collects them."""
    return [
        (kind, f"test_{at:03}.py", each) for kind, count in modules.items() for at in range(count) for each in range(3)
    ]


def ordered(tests: list[tuple[str, str, int]]) -> list[tuple[str, str, int]]:
    return waiting_beside_computing(tests, lambda test: test[:2])


def test_every_test_runs_once_and_those_of_a_module_together_in_their_order():
    tests = collected(boot=1, integration=20, system=10, unit=40)
    after = ordered(tests)
    assert sorted(after) == sorted(tests)
    together = [(module, [test[2] for test in some]) for module, some in groupby(after, lambda test: test[:2])]
    assert [numbers for _, numbers in together] == [[0, 1, 2]] * 71


def test_every_part_of_the_run_has_its_share_of_each_kind_and_only_computing_at_the_end():
    after = [kind for kind, _, _ in ordered(collected(integration=20, system=10, unit=40))]
    until = after.index(COMPUTE, len(after) - 1 - after[::-1].index("integration"))
    for kind, modules in (("integration", 20), ("system", 10)):
        half = after[: until // 2].count(kind) / 3
        assert abs(half - modules / 2) <= 1, "no half has more than the other"
    assert set(after[until:]) == {COMPUTE}
    assert abs(len(after[until:]) / 3 - (1 - WAITING_ENDS_AT) * 40) <= 2


def test_one_folder_alone_keeps_its_order():
    tests = collected(system=5)
    assert ordered(tests) == tests
    assert ordered([]) == []
