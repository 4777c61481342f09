"""What stands where on the terminal client's first screen, at which size."""

from dataclasses import replace

import pytest

from smearwatch.clients.terminal.pictures import Card
from smearwatch.clients.view import View
from smearwatch.clients.wording import DASH
from smearwatch.daemon.record.events import CLASSES, Amended, Labelled, Replaced, Signed
from smearwatch.daemon.record.signature import Overruled, SignedResult
from tests.unit.clients_script import ScriptedHub, counted_frames, frame_id, seen
from tests.unit.terminal_screen import PRELIMINARY, RESEARCH_USE, line_with, on_screen, run_app, some_cells, text_of
from tests.unit.test_clients_lines import LIMITS, drifting, view_of


@pytest.fixture
def view():
    return some_cells()


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
def test_everything_that_matters_is_on_every_screen(view, size):
    lines = on_screen(view, size)
    assert len(lines) == size[1]
    text = "\n".join(lines)
    for word in (
        RESEARCH_USE,
        "Preliminary until verified by a person.",
        "smear-7",
        "live",
        "out of focus 1",
        "0.40 s",
    ):
        assert word in text, word
    assert [word in line_with(lines, "segmented") for word in ("30", "60.0", f"45.2 {DASH} 73.6")] == [True] * 3
    assert [word in line_with(lines, "neutrophils") for word in ("32", "64.0", f"49.2 {DASH} 77.1")] == [True] * 3
    assert [word in line_with(lines, "all cells") for word in ("50", "of 100", "50% done")] == [True] * 3
    names = ["band", "segmented", "eosinophil", "basophil", "monocyte", "lymphocyte", "neutrophils", "all cells"]
    at = [next(i for i, line in enumerate(lines) if name in line) for name in names]
    assert at == sorted(at), "the classes in their order"


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_the_reviewed_result_stands_beside_the_count(size):
    hub = ScriptedHub("smear-7")
    hub.start()
    hub.commit(*counted_frames(0, 3, "segmented"), *counted_frames(3, 4, "lymphocyte"))
    assert "reviewed" not in "\n".join(on_screen(view_of(hub), size))
    stood = Replaced(frame_id(0), 0, "segmented", "confirmed")
    hub.commit(Labelled(frame_id(0), 0, "monocyte", "A. Reader", 1, 9, stood))
    lines = on_screen(view_of(hub), size)
    assert "reviewed" in line_with(lines, "95 % interval")
    assert [word in line_with(lines, "segmented") for word in ("75.0", "50.0")] == [True, True]
    assert [word in line_with(lines, "monocyte") for word in (" 0.0", "25.0")] == [True, True]
    assert line_with(lines, "all cells").split().count("4") == 2
    assert "own classes" not in "\n".join(lines)
    hub.commit(Labelled(frame_id(1), 0, "leukocyte:hairy_cell", "A. Reader", 1, 9, replace(stood, frame=frame_id(1))))
    assert line_with(on_screen(view_of(hub), size), "own classes").strip(" │").endswith(" 25.0")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_who_signed_stands_in_the_place_of_preliminary(size):
    hub = ScriptedHub("smear-7")
    hub.start()
    hub.commit(*counted_frames(0, 3, "segmented"))
    counts: dict[str, int] = {name: 3 * (name == "segmented") for name in CLASSES}
    result = SignedResult(0, 0, counts, 0, {}, {}, 0, 0)
    hub.commit(Signed("A. Reader", 9, 1, result, ("w",), (Overruled("target", "few cells on the slide"),)))
    text = " ".join(" ".join(on_screen(view_of(hub), size)).split())
    assert "Signed by A. Reader, 19" in text
    assert "signed although the target was not reached: few cells on the slide" in text
    assert PRELIMINARY not in text
    assert RESEARCH_USE in text
    hub.commit(Amended("B", "a cell was overlooked", 9, 1))
    text = " ".join(" ".join(on_screen(view_of(hub), size)).split())
    assert "Amended once by B" in text
    assert PRELIMINARY in text


