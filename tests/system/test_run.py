"""`smearwatch run` as a person types it: real processes on real files, killed in the middle, counted in the end."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest

from smearwatch.daemon.record.events import Counted, Found
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.schema import LedgerUnusable
from smearwatch.daemon.record.sessions import session_names
from smearwatch.daemon.record.tally import TallyFold
from smearwatch.daemon.record.verifying import verify
from tests.in_process import run_here
from tests.opened import check_counts_of_each_format
from tests.role_processes import role_of

pytestmark = pytest.mark.system

SMEARWATCH = [sys.executable, "-m", "smearwatch.daemon.cli"]


def start(*arguments, **options):
    return subprocess.Popen(
        [*SMEARWATCH, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def smearwatch(*arguments, timeout=280, **options):
    command = [*SMEARWATCH, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, **options)


def session_folder(name):
    return Path(os.environ["XDG_STATE_HOME"]) / "smearwatch" / "sessions" / name


def fold_of(name):
    fold, cells = TallyFold(), []
    with LedgerReader.read(session_folder(name)) as ledger:
        for recorded in ledger.events():
            fold.apply(recorded.event)
            if isinstance(recorded.event, Counted):
                cells.append((recorded.event.frame, recorded.event.index))
        assert list(verify(ledger)) == []
    return fold, cells


def kill_role(parent, name, sent=signal.SIGKILL):
    """Kill one role of a run: the child whose sockets or work make it that role is found by its log name."""
    for child in psutil.Process(parent.pid).children():
        environment = (session_pids() or {}).get(child.pid)
        if environment == name:
            os.kill(child.pid, sent)
            return child.pid
    return None


def session_pids():
    """Return role by pid, from what each role's process calls itself."""
    pids = {}
    for process in psutil.process_iter(["pid", "cmdline"]):
        if (role := role_of(process.info["cmdline"] or [])) is not None:
            pids[process.info["pid"]] = role
    return pids


def wait_for(condition, seconds=120.0):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.1)
    return value


def counted(session):
    """How many cells have their verdict, 0 while there is no ledger."""
    return summary(session).cells_counted if summary(session) else 0


def all_counted(session, frames):
    """Whether so many frames were seen, and none is pending."""
    seen = summary(session)
    return seen is not None and (seen.frames, seen.pending) == (frames, 0)


def frames_seen(session):
    """How many frames were seen, 0 while there is no ledger."""
    return summary(session).frames if summary(session) else 0


def summary(session):
    """What the ledger holds; None while it is not there or being made just now."""
    try:
        with LedgerReader.read(session_folder(session)) as ledger:
            return ledger.summary()
    except LedgerUnusable:
        return None


