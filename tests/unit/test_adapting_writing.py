"""Adapted weights are put where they were wanted, or beside what came there meanwhile."""

import pytest

from smearwatch.daemon.own_output import ChangedMeanwhile
from smearwatch.train.adapting.writing import _put_in_place


def test_what_came_meanwhile_stays_and_the_weights_are_beside(tmp_path):
    out = tmp_path / "ours"
    for number, name in enumerate(("ours", "ours-new", "ours-new-2")):
        (tmp_path / "made").mkdir()
        (tmp_path / "made" / "manifest.json").write_text(name)
        if number == 0:
            out.mkdir()  # an empty folder is nobody's work
            _put_in_place(tmp_path / "made", out)
        else:
            with pytest.raises(ChangedMeanwhile, match=name):
                _put_in_place(tmp_path / "made", out)
        assert (tmp_path / name / "manifest.json").read_text() == name
