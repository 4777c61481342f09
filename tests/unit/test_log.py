"""What a log may hold: every value of every entry is known, and what people have named is left out of it."""

import ast
import importlib.util
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from smearwatch.daemon.log import NAMED, frame_id, leave_out_names
from smearwatch.daemon.withheld import WITHHELD, without_names

ROOMS = ("capture", "clients", "daemon", "models", "train")
LEVELS = {"debug", "info", "warning", "error", "critical"}
# Values that say nothing that a person has typed about a specimen; those that may repeat a name in an error's
# words (why, error, detail, hint) lose it again. An account is a person's who uses the page.
KNOWN = {
    *("account", "address", "announced", "asked", "audit", "audit_chain", "camera", "cell", "cells", "chain", "child"),
    *(
        "code",
        "counts",
        "detail",
        "device",
        "entry",
        "epoch",
        "error",
        "extra_class",
        "failed",
        "failed_before",
        "fields",
    ),
    *("flaw", "frame", "given", "height", "hint", "kind", "known", "missed", "ms", "peer", "pictures", "reason"),
    *(
        "passed_over",
        "record",
        "role",
        "runtime_dir",
        "size_bytes",
        "ticket",
        "unchanged_s",
        "verdict",
        "waiting",
        "weights",
    ),
    *("why", "width", "engine", "times_as_quick_as_eager", "library"),
    *("who", "key", "keys"),  # what a computer's key is called, or its first digits
}
FREE_EVENTS = {
    "anchoring.py",
    "disk_watch.py",
    "role.py",
    "control.py",
    "link.py",
    "resolver.py",
    "base.py",
    "hub.py",
    "report.py",
    "telling.py",
}


def log_calls():
    """Yield each call that writes an entry: file, call."""
    for room in ROOMS:
        spec = importlib.util.find_spec(f"smearwatch.{room}")
        assert spec is not None
        for path in sorted(Path(spec.submodule_search_locations[0]).rglob("*.py")):  # type: ignore[index]
            for node in ast.walk(ast.parse(path.read_text())):
                if not isinstance(node, ast.Call):
                    continue
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                of = ast.unparse(node.func)
                if (name in LEVELS and of.startswith("get_logger()")) or name == "log_step" or of == "log":
                    yield path, node


def test_every_value_of_every_entry_is_known():
    calls = list(log_calls())
    assert len(calls) > 60
    for path, call in calls:
        for keyword in call.keywords:
            if keyword.arg is not None:
                assert keyword.arg in NAMED | KNOWN, f"{path}: {keyword.arg}: may it hold what a person has named?"
        event = call.args[0]
        assert isinstance(event, ast.Constant) or path.name in FREE_EVENTS, f"{path}:{call.lineno}: a made-up event"


def test_a_hint_keeps_our_own_words_and_no_name():
    from smearwatch.daemon.log import leave_out_names

    said = {"file": "link.jpg", "hint": "copy the file, or make a hard link", "why": "link is odd", "event": "e"}
    kept = leave_out_names(None, "", dict(said))
    assert (kept["file"], kept["hint"], kept["why"]) == (WITHHELD, said["hint"], "(withheld) is odd")
    named = leave_out_names(None, "", {**said, "hint": "copy link.jpg", "file": "/srv/link.jpg"})
    assert named["hint"] == "copy (withheld)"


@pytest.mark.parametrize(
    "values", [{"file": "S26-0007.tif"}, {"files": ["S26-0007.tif", "b"]}, {"session": "S26-0007"}]
)
def test_names_are_left_out_wherever_the_entry_repeats_them(values):
    why = "no right to read '/srv/S26-0007.tif': S26-0007 is odd"
    entry = leave_out_names(None, "info", {"event": "a file", "why": why, "frame": "S26-0007", **values})
    assert "S26-0007" not in json.dumps({key: value for key, value in entry.items() if key != "frame"})
    assert entry[next(iter(values))] == WITHHELD
    assert entry["frame"] == "S26-0007", "our own names stay"


def test_a_folder_goes_with_what_lies_in_it_and_a_word_only_whole():
    text = without_names("/srv/camera/a b.tif: gone; /srv/cameras stays; one cells one", ["/srv/camera", "one"])
    assert text == "(folder withheld): gone; /srv/cameras stays; (withheld) cells (withheld)"


PROGRAM = """
import sys
from smearwatch.daemon.log import configure, get_logger, log_step, working_on
configure(sys.argv[1], role="finder", log_format=sys.argv[2])
with working_on("ab" * 32):
    log_step("a step", cells=3)
    get_logger().warning("odd", file="S26-0007.tif", why="S26-0007.tif is odd")
get_logger().debug("more", file="S26-0007.tif")
get_logger().error("bad")
"""
TELLING = """
import sys
from smearwatch.daemon.log import configure
from smearwatch.daemon.process.telling import tell
from smearwatch.daemon.withheld import withhold
configure("info", role="worker", log_format=sys.argv[1])
withhold("S26-0007")
tell("waiting for the hub, S26-0007")
"""


