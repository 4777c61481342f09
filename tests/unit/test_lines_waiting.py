"""What the lines of a count say while nothing is named yet, and of pictures that another session has, too."""

from dataclasses import replace
from typing import Any

from smearwatch.clients.lines import Lines
from smearwatch.clients.terminal.status import connection_words
from smearwatch.clients.wording import NO_CAPTURE, NO_WORKER
from tests.unit.clients_script import ScriptedHub, counted, counted_frames, found, seen
from tests.unit.test_clients_lines import view_of


def test_before_the_first_cell_the_lines_say_what_is_done():
    hub = ScriptedHub()
    hub.start()
    written: list[str] = []
    lines = Lines(written.append, as_json=False)
    steps: list[tuple[dict[str, Any], tuple[Any, ...]]] = [
        ({"workers": None}, ()),
        ({"workers": 0}, ()),
        ({"finders": 0}, ()),
        ({}, ()),
        ({}, (seen(0),)),
    ]
    steps += [({}, (seen(1),)), ({}, (found(0, 1), found(1, 2))), ({}, (counted(0),))]
    late: list[str] = []
    first = Lines(late.append, as_json=False)
    for changes, events in steps:
        hub.commit(*events)
        lines.show(view_of(hub, **changes))
        first.show(view_of(hub, workers=0))
    first.show(view_of(hub))
    assert [line for line in late[5:] if line.startswith("# ")] == ["# loading the networks"], "and not that it counts"
    said = [line for line in written[5:] if line.startswith("# ")]
    assert said == [
        "# starting",
        "# loading the networks",
        "# starting the search for cells",
        "# waiting for the first field",
        "# searching the first fields",
        "# judging the first cells",
    ]
    assert [line.split()[1] for line in written if line[0].isdigit()] == ["1/100"]


def test_where_capture_and_worker_are_commands_it_says_who_is_missing_and_who_has_gone():
    hub = ScriptedHub()
    hub.start()
    written: list[str] = []
    lines = Lines(written.append, as_json=False)
    lines.show(view_of(hub, apart=True, workers=0, finders=0))
    lines.show(view_of(hub, apart=True, finders=0))
    hub.commit(*counted_frames(0, 5))
    view = view_of(hub, apart=True)
    for workers, finders in ((1, 1), (0, 1), (1, 1), (1, 0)):
        lines.show(replace(view, workers=workers, finders=finders))
    assert connection_words(replace(view, workers=0), "", 0.0)[2] == f"live: {NO_WORKER}"
    said = [line.removeprefix("# ") for line in written[5:] if line.startswith("# ")]
    assert said == [NO_WORKER, NO_CAPTURE, NO_WORKER, "counting", NO_CAPTURE]


def test_a_count_that_goes_on_says_that_the_networks_are_loaded_and_whose_pictures_it_has():
    hub = ScriptedHub()
    hub.start()
    hub.commit(*counted_frames(0, 5))
    written: list[str] = []
    lines = Lines(written.append, as_json=False)
    view = view_of(hub)
    copied = {**view.tally, "pictures_elsewhere": {"monday": 3}}
    more = {**view.tally, "pictures_elsewhere": {"monday": 30}}
    for changes in ({"workers": 0}, {"finders": 0}, {"tally": copied}, {"event": view.event + 1, "tally": copied}):
        lines.show(replace(view, **changes))
    lines.show(replace(view, event=view.event + 2, tally=more))
    said = [line for line in written if line.startswith("# ")]
    loading, search = said.index("# loading the networks"), said.index("# starting the search for cells")
    assert loading < search
    text = " ".join(said[search:]).replace("# ", "")
    assert [text.count(f" {n} of these pictures are also in session monday") for n in (3, 30)] == [1, 0]