def test_a_run_and_its_replay(fields, tmp_path, monkeypatch):
    """Files there before, files that come, a second hub refused, a late client, the same verdicts on replay.

    The review page is served beside it, of whatever is counted.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("SMEARWATCH_REVIEW_PORT", str(free.getsockname()[1]))
    watched = tmp_path / "camera"
    shutil.copytree(fields, watched)
    late = watched / "field_000011.jpg"
    data = late.read_bytes()
    late.unlink()
    run = start("run", "--watch", watched, "--session", "a", "--json", "--review")
    wait_for((tmp_path / "smearwatch" / "review-link").exists)
    wait_for(lambda: counted("a") > 0)
    second = smearwatch("run", "--watch", watched, "--session", "b", "--json", "--count-again")
    assert second.returncode == 1
    assert "another smearwatch" in second.stderr
    assert len(second.stderr.strip().splitlines()) == 1
    watch = start("watch", "--json")
    late.write_bytes(data)
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    with opener.open((tmp_path / "smearwatch" / "review-link").read_text(), timeout=30) as page:
        assert page.url.endswith("/session/a/")
    wait_for(lambda: all_counted("a", frames=12))
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=200)
    assert run.returncode == 0, err
    assert "review page: http://127.0.0.1:" in err
    assert "token" not in err
    watch.send_signal(signal.SIGINT)  # a run that was stopped may go on, so it would wait
    seen, _ = watch.communicate(timeout=30)
    lines = [json.loads(line) for line in out.splitlines()]
    final = lines[-1]
    assert final["frames"]["seen"] == 12
    assert final["frames"]["pending"] == 0
    assert final["complete"]
    assert final["balanced"]
    assert final["cells"] > 10
    assert {"decode", "segment", "classify"} <= set(final["stages_ms"])
    followed = json.loads(seen.splitlines()[-1])
    assert followed["counts"] == final["counts"]
    assert followed["frames"] == final["frames"]

    replay = smearwatch("replay", "a", "--compare", "--json")
    assert replay.returncode == 0, replay.stdout + replay.stderr
    comparison = json.loads(replay.stdout.splitlines()[-1])["comparison"]
    assert comparison["identical"]
    assert session_names(Path(os.environ["XDG_STATE_HOME"]) / "smearwatch") == ["a"], "nothing is to be looked at in it"
    assert comparison["cells_same"] == len(fold_of("a")[1])
    runtime_dir = Path(os.environ["XDG_RUNTIME_DIR"]) / "smearwatch"
    assert runtime_dir.stat().st_mode & 0o777 == 0o700
    assert list(runtime_dir.glob("replay-*")) == []
    _check_replayed_as_archive(comparison["cells_same"], tmp_path)

    frame, cell = fold_of("a")[1][0]
    (tmp_path / "labels.csv").write_text(f"frame,index,label\n{frame},{cell},monocyte\n")
    assert run_here("sessions", "label", "a", "--from", tmp_path / "labels.csv", "--by", "A").returncode == 0
    check_counts_of_each_format("a", tmp_path)


def _check_replayed_as_archive(cells, tmp_path):
    of = ("replay", "--archive", session_folder("a").parent, "--results", tmp_path / "results", "--json")
    archived = smearwatch(*of, "--compare")
    assert archived.returncode == 0, archived.stderr
    summary = json.loads(archived.stdout)
    assert (summary["done"], summary["done_before"], summary["identical"], summary["failed"]) == (1, 0, 1, {})
    result = json.loads((tmp_path / "results" / "sessions" / "a.json").read_text())["result"]
    assert len(result["cells"]) == result["comparison"]["cells_same"] == cells
    assert sum(result["tally"]["counts"].values()) == result["tally"]["cells"] == summary["cells"]
    assert json.loads(smearwatch(*of).stdout)["done_before"] == 1
    assert session_names(session_folder("a").parents[1]) == ["a"]


def test_bad_files_are_counted_and_lose_nothing(fields, tmp_path):
    watched = tmp_path / "camera"
    watched.mkdir()
    good = sorted(fields.iterdir())[:2]
    half = good[0].read_bytes()
    (watched / "empty.jpg").touch()
    (watched / "text.jpg").write_text("this is no picture at all\n" * 50)
    (watched / "half.jpg").write_bytes(half[: len(half) // 2])
    (watched / "never.jpg").write_bytes(good[1].read_bytes()[:-500])
    huge = cv2.imencode(".png", np.zeros((8, 8, 3), np.uint8))[1].tobytes()
    (watched / "huge.png").write_bytes(_resized(huge, 30_000, 30_000))
    (watched / os.fsdecode(b"good-\xff\xe4.jpg")).write_bytes(good[1].read_bytes())
    run = start("run", "--watch", watched, "--session", "bad", "--until-idle", "3", "--json")
    wait_for(lambda: frames_seen("bad") > 0)  # so the half one has been looked at too, and left for later
    (watched / "half.jpg").write_bytes(half)
    began_s = time.monotonic()
    out, err = run.communicate(timeout=200)
    assert run.returncode == 0, err
    assert time.monotonic() - began_s < 55.0  # less than an incomplete file is waited for while others come
    assert "incomplete pictures are taken as they are" in err
    final = json.loads(out.splitlines()[-1])
    assert final["complete"]
    assert final["frames"] == {"seen": 6, "counted": 2, "rejected": 4, "pending": 0}
    assert final["rejected_by_reason"] == {"empty_file": 1, "not_an_image": 1, "too_many_pixels": 1, "truncated": 1}


def _resized(png: bytes, width: int, height: int) -> bytes:
    """Return a PNG whose header says another size, with the checksum that belongs to it."""
    import zlib

    header = b"IHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big") + png[24:29]
    return png[:12] + header + zlib.crc32(header).to_bytes(4, "big") + png[33:]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--watch", "nowhere"), "does not exist"),
        (("--watch", "{file}"), "is not a folder"),
        (("--watch", "{dir}", "--um-per-px", "50"), "um_per_px"),
        (("--watch", "{dir}", "--um-per-px", "-1"), "um_per_px"),
        (("--watch", "{dir}", "--session", "../x"), "session"),
        (("--watch", "{dir}", "--config", "{bad_config}"), "did you mean um_per_px"),
        (("--watch", "{dir}", "--weights", "{dir}"), "weights"),
        (("--watch", "{dir}", "--weights", "{changed}"), "resnet"),
    ],
    ids=lambda value: "" if isinstance(value, tuple) else value,
)
def test_wrong_input_is_one_line(tmp_path, arguments, says):
    from importlib import resources

    file, folder, bad_config = tmp_path / "file", tmp_path / "dir", tmp_path / "bad.toml"
    file.touch()
    folder.mkdir()
    bad_config.write_text("um_per_pix = 0.1\n")
    changed = tmp_path / "changed"
    shutil.copytree(Path(str(resources.files("smearwatch.models"))) / "weights", changed)
    tensors = max(changed.glob("*.safetensors"), key=lambda path: path.stat().st_size)
    content = bytearray(tensors.read_bytes())
    content[len(content) // 2] ^= 1
    tensors.write_bytes(content)
    places = {"file": file, "dir": folder, "bad_config": bad_config, "changed": changed}
    done = smearwatch("run", *[str(part).format(**places) for part in arguments], "--json")
    lines = done.stderr.strip().splitlines()
    assert done.returncode in (1, 2)
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert sum(line.startswith("smearwatch:") for line in lines) == 1
    # The hub may have told its empty tally before the worker saw its weights; a summary there is none, nor a session.
    assert not any(json.loads(line).get("final") for line in done.stdout.splitlines())
    assert not session_folder("x").parent.exists() or list(session_folder("x").parent.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["runn"], 2, "No such command 'runn'; did you mean run?"),
        (["sessions", "shw"], 2, "No such command 'shw'; did you mean show?"),
        (["sign"], 2, "No such command 'sign'; did you mean sessions sign?"),
        (["run", "--watch", ".", "--target", "abc"], 2, "--target: 'abc' is not a whole number"),
        (["demo", "--rate=99"], 2, "--rate: '99' is above 50, the most that can be"),
        (["run", "--watch", ".", "--scale-from", "x"], 2, "scale_from = 'x': it is none of auto, micrometer"),
        (["run"], 2, "give exactly one of --watch DIR, --camera INDEX|URL|PATH, --source NAME; got none of them"),
        (["run", "--watch", ".", "--camera", "0"], 2, "got --watch and --camera"),
        (["run", "--source", "foldr"], 2, "did you mean folder?"),
        (["run", "--camera", "0", "--subfolders"], 2, "it goes with --watch DIR alone"),
        (["run", "--watch", ".", "--until-idle", "soon"], 2, "--until-idle"),
        (["slide", "--out"], 2, "Option '--out' requires an argument (see smearwatch slide --help)"),
        (["watch", "--plain", "--json"], 2, "not both"),
        (["classify", "x.jpg", "--um-per-px", "-1"], 2, "--um-per-px -1"),
        (
            ["classify", "x.jpg", "--um-per-px", "0.1", "--device", "gpu"],
            2,
            "'gpu' is not one of 'auto', 'cpu', 'cuda'",
        ),
        (["segment", "x.jpg", "--um-per-px", "nan"], 2, "--um-per-px nan"),
        (["replay", "nosuch"], 1, "no session 'nosuch'"),
        (["replay", "../../etc"], 2, "session"),
        (["run", "--watch", ".", "--session", ""], 2, "'' cannot be the name of a session"),
        (["run", "--watch", ".", "--um-per-px", "0"], 2, "no usable scale"),
        (["run", "--watch", ".", "--um-per-px", "nan"], 2, "no usable scale"),
        (["run", "--watch", ".", "--weights", "nosuch"], 1, "no weights in nosuch"),
        (["config", "check", "--config", "nowhere.toml"], 2, "nowhere.toml"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_one_line(arguments, code, says, here):
    status, out, err = here(*arguments)
    assert status == code
    assert says in err
    assert err.startswith("smearwatch: ")
    assert len(err.splitlines()) == 1
    assert out == ""


@pytest.mark.parametrize("help_of", [["watch"], ["run"], ["sessions"], ["segment"], ["classify"], []])
def test_help_loads_neither_torch_nor_opencv(help_of):
    script = (
        "import sys; from smearwatch.daemon.cli import main; "
        f"sys.argv = ['smearwatch', *{help_of!r}, '--help']\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "assert not {'torch', 'cv2', 'torchvision'} & set(sys.modules), 'loaded'"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "smearwatch" in done.stdout


@pytest.mark.realdata
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("name", "frames"),
    [
        ("chula", 16),
        ("bccd", 16),
        pytest.param("chula", 231, marks=pytest.mark.long),  # all of them
        pytest.param("bccd", 249, marks=pytest.mark.long),
    ],
)
def test_real_frames_end_to_end(real_data, tmp_path, name, frames):
    """A share of the real frames, a client that joins late, a worker killed in the middle."""
    watched = tmp_path / "camera"
    watched.mkdir()
    files = sorted((real_data / name / "frames").iterdir())
    for path in files[:: max(1, len(files) // frames)][:frames]:
        shutil.copy(path, watched)
    run = start("run", "--watch", watched, "--session", name, "--until-idle", "5", "--json")
    wait_for(lambda: counted(name) >= 5)
    watch = start("watch", "--json")
    assert kill_role(run, "worker-1")
    out, err = run.communicate(timeout=1600)
    assert run.returncode == 0, err
    seen, _ = watch.communicate(timeout=30)
    final, followed = (json.loads(text.splitlines()[-1]) for text in (out, seen))
    fold, cells = fold_of(name)
    assert final["frames"]["seen"] == frames
    assert final["complete"]
    assert final["frames"]["pending"] == 0
    assert fold.balanced
    assert followed["counts"] == final["counts"] == fold.counts
    assert len(cells) == len(set(cells))
    with LedgerReader.read(session_folder(name)) as ledger:
        to_judge = sum(
            cell.is_judged for event in ledger.events() if isinstance(event.event, Found) for cell in event.event.cells
        )
    assert to_judge == len(cells)
    assert final["cells"] >= frames // 3
