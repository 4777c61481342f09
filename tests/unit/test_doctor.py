"""Each check says what it finds of real files and folders, and how to mend it; cards are told from what was found."""

import json
import os
import socket
import subprocess
import sys
import time

import pytest

from smearwatch.capture.scale.calibration import DEFAULT_NAME
from smearwatch.daemon.config import Settings
from smearwatch.daemon.doctor.machine import clock, memory, notices, processor, versions
from smearwatch.daemon.doctor.networks import judge_found, of_networks
from smearwatch.daemon.doctor.places import calibrations, endpoints, rights, room, sessions
from smearwatch.daemon.record.events import Opened
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.wire.endpoints import private_dir


def test_versions_are_those_installed():
    check = versions()
    assert check.state == "ok"
    assert {"smearwatch", "torch", "pyzmq", "opencv-python"} <= set(check.values)


@pytest.mark.parametrize(
    ("flags", "state"),
    [("flags : fpu avx avx2 avx512f", "ok"), ("flags : fpu sse2 avx", "warning"), ("Features : fp asimd", "ok")],
)
def test_a_processor_without_wide_registers_is_told(tmp_path, flags, state):
    (tmp_path / "cpuinfo").write_text(f"processor : 0\n{flags}\n")
    if len(os.sched_getaffinity(0)) > 1:
        assert processor(tmp_path / "cpuinfo").state == state


@pytest.mark.parametrize(("free_kb", "state"), [(8_000_000, "ok"), (1_000_000, "warning")])
def test_little_memory_is_told(tmp_path, free_kb, state):
    (tmp_path / "meminfo").write_text(f"MemTotal: 9000000 kB\nMemAvailable: {free_kb} kB\n")
    assert memory(tmp_path / "meminfo").state == state


def test_a_clock_before_what_is_recorded_is_wrong():
    now = time.time_ns()
    assert clock(now - 1, now).state in ("ok", "warning")
    assert clock(now + 10**9, now).state == "failed"
    assert clock(None, 10**18).state == "failed"


def test_few_notices_are_told_with_the_command(tmp_path):
    (tmp_path / "max_user_instances").write_text("128")
    (tmp_path / "max_user_watches").write_text("100")
    assert "sysctl fs.inotify.max_user_watches=" in notices(tmp_path).mend
    (tmp_path / "max_user_watches").write_text("100000")
    assert notices(tmp_path).state == "ok"
    assert notices(tmp_path / "gone").state == "warning"


def test_room_is_that_of_the_first_folder_that_is_there(tmp_path, monkeypatch):
    assert room(tmp_path / "not" / "there").values["free_bytes"] > 0
    for free, state in ((10**12, "ok"), (2 * 1024**3, "warning"), (1024**2, "failed")):
        monkeypatch.setattr("shutil.disk_usage", lambda _, free=free: type("U", (), {"free": free}))
        assert room(tmp_path).state == state


def test_rights_are_told_with_the_command(tmp_path):
    state = tmp_path / "state"
    assert rights(state).state == "ok"
    state.mkdir(mode=0o700)
    assert rights(state).state == "ok"
    state.chmod(0o707)
    assert rights(state).mend == f"chmod o-w {state}"


def test_sessions_that_cannot_be_read_are_named_and_the_last_entry_is_known(tmp_path):
    before = time.time_ns()
    with Ledger.open(tmp_path / "sessions" / "good", session="good") as ledger:
        ledger.append([Opened(ledger.epoch, 1, "test", "good", None, 33.0, "rule", {})])
    check, latest = sessions(tmp_path)
    assert latest is not None
    assert (check.state, latest > before) == ("ok", True)
    (tmp_path / "sessions" / "bad").mkdir()
    (tmp_path / "sessions" / "bad" / "ledger.sqlite").write_text("no database")
    check, latest = sessions(tmp_path)
    assert (check.state, "bad" in check.says, "sessions verify bad" in check.mend) == ("failed", True, True)
    assert latest is not None
    assert latest > before


def test_the_scale_is_known_or_to_be_measured(tmp_path):
    settings = Settings(state_dir=tmp_path, runtime_dir=tmp_path / "r")
    assert calibrations(settings).state == "warning"
    assert calibrations(settings.model_copy(update={"um_per_px": 0.1})).state == "ok"
    (tmp_path / "calibrations").mkdir()
    (tmp_path / "calibrations" / "x40.json").write_text("{}")
    unnamed = calibrations(settings)
    assert unnamed.state == "warning"
    assert unnamed.says == "calibrated: x40; none is called default, so a run uses none of them unless it is named"
    assert "--calibration x40" in unnamed.mend
    named = calibrations(settings.model_copy(update={"calibration": "x40"}))
    assert (named.state, named.says) == ("ok", "calibrated: x40")
    assert "none of them is x63" in calibrations(settings.model_copy(update={"calibration": "x63"})).says
    (tmp_path / "calibrations" / "default.json").write_text("{}")
    assert calibrations(settings).says == "calibrated: default, x40"
    assert DEFAULT_NAME == "default", "or the words above are wrong"
    assert calibrations(settings).state == "ok"


