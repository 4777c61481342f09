"""`make torture` in short: every process of a run is killed while frames come; the same frames in another order."""

import random

import pytest

from tests.torture.comparing import Content, compare, flaws
from tests.torture.desk import Desk
from tests.torture.killing import VICTIMS, Killer
from tests.torture.orders import Leukocytes, compare_orders, count_in, true_cells
from tests.torture.sessions import draw

pytestmark = pytest.mark.system
FRAMES, SEED = 42, 8


@pytest.fixture(scope="module")
def still(tmp_path_factory):
    """A slide that was counted undisturbed; its truth lies beside it."""
    desk = Desk(tmp_path_factory.mktemp("still"), idle_s=1.0)
    draw(desk, FRAMES, SEED, truth=desk.folder / "truth.jsonl")
    ended = desk.type(*desk.run_command()[3:])
    assert ended.status == 0, ended.err
    return desk


def test_whatever_is_killed_the_count_is_that_of_an_undisturbed_run(still, tmp_path):
    chance = random.Random(3)
    desk = Desk(tmp_path / "killed")
    killer = Killer(desk, sorted(still.watched.iterdir()), chance)
    deeds = [(victim, "killed") for victim in chance.sample(VICTIMS, len(VICTIMS))]
    ended = killer.kill([*deeds, ("finder", "stopped for a moment")], copies=0, batch_s=0.3)
    assert ended.summary["complete"]
    assert (killer.done.unexpected, killer.done.gave_up) == ([], 0)
    compared = compare(Content.of(desk.session), Content.of(still.session), FRAMES)
    assert flaws(compared) == []
    assert compared["frames_in_other_order"] == 0
    assert compared["cells"] > 10
    assert compared["epochs"] >= 4  # the first, after the hub, after the supervisor, after everything


def test_the_order_of_the_frames_changes_which_view_counts_and_not_which_leukocytes(still, tmp_path):
    given = sorted(still.watched.iterdir())
    truth = true_cells(given, still.folder / "truth.jsonl")
    count_in(desk := Desk(tmp_path / "backwards", idle_s=1.0), given[::-1])
    compared = compare_orders(Leukocytes.of(still.session, truth), Leukocytes.of(desk.session, truth))
    assert compared["leukocytes"] > 10
    assert compared["judged_by_another_view"] > 0
    for same in ("frames_searched_otherwise", "leukocytes_not_counted_once", "leukocytes_in_one_only",
                 "named_otherwise_by_the_same_view"):  # fmt: skip
        assert compared[same] == 0, same
