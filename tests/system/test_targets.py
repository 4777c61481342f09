"""A run that ends at its target: at that very cell, honest about what it left, carried on, replayed to the same end."""

import json
import os
import shutil

import pytest

from tests.system.test_run import fold_of, smearwatch

pytestmark = pytest.mark.system


def run(watched, target, *options, workers=1):
    surroundings = {**os.environ, "SMEARWATCH_WORKERS": str(workers)}
    stop = ("--target", target, "--stop-at-target", "--until-idle", "20")
    return smearwatch("run", "--watch", watched, *stop, *options, env=surroundings)


def last(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_same_cells_with_any_number_of_workers_and_in_a_replay(fields, tmp_path):
    watched = tmp_path / "camera"
    shutil.copytree(fields, watched)
    ends = {}
    for name, workers in (("one", 1), ("three", 3)):
        final = last(run(watched, 7, "--session", name, "--json", "--count-again", workers=workers))
        assert (final["cells"], final["target_reached"], final["balanced"]) == (7, True, True)
        assert final["frames"]["pending"] > 0
        assert not final["complete"]
        ends[name] = fold_of(name)[1]
    assert ends["one"] == ends["three"]
    replayed = smearwatch("replay", "three", "--compare", "--into", "again", "--json")
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    assert json.loads(replayed.stdout.splitlines()[-1])["cells"] == 7
    assert fold_of("again")[1] == ends["one"]

    # The same target again looks at nothing; a higher one goes on.
    again = run(watched, 7, "--session", "one")
    assert again.returncode == 0, again.stderr
    assert "target of 7 already reached: 7 cells are counted; nothing new was looked at" in again.stderr
    assert "target reached: 7 of 7 cells" in again.stdout
    assert "the target was reached; " in again.stderr
    higher = last(run(watched, 9, "--session", "one", "--json"))
    assert (higher["cells"], higher["frames"]["seen"]) == (9, 12)
    more = fold_of("one")[1]
    assert (more[: len(ends["one"])], len(more) > len(ends["one"])) == (ends["one"], True)