def logged(level, form, tmp_path, *, journal=False):
    """Return what the program writes to stderr, as if it went to systemd's journal or not."""
    out = tmp_path / "stderr"
    with out.open("w") as stderr:
        status = os.fstat(stderr.fileno())
        stream = f"{status.st_dev}:{status.st_ino}" if journal else "1:2"
        command = [sys.executable, "-c", PROGRAM, level, form]
        subprocess.run(command, stderr=stderr, check=True, env={**os.environ, "JOURNAL_STREAM": stream})
    return out.read_text().splitlines()


def test_into_the_journal_go_json_and_priorities_and_no_names(tmp_path):
    lines = logged("info", "auto", tmp_path, journal=True)
    assert [line[:3] for line in lines] == ["<6>", "<4>", "<3>"]
    step, odd, _ = (json.loads(line[3:]) for line in lines)
    assert (step["event"], step["frame"], step["role"]) == ("a step", frame_id("ab" * 32), "finder")
    assert (odd["file"], odd["why"]) == (WITHHELD, "(withheld) is odd")
    assert "S26" not in "".join(lines)
    (first, *_) = logged("info", "text", tmp_path, journal=True)
    assert first.startswith("<4>timestamp="), "steps are for machines"


def test_what_a_role_says_is_an_entry_where_the_log_is_json(tmp_path):
    def told(form):
        command = [sys.executable, "-c", TELLING, form]
        return subprocess.run(command, capture_output=True, text=True, check=True).stderr

    entry = json.loads(told("json"))
    assert (entry["event"], entry["role"]) == ("waiting for the hub, (withheld)", "worker")
    assert told("text") == "smearwatch: waiting for the hub, S26-0007\n"


def test_elsewhere_it_is_text_unless_json_is_asked_for_and_names_are_for_debug(tmp_path):
    plain = logged("info", "auto", tmp_path)
    assert [line.split()[1] for line in plain] == ["level=warning", "level=error"]
    assert "S26" not in "".join(plain)
    assert [json.loads(line)["level"] for line in logged("info", "json", tmp_path)] == ["info", "warning", "error"]
    everything = logged("debug", "auto", tmp_path)
    assert len(everything) == 4
    assert sum("S26-0007.tif" in line for line in everything) == 2


def test_a_log_on_a_full_disk_ends_nothing():
    done = "import sys; from smearwatch.daemon.log import configure, get_logger\n"
    done += "configure('info', role='hub'); get_logger().warning('camera is away'); print('went on')"
    with open("/dev/full", "w") as full:
        ended = subprocess.run([sys.executable, "-c", done], stderr=full, stdout=subprocess.PIPE, text=True, timeout=60)
    assert ended.stdout == "went on\n"


REPORTS = """
import logging, warnings
from smearwatch.daemon.log import configure
from smearwatch.daemon.withheld import withhold
configure("info", role="page", log_format="json")
configure("info", role="page", log_format="json")
withhold("S26-0007")
logging.getLogger("tifffile").warning("%s is odd\\nand more of it", "S26-0007")
try:
    raise OSError(24, "Too many open files")
except OSError:
    logging.getLogger("asyncio").exception("socket.accept() out of system resource")
warnings.warn("soon gone", DeprecationWarning, stacklevel=1)
warnings.warn("of no use", UserWarning, stacklevel=1)
for _ in range(500):
    logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
"""


def test_what_libraries_report_becomes_an_entry():
    done = subprocess.run([sys.executable, "-c", REPORTS], capture_output=True, text=True, check=True, timeout=60)
    entries = [json.loads(line) for line in done.stderr.splitlines()]
    assert {(entry["event"], entry["role"]) for entry in entries} == {("a library reports", "page")}
    said = [(entry["level"], entry["library"], entry["why"]) for entry in entries]
    assert said[:2] == [
        ("warning", "tifffile", "(withheld) is odd"),
        (
            "error",
            "asyncio",
            "socket.accept() out of system resource: OSError: [Errno 24] Too many open files",
        ),
    ]
    assert any(library == "py.warnings" and "UserWarning: of no use" in why for _, library, why in said)
    assert sum(library == "uvicorn.error" for _, library, _ in said) == 11


def test_a_request_that_is_none_is_an_entry_of_the_log(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    places = {"SMEARWATCH_STATE_DIR": str(tmp_path / "state"), "SMEARWATCH_RUNTIME_DIR": str(tmp_path / "run")}
    command = [sys.executable, "-m", "smearwatch.daemon.cli", "metrics", "--port", str(port)]
    with subprocess.Popen(
        command, env={**os.environ, **places, "SMEARWATCH_LOG_FORMAT": "json"}, stderr=subprocess.PIPE, text=True
    ) as metrics:
        assert metrics.stderr is not None
        first = metrics.stderr.readline()
        with socket.create_connection(("127.0.0.1", port), timeout=20.0) as asking:
            asking.sendall(b"no request\r\n\r\n")
            assert asking.recv(4096).startswith(b"HTTP/1.1 400")
        metrics.terminate()
        rest = metrics.stderr.read()
    entries = [json.loads(line) for line in rest.splitlines()]
    assert any(entry.get("library") == "uvicorn.error" for entry in entries), first + rest
