"""The documented commands: run as a person types them where a test can, else held against the real command line.

Each block of commands in the documentation is one test. A command that nobody has named below is run where it is one of
those in `RUN`, and parsed otherwise: so a new command in a page is tested without a word here.
"""

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.documented import ROOT, blocks, make_targets, parse, words_of

pytestmark = pytest.mark.system

RUN = {
    ("run",),
    ("watch",),
    ("sessions", "list"),
    ("sessions", "show"),
    ("sessions", "verify"),
    ("sessions", "export"),
    ("sessions", "label"),
    ("replay",),
    ("segment",),
    ("slide",),
    ("calibrate", "--list"),
    ("config", "check"),
}
"""What is really run. The rest is read by the real command line, so that each option exists and its value fits."""

PARSED = {
    "run --camera": "needs a camera, a stream or a video",
    "run --review": "listens on a port of this computer; tests/system/test_run.py runs it",
    "sessions export monday --format hl7": "needs a specimen's number; tests/integration/test_messages.py has one",
    "sessions verify tuesday --anchors": "compares with systemd's journal; tests/system/test_log_of_a_run.py has one",
    "replay --archive": "needs an archive; tests/system/test_run.py has one",
    "run --source acme": "needs another package; tests/system/test_run_sources.py installs it and runs this",
}
"""Commands of those in `RUN` that are parsed all the same, and why.

Commands that are not in `RUN` want labelled pictures and minutes to hours, or a picture of a stage micrometer, and have
tests of their own.
"""

SKIPPED = {
    "sudo": "changes the computer; the unit itself is checked in tests/system/test_systemd.py",
    "systemctl": "needs the installed service",
    "journalctl": "needs the installed service",
    "ssh": "needs another computer",
    "ray": "starts a cluster; tests/system/test_archive_on_ray.py has one",
    "openssl": "makes a certificate; tests make their own",
    "chmod": "is for that certificate's key",
}
"""Commands that are not ours, and why they are neither run nor parsed."""

TYPED = {
    "/path/to/frames": "frames",
    "/path/to/slides": "slides",
    "field.jpg": "frames/field_000000.jpg",
    "monday": "tuesday",
    "--cells 100": "--cells 6",
}
"""What stands for something of the reader's own, or takes long, and what is there in a test."""

UNTIL_IDLE_S = "3"


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    """A few simulated fields, and a state in which the session `tuesday` has counted them."""
    folder = tmp_path_factory.mktemp("documented")
    (folder / "run").mkdir(mode=0o700)
    desk = folder / "desk"
    (desk / "slides" / "one").mkdir(parents=True)
    typed("smearwatch slide --out frames --fields 3 --rate 0 --seed 7", desk)
    shutil.copy(desk / "frames" / "field_000000.jpg", desk / "slides" / "one")
    typed(f"smearwatch run --watch frames --session tuesday --until-idle {UNTIL_IDLE_S}", desk)
    return folder


@pytest.fixture
def desk(counted):
    """A folder to type in, as the fields alone leave it."""
    used = counted / "desk"
    shutil.copytree(used, counted / "kept")
    yield used
    shutil.rmtree(used)
    (counted / "kept").rename(used)


def environment(desk):
    above = desk.parent
    ours = {"SMEARWATCH_STATE_DIR": above / "state", "SMEARWATCH_RUNTIME_DIR": above / "run", "NO_COLOR": "1"}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {**os.environ, **{name: str(value) for name, value in ours.items()}, "PATH": path}


def begun(line, desk):
    return subprocess.Popen(
        ["bash", "-c", f"exec {line}"],
        cwd=desk,
        env=environment(desk),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process):
    try:
        out, err = process.communicate(timeout=200)
    finally:
        process.kill()
    assert process.returncode == 0, f"{out}\n{err}"
    return out


def typed(line, desk):
    """Type a line, and give what it says; it must end well."""
    return ended(begun(line, desk))


def with_own(line):
    for theirs, ours in TYPED.items():
        line = re.sub(rf"(?<![\w/]){re.escape(theirs)}(?!\w)", ours, line)
    return line.replace(".venv/bin/smearwatch", "smearwatch")


def is_run(words):
    line = " ".join(words)
    return any(tuple(words[: len(name)]) == name for name in RUN) and not any(line.startswith(name) for name in PARSED)


def fill_in_labels(table):
    """Do what the page asks of a person: name each counted cell in the column `label`."""
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows({**row, "label": row.get("class", "segmented")} for row in rows)


def try_out(lines, desk):
    """Type the lines of one block, one after the other; one that runs on is left to run while the next is typed."""
    running = None
    for line in lines:
        _, *words = words_of(line)
        if words[0] == "run":
            ours = with_own(line)
            if (
                "--watch frames" in ours and "--session" not in ours
            ):  # a session that is begun needs pictures of its own
                shutil.copytree(desk / "frames", desk / "new")
                ours = ours.replace("--watch frames", "--watch new")
            running = begun(f"{ours} --until-idle {UNTIL_IDLE_S}", desk)
            continue
        said = typed(with_own(line), desk)
        if "> tuesday.csv" in with_own(line):
            fill_in_labels(desk / "tuesday.csv")
        assert said or ">" in line or "--out" in line, f"{line}: nothing was said"
    if running is not None:
        assert "For Research Use Only" in ended(running)


@pytest.mark.parametrize("block", blocks(), ids=str)
def test_a_block_of_commands(block, request):
    tried = []
    for line in block.lines:
        program, *words = words_of(line)
        if program == "smearwatch" and is_run(words):
            tried.append(line)
        elif program == "smearwatch":
            parse(words)
        elif program == "torchrun":
            parse(words[words.index("smearwatch.daemon.cli") + 1 :])
        elif program == "make":
            assert words[0] in make_targets()
        else:
            assert any(" ".join([program, *words]).startswith(name) for name in SKIPPED), (
                f"what is to become of {line!r}?"
            )
    if tried:
        try_out(tried, request.getfixturevalue("desk"))


def test_a_wrong_option_in_a_page_would_be_noticed():
    with pytest.raises(Exception, match="No such option: --micrometre"):
        parse(["calibrate", "--micrometre", "ruler.tif"])
    with pytest.raises(AssertionError, match="no command smearwatch sessions delet"):
        parse(["sessions", "delet", "tuesday"])


def test_the_tables_name_only_what_the_pages_have():
    lines = [" ".join(words_of(line)) for block in blocks() for line in block.lines]
    assert [name for name in PARSED if not any(line.startswith(f"smearwatch {name}") for line in lines)] == []
    assert [name for name in SKIPPED if not any(line.startswith(name) for line in lines)] == []
    assert [word for word in TYPED if not any(word in line for line in lines)] == []


def test_the_service_unit_is_where_the_pages_say():
    assert (ROOT / "systemd" / "smearwatch.service").is_file()
