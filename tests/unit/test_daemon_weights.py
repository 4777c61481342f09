"""Which weights are in use: named, promoted, shipped; and no silent fall-back."""

from collections.abc import Callable
from pathlib import Path

import pytest

from smearwatch.daemon.config import Settings
from smearwatch.daemon.weights import (
    PromotedWeightsDamaged,
    WeightsMissing,
    promoted_weights,
    shipped_weights,
    weights_in_use,
)
from smearwatch.models import checkpoint

IDENTITY = "ab" * 32


@pytest.fixture
def state(tmp_path: Path) -> Path:
    (tmp_path / "weights" / IDENTITY).mkdir(parents=True)
    (tmp_path / "weights" / IDENTITY / "manifest.json").write_text("{}")
    return tmp_path


def test_the_shipped_ones_are_the_models_own():
    assert shipped_weights() == checkpoint.shipped_weights_dir()


def test_named_win_over_promoted_over_shipped(state: Path, tmp_path: Path):
    assert weights_in_use(Settings(state_dir=state)) == shipped_weights()
    (state / "weights" / "current").symlink_to(IDENTITY)
    assert weights_in_use(Settings(state_dir=state)) == state / "weights" / IDENTITY
    mine = tmp_path / "mine"
    with pytest.raises(WeightsMissing, match=r"no weights in .*mine"):
        weights_in_use(Settings(state_dir=state, weights=mine))
    mine.mkdir()
    (mine / "manifest.json").touch()
    assert weights_in_use(Settings(state_dir=state, weights=mine)) == mine


@pytest.mark.parametrize(
    "damage",
    [
        lambda link: link.symlink_to("cd" * 32),
        lambda link: link.symlink_to("../weights/" + IDENTITY),
        lambda link: link.symlink_to("/etc"),
        lambda link: link.write_text("ab"),
        lambda link: link.mkdir(),
        lambda link: (link.parent / IDENTITY).rename(link),
    ],
    ids=["gone", "a path", "elsewhere", "a file", "a folder", "in its place"],
)
def test_a_damaged_link_is_one_clear_line(state: Path, damage: Callable[[Path], None]):
    damage(state / "weights" / "current")
    with pytest.raises(PromotedWeightsDamaged, match=r"promoted weights .*current") as caught:
        promoted_weights(state)
    assert "\n" not in str(caught.value)
    assert "promote --back" in caught.value.hint
    (state / "manifest.json").touch()
    assert weights_in_use(Settings(state_dir=state, weights=state)) == state
