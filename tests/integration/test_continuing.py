"""A session is carried on where it was begun, and elsewhere only when asked."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from smearwatch.daemon.config import Settings
from smearwatch.daemon.continuing import NotContinued, check_continues
from smearwatch.daemon.hub.opening import opened as event_of_opening
from smearwatch.daemon.hub.role import _described
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.record.description import Described
from smearwatch.daemon.record.extra_classes import ExtraClass, extra_classes_of
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.sessions import session_folder
from tests.unit.clients_script import opened, seen

pytestmark = pytest.mark.integration


@pytest.fixture
def weights(tmp_path):
    folders = {}
    for name in ("third", "fourth"):
        folders[name] = tmp_path / name
        folders[name].mkdir()
        (folders[name] / "manifest.json").write_text(f'{{"name": "{name}"}}')
    return folders


def plan_of(
    tmp_path,
    weights,
    folder="a/camera",
    *,
    source=None,
    band_rule="filament",
    search_stain="as_photographed",
    um_per_px=0.092,
    name="third",
    extra="per_100",
    field_um=33.0,
    judged_view="best",
    **changes,
):
    settings = Settings(
        state_dir=tmp_path / "s",
        band_rule=band_rule,
        search_stain=search_stain,
        um_per_px=um_per_px,
        field_um=field_um,
        judged_view=judged_view,
        weights=weights[name],
        extra_classes={"hairy_cell": {"key": "h", "counts": extra}},
    )
    options = {"dir": str(Path("/srv") / folder)} if source is None else {source: folder}
    return RunPlan(settings=settings, session="t", source=source or "folder", source_options=options, **changes)


def record(plan, *events):
    with Ledger.open(session_folder(plan.settings.state_dir, "t"), session="t") as ledger:
        ledger.append([event_of_opening(plan, ledger), *_described(plan, ledger), *events])


@pytest.fixture
def plan(tmp_path, weights):
    """A plan of which a session with one frame was made."""
    plan = plan_of(tmp_path, weights, said={"specimen": "H1"}, said_by="A")
    record(plan, seen(1))
    return plan


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"folder": "b/slides"}, "begun on the folder camera, and not on the folder /srv/b/slides"),
        ({"folder": "b/camera"}, "begun on another place, and not on the folder /srv/b/camera"),
        (
            {"source": "camera", "folder": "rtsp://user:secret@scope/1"},
            "begun on the folder camera, and not on the camera scope",
        ),
        ({"band_rule": "one-third"}, "under the band rule filament, and not one-third"),
        ({"search_stain": "red_cells"}, "searched with --search-stain as_photographed, and not red_cells"),
        ({"um_per_px": 0.12}, "counted at 0.092 um per px, and not at 0.12"),
        ({"field_um": 20.0}, "its cells were cut out 33 um wide, and not 20"),
        ({"judged_view": "first"}, "of its cells the best view was judged, and not the first"),
        ({"name": "fourth"}, "with other weights"),
        ({"extra": "leukocyte"}, "its hairy_cell cells count as per_100, and not as leukocyte"),
        ({"said": {"specimen": "H2"}}, "of the specimen H1, and not of H2"),
    ],
    ids=[
        "folder",
        "folder of the same name",
        "camera",
        "band rule",
        "search",
        "scale",
        "width of a crop",
        "view",
        "weights",
        "classes",
        "specimen",
    ],
)
def test_what_is_another_slide_or_another_measure_is_not_carried_on_unasked(tmp_path, weights, plan, changes, says):
    other = plan_of(tmp_path, weights, **changes)
    with pytest.raises(NotContinued, match=says) as refusal:
        check_continues(other)
    assert "session t is not carried on unasked" in str(refusal.value)
    assert "--continue" in refusal.value.hint
    assert "secret" not in str(refusal.value)
    check_continues(other.model_copy(update={"carry_on": True}))


def test_the_same_is_carried_on_and_so_is_what_was_said_yes_to(tmp_path, weights, plan):
    check_continues(plan)
    check_continues(plan.model_copy(update={"said": {}}))
    check_continues(plan_of(tmp_path, weights, um_per_px="auto"))
    elsewhere = plan_of(tmp_path, weights, "b/slides", band_rule="none")
    record(elsewhere, seen(2))
    check_continues(elsewhere)
    # Both places are the session's now; the rule is the one of the last run.
    check_continues(plan_of(tmp_path, weights, band_rule="none"))
    with pytest.raises(NotContinued, match="band rule none, and not filament"):
        check_continues(plan)


def test_a_given_scale_holds_over_a_run_that_gave_none(tmp_path, weights, plan):
    record(plan_of(tmp_path, weights, um_per_px="auto"), seen(2))
    with pytest.raises(NotContinued, match=r"counted at 0\.092 um per px, and not at 0\.1"):
        check_continues(plan_of(tmp_path, weights, um_per_px=0.1))
    check_continues(plan)
    check_continues(plan_of(tmp_path, weights, um_per_px="auto"))


def test_another_slides_folder_at_the_old_path_is_noticed(tmp_path, weights):
    camera = tmp_path / "camera"
    camera.mkdir()
    plan = plan_of(tmp_path, weights, camera)
    pictures = {f"{n}.jpg": b"picture %d" % n for n in range(3)}
    for name, data in pictures.items():
        (camera / name).write_bytes(data)
    record(
        plan, *(replace(seen(n), frame=hashlib.sha256(data).hexdigest()) for n, data in enumerate(pictures.values()))
    )
    check_continues(plan)
    (camera / "0.jpg").write_bytes(b"written over")
    (camera / "new.jpg").write_bytes(b"another")
    check_continues(plan)  # the others are those that it has
    for name in pictures:
        (camera / name).write_bytes(b"of another slide, under the same name")
    with pytest.raises(NotContinued, match=r"other pictures lie in .* such as 0\.jpg"):
        check_continues(plan)
    check_continues(plan.model_copy(update={"carry_on": True}))
    for name in pictures:
        (camera / name).unlink()
    with pytest.raises(NotContinued, match=r"none of its pictures lies in .* any more, and others do"):
        check_continues(plan)
    (camera / "new.jpg").unlink()
    check_continues(plan)  # all were moved away, and more may come


def test_an_empty_session_and_one_of_before_are_carried_on(tmp_path, weights):
    plan = plan_of(tmp_path, weights)
    check_continues(plan)
    record(plan)
    check_continues(plan_of(tmp_path, weights, "b/slides"))
    with Ledger.open(session_folder(tmp_path / "s", "old"), session="old") as ledger:
        ledger.append([opened(session="old"), seen(1)])
    check_continues(plan.model_copy(update={"session": "old"}))


def test_no_path_of_this_machine_and_no_password_is_recorded(tmp_path, weights):
    camera = plan_of(tmp_path, weights, "rtsp://user:secret@scope/1", source="camera")
    for plan in (plan_of(tmp_path, weights, "a/camera"), camera):
        assert "secret" not in str(plan.recorded_settings())
        assert "/srv" not in str(plan.recorded_settings())
    expected = hashlib.sha256(b"/srv/a/camera").hexdigest()[:16]
    assert plan_of(tmp_path, weights).recorded_settings()["origin_of"] == expected


def test_what_was_corrected_is_not_said_again_by_a_hub_that_is_restarted(plan):
    folder = session_folder(plan.settings.state_dir, "t")
    with Ledger.open(folder) as ledger:
        ledger.append([Described("B", 2, 6, specimen="H7")])
        assert _described(plan, ledger) == []
    with Ledger.open(folder) as ledger:
        assert _described(plan.model_copy(update={"said": {"note": "n"}}), ledger)[0].said["specimen"] == "H7"


def test_an_extra_class_goes_on_counting_where_it_did(tmp_path, weights, plan):
    other = plan_of(tmp_path, weights, extra="leukocyte", carry_on=True)
    check_continues(other)
    record(other)
    with Ledger.read(session_folder(plan.settings.state_dir, "t")) as ledger:
        named = [each.extra_classes for each in ledger.openings()]
    assert [[each.label for each in classes or ()] for classes in named] == [["per_100:hairy_cell"]] * 2
    # One that an earlier version carried on has both, and gives new cells the first name.
    mixed = [(ExtraClass("hairy", "per_100", "h", "hairy"),), (ExtraClass("hairy", "leukocyte", "w", "hairy c"),)]
    assert extra_classes_of([*mixed, None]) == (ExtraClass("hairy", "per_100", "w", "hairy c"),)