def test_frames_add_up_on_the_screen(view):
    frames = line_with(on_screen(view, (80, 24)), "frames")
    assert "52 seen   50 counted   1 rejected   1 pending" in frames


@pytest.mark.parametrize(("size", "cards"), [((80, 24), 0), ((120, 40), 4), ((200, 60), 5)])
def test_pictures_fold_away_where_there_is_no_room(view, size, cards):
    async def look(app, pilot):
        room = app.screen.query_one("#recent").region
        assert len([card for card in app.screen.query(Card) if card.display and room]) == cards
        words = any("last " in line and "segmented 0.90" in line for line in text_of(app))
        assert words == (cards == 0)

    run_app(lambda show, _: show(view), size, look)


def test_before_anything_is_known_it_says_what_it_waits_for():
    lines = on_screen(View(), (80, 24))
    assert "waiting for the daemon at /run/hub.sock" in lines[0]
    assert RESEARCH_USE in "\n".join(lines)


@pytest.mark.parametrize("size", [(60, 15), (40, 8), (69, 40), (80, 21)])
def test_a_small_window_asks_for_a_larger_one_and_keeps_the_notice(view, size):
    text = " ".join(" ".join(on_screen(view, size)).split())
    assert "Make the window larger (at least 80x24)." in text
    assert RESEARCH_USE in text
    assert "neutrophils" not in text


def test_tiny_terminals_do_not_break_it(view):
    for size in ((20, 6), (41, 12), (1, 1)):
        on_screen(view, size)


def test_the_status_line_tells_the_connections_end(view):
    assert "finished" in on_screen(replace(view, connection="done", ended="finished"), (80, 24))[0]


def test_a_broken_thumbnail_leaves_the_screen_whole(view):
    broken = replace(view.recent[0], thumbnail=b"\xff\xd8 broken")
    lines = on_screen(replace(view, recent=(broken, *view.recent[1:])), (120, 40))
    assert RESEARCH_USE in "\n".join(lines)


def test_the_first_line_has_room_for_where_the_session_stands_however_long_its_name(view):
    stopped = replace(view, connection="done", ended="stopped")
    first = on_screen(stopped, (80, 24))[0]
    assert first.startswith("  smearwatch  smear-7  ")
    assert first.endswith("  ■ stopped, joins again when the count goes on")
    first = on_screen(replace(stopped, session="s" * 64), (80, 24))[0]
    assert len(first) <= 78
    assert first.startswith("  smearwatch  sssss")
    assert first.endswith("s\N{HORIZONTAL ELLIPSIS}  ■ stopped, joins agai\N{HORIZONTAL ELLIPSIS}")


def test_the_first_line_says_what_is_done_before_the_first_cell():
    hub = ScriptedHub()
    hub.start()
    assert "live: loading the networks" in on_screen(view_of(hub, workers=0), (80, 24))[0]
    hub.commit(seen(0))
    assert "live: searching the first fields" in on_screen(view_of(hub), (80, 24))[0]


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_drift_has_a_line_of_its_own_and_only_while_there_is_drift(size):
    hub = ScriptedHub("smear-8")
    hub.start()
    hub.commit(LIMITS, *drifting(0, 20, 0.5))
    lines = on_screen(view_of(hub), size)
    place = next(n for n, line in enumerate(lines) if "▲" in line)
    assert place == 1
    assert "▲ drift since cell 1: nuclei paler than those trained on, 2.0 times beyond" in lines[place]
    assert "smearwatch adapt" in " ".join(lines[place + 1 : place + 5])
    for word in ("neutrophils", "all cells", RESEARCH_USE):
        assert any(word in line for line in lines), word
    hub.commit(*drifting(20, 60, 1.5))
    assert not any("▲" in line for line in on_screen(view_of(hub), size))
