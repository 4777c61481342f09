"""Pictures that lie in a folder day after day are counted into one session, unless somebody asks for more."""

import os
import subprocess
import sys

import pytest

from smearwatch.clients.web.running import next_session
from smearwatch.daemon.config import Settings
from smearwatch.daemon.hub.opening import opened
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.record.earlier import seen_files
from smearwatch.daemon.record.events import Followed, Rejected, Seen
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.sessions import session_folder
from smearwatch.daemon.specimens import PicturesCounted, where_it_goes_on

pytestmark = pytest.mark.integration


@pytest.fixture
def camera(tmp_path):
    folder = tmp_path / "camera"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.jpg").write_bytes(b"a picture %d" % number)
    return folder


def plan_of(folder, session, **changes):
    settings = Settings(state_dir=folder.parent / "s", runtime_dir=folder.parent / "r")
    return RunPlan(settings=settings, session=session, source="folder", source_options={"dir": str(folder)}, **changes)


def record(plan, *pictures):
    """Begin the plan's session and have it see some pictures."""
    with Ledger.open(session_folder(plan.settings.state_dir, plan.session), session=plan.session) as ledger:
        ledger.append([opened(plan, ledger)])
        for picture in pictures:
            frame, status = ledger.frames.put(picture.read_bytes()), picture.stat()
            ledger.append(
                [Seen(frame, picture.name, status.st_size, status.st_mtime_ns, None, None, True, "folder")]
            )  # fmt: skip


def test_a_new_session_does_not_count_what_another_has_counted(camera):
    record(plan_of(camera, "monday"), camera / "0.jpg", camera / "1.jpg")
    tuesday = plan_of(camera, "tuesday")
    with pytest.raises(
        PicturesCounted, match="session monday has pictures that lie there, and tuesday would"
    ) as refused:
        where_it_goes_on(tuesday)
    assert "go on with --session monday" in refused.value.hint
    record(tuesday)  # begun when the folder was away, and has no picture yet
    with pytest.raises(PicturesCounted):
        where_it_goes_on(tuesday)
    asked = plan_of(camera, "tuesday", count_again=True)
    assert where_it_goes_on(asked) == asked
    for goes_on in (plan_of(camera, "monday"), plan_of(camera.parent, "tuesday")):
        assert where_it_goes_on(goes_on) == goes_on
    replay = tuesday.model_copy(update={"source": "replay", "source_options": {"session": "monday"}})
    assert where_it_goes_on(replay) == replay
    # One is moved away, the other written over by the next: what lies there now is nobody's.
    (camera / "0.jpg").unlink()
    (camera / "1.jpg").write_bytes(b"the next slide")
    assert where_it_goes_on(tuesday) == tuesday
    record(tuesday, camera / "1.jpg", camera / "2.jpg")
    assert where_it_goes_on(tuesday) == tuesday


def test_the_earlier_of_two_specimens_goes_on_with_what_its_target_left(camera, capsys):
    one, two = plan_of(camera, "one"), plan_of(camera, "two", follows="one")
    record(one, camera / "0.jpg")
    with Ledger.open(session_folder(one.settings.state_dir, "one")) as ledger:
        ledger.append([Followed("A", 1, "two", {"specimen": "H2"}, None, ())])
        ((frame, _),) = seen_files(ledger)
    assert where_it_goes_on(one) == one  # it was killed before the other began
    assert next_session(session_folder(one.settings.state_dir, "one")) is None
    record(two, camera / "1.jpg")
    assert next_session(session_folder(one.settings.state_dir, "one")) == "two", "the page leads to it"
    assert next_session(session_folder(one.settings.state_dir, "two")) is None
    assert where_it_goes_on(one) == one
    ends_at_target = one.model_copy(update={"stop_at_target": True})
    assert where_it_goes_on(ends_at_target).session == "two"
    assert where_it_goes_on(two).session == "two"
    capsys.readouterr()
    with Ledger.open(session_folder(one.settings.state_dir, "one")) as ledger:
        ledger.append([Rejected(frame, "truncated", "it ends too early", None)])
    assert where_it_goes_on(one).session == "two"
    assert (
        capsys.readouterr().err.strip() == "smearwatch: session one ended where specimen H2 began: session two goes on"
    )


def test_typed_it_is_one_line_and_nothing_is_begun(camera):
    record(plan_of(camera, "monday"), camera / "0.jpg")
    state, runtime = camera.parent / "s", camera.parent / "r"
    typed = [sys.executable, "-m", "smearwatch.daemon.cli", "run", "--watch", str(camera), "--session", "tuesday"]
    given = {**os.environ, "SMEARWATCH_STATE_DIR": str(state), "SMEARWATCH_RUNTIME_DIR": str(runtime)}
    done = subprocess.run(typed, capture_output=True, text=True, timeout=60, env=given, check=False)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert "--count-again" in done.stderr
    assert [each.name for each in (state / "sessions").iterdir()] == ["monday"]