def test_a_count_that_listens_is_told_from_a_socket_left_behind(tmp_path):
    settings = Settings(state_dir=tmp_path / "s", runtime_dir=tmp_path / "r")
    assert endpoints(settings).says.startswith("no count runs")
    private_dir(settings.runtime_dir)
    with socket.socket(socket.AF_UNIX) as hub:
        hub.bind(str(settings.runtime_dir / "hub.sock"))
        hub.listen()
        assert endpoints(settings).says.startswith("a count runs")
    assert endpoints(settings).values == {"running": False}
    settings.runtime_dir.chmod(0o755)
    assert endpoints(settings).state == "failed"


CPU = {"version": "2", "cuda": None, "why_no_cuda": None}
CUDA = {"version": "2", "cuda": "13.0", "why_no_cuda": "the NVIDIA driver on your system is too old"}
CARD = {"name": "GTX 980", "memory_bytes": 4 * 1024**3, "capability": "5.2", "built_for": ["sm_75", "sm_90"]}
FITS = CARD | {"convolution": True, "why": None}
WRONG, UNFIT = FITS | {"convolution": False}, FITS | {"convolution": None, "why": "no kernel image"}
GOOD = {"weights": "ab" * 32, "device": "cpu", "judge_ms": 30.0, "same_each_time": True, "engines": [], "why": None}


@pytest.mark.parametrize(
    ("torch", "cards", "changes", "driver", "card", "networks"),
    [
        (CPU, [], {}, False, "none; the processor", "weights abab"),
        (CPU, [], {}, True, "built without CUDA", "weights"),
        (CUDA, [], {}, True, "driver on your system is too old", "weights"),
        (CUDA, [FITS], {}, True, "a convolution on it is right", "weights"),
        (CUDA, [WRONG], {}, True, "is wrong", "weights"),
        (CUDA, [UNFIT], {}, True, "no kernel image", "weights"),
        (CPU, [], {"judge_ms": 900.0}, False, "none", "900 ms"),
        (CPU, [], {"same_each_time": False}, False, "none", "not the same answer"),
        (CPU, [], {"weights": None, "why": "changed"}, False, "none", "changed"),
    ],
)
def test_a_card_that_does_not_fit_is_told_in_clear_words(torch, cards, changes, driver, card, networks):
    found = {"torch": torch, "cards": cards, **GOOD, **changes}
    graphics, judged = judge_found(found, "auto", has_driver=driver)
    assert card in graphics.says
    assert networks in judged.says
    assert (graphics.mend != "") == (graphics.state != "ok")
    assert (judged.mend != "") == (judged.state != "ok")


def test_an_engine_that_answers_otherwise_is_told():
    refused = {"engine": "bf16", "times_as_quick": None, "refused": "an answer is 0.020 from the reference's"}
    quick = {"engine": "fused", "times_as_quick": 1.26, "refused": None}
    found = {"torch": CPU, "cards": [], **GOOD, "engines": [quick, refused]}
    fused, bf16 = list(judge_found(found, "auto", has_driver=False))[2:]
    assert (fused.state, bf16.state) == ("ok", "warning")
    assert "1.3 times as quick" in fused.says
    assert "0.020" in bf16.says


def test_a_card_that_is_asked_for_and_missing_is_no_warning():
    found = {"torch": CPU, "cards": [], **GOOD}
    assert next(iter(judge_found(found, "cuda", has_driver=False))).state == "failed"


def test_the_networks_are_really_asked(tmp_path):
    card, judged, *engines = of_networks(Settings(state_dir=tmp_path, runtime_dir=tmp_path / "r", device="cpu"))
    assert judged.state in ("ok", "warning"), judged
    assert judged.values["same_each_time"]
    assert card.name == "graphics card"
    assert [each.name for each in engines] == ["engine fused", "engine bf16"]
    assert engines[0].values["times_as_quick"] > 0, engines[0]


def test_weights_that_are_missing_are_named(tmp_path):
    (check,) = of_networks(Settings(state_dir=tmp_path, runtime_dir=tmp_path / "r", weights=tmp_path))
    assert (check.state, check.name) == ("failed", "weights")


def test_the_command_ends_with_1_where_a_check_has_failed(tmp_path):
    state = tmp_path / "s"
    (state / "sessions" / "bad").mkdir(parents=True)
    (state / "sessions" / "bad" / "ledger.sqlite").write_text("no database")
    done = subprocess.run(
        [sys.executable, "-m", "smearwatch.daemon.cli", "doctor", "--json"],
        env={**os.environ, "SMEARWATCH_STATE_DIR": str(state), "SMEARWATCH_DEVICE": "cpu"},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    told = json.loads(done.stdout)
    assert (done.returncode, told["ok"]) == (1, False), done.stderr
    assert [each["name"] for each in told["checks"] if each["state"] == "failed"] == ["sessions"]
