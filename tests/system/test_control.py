"""`smearwatch control` and the page's buttons on a real run: paused, resumed, stopped, carried on; subfolders, too."""

import json
import os
import shutil

import pytest

from tests.in_process import run_here
from tests.paged import chromium, opened, reviewing
from tests.system.test_run import counted, fold_of, frames_seen, smearwatch, start, summary, wait_for

pytestmark = pytest.mark.system


def control(action, *options):
    done = run_here("control", action, *options)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def once():
    done = run_here("watch", "--once", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_paused_resumed_and_stopped_from_elsewhere_and_carried_on(fields, tmp_path):
    watched = tmp_path / "camera"
    watched.mkdir()
    pictures = sorted(fields.glob("*.jpg"))
    for picture in pictures[:2]:
        shutil.copy(picture, watched)
    run = start("run", "--watch", watched, "--session", "c", "--until-idle", "60")
    wait_for(lambda: summary("c") and summary("c").frames == 2 and summary("c").pending == 0)
    assert control("pause").startswith("paused: no new pictures are read")
    for picture in pictures[2:]:
        shutil.copy(picture, watched)
    wait_for(lambda: once()["paused"])
    with pytest.raises(AssertionError, match="did not come"):
        wait_for(lambda: frames_seen("c") > 2, seconds=4)
    assert json.loads(control("resume", "c", "--json")) == {"action": "resume", "answer": "pictures are read again"}
    wait_for(lambda: frames_seen("c") > 2)
    assert control("stop").startswith("session c is being stopped")
    out, err = run.communicate(timeout=60)
    assert run.returncode == 0, err
    assert "# paused: no new pictures are read" in out
    assert "# stopped" in out
    fold, _ = fold_of("c")
    assert fold.balanced
    nobody = run_here("control", "stop")
    assert (nobody.returncode, len(nobody.stderr.splitlines())) == (1, 1)
    assert "no count answers" in nobody.stderr
    again = smearwatch("run", "--watch", watched, "--session", "c", "--until-idle", "2", "--json")
    assert again.returncode == 0, again.stderr
    final = json.loads(again.stdout.splitlines()[-1])
    assert (final["frames"]["seen"], final["complete"]) == (12, True)


def test_stopping_ends_all_subfolders(fields, tmp_path):
    watched = tmp_path / "camera"
    pictures = sorted(fields.glob("*.jpg"))
    for name, picture in (("one", pictures[0]), ("two", pictures[1])):
        (watched / name).mkdir(parents=True)
        shutil.copy(picture, watched / name)
    run = start("run", "--watch", watched, "--subfolders")
    wait_for(lambda: counted("one") and counted("two"))
    control("stop")
    out, err = run.communicate(timeout=60)
    assert run.returncode == 0, err
    assert "session one" in out
    assert "session two" in out


def test_the_pages_buttons_ask_and_then_pause_and_stop(fields, tmp_path):
    watched = tmp_path / "camera"
    watched.mkdir()
    for picture in sorted(fields.glob("*.jpg"))[:3]:
        shutil.copy(picture, watched)
    state = tmp_path / "s"
    runtime = state / "run"
    runtime.mkdir(parents=True, mode=0o700)
    surroundings = {**os.environ, "SMEARWATCH_STATE_DIR": str(state), "SMEARWATCH_RUNTIME_DIR": str(runtime)}
    run = start("run", "--watch", watched, "--session", "p", "--target", "1", "--specimen", "H26-1", env=surroundings)
    wait_for(lambda: "p" in _names(state) and _judged(state))
    with chromium() as browser, reviewing(state, "p") as (link, _), opened(browser, link, refused=("400",)) as page:
        page.wait_for_selector("#target.reached:has-text('target reached')")
        assert page.inner_text("#said") == "specimen H26-1"
        page.wait_for_selector("#run:has-text('counting')")
        assert page.is_hidden("#run [data-action=resume]")
        page.click("#run [data-action=pause]")
        page.wait_for_selector("#run:has-text('No new pictures are read until you resume')")
        page.click("#run [data-answer=no]")
        page.click("#run [data-action=pause]")
        page.click("#run [data-answer=yes]")
        page.wait_for_selector("#run:has-text('paused')")
        page.wait_for_selector("#run [data-action=resume]")
        page.click("#run [data-action=next]")
        page.click("#nexting .leave")
        page.click("#run [data-action=next]")
        page.fill("#nexting [name=specimen]", "a/b")
        page.click("#nexting [type=submit]")
        page.wait_for_selector("#nexting .refused:has-text('cannot be a number of one')")
        page.fill("#nexting [name=specimen]", "H26-2")
        page.click("#nexting [type=submit]")
        page.wait_for_selector("#run", state="hidden")
        page.click("nav a:has-text('all sessions')")
        page.wait_for_selector("#sessions a:not(:has-text('p'))")
        page.fill("#find", "h26-2")
        page.keyboard.press("Enter")  # at once, while both sessions are shown
        page.wait_for_selector("#said:has-text('specimen H26-2')")
        page.click("#run [data-action=stop]")
        page.click("#run [data-answer=yes]")
        page.wait_for_selector("#run", state="hidden")
    out, err = run.communicate(timeout=60)
    assert run.returncode == 0, err
    assert "# *** target reached" in out
    assert len(_names(state)) == 2


def _names(state):
    folder = state / "sessions"
    return [path.name for path in folder.iterdir()] if folder.is_dir() else []


def _judged(state):
    from smearwatch.daemon.record.reading import LedgerReader
    from smearwatch.daemon.record.schema import LedgerUnusable

    try:
        with LedgerReader.read(state / "sessions" / "p") as ledger:
            return ledger.summary().cells_counted
    except LedgerUnusable:
        return 0
