"""Settings: what wins over what, and one clear line for everything that cannot be."""

import inspect
import json
import sys
import tomllib

import pytest
from typer.testing import CliRunner

from smearwatch.daemon.commands.config import app
from smearwatch.daemon.commands.run import run
from smearwatch.daemon.config import Settings, SettingsUnusable, load_settings
from smearwatch.daemon.one_line import one_line
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.setting_places import SetUnusable


@pytest.fixture
def file(tmp_path):
    return tmp_path / "settings.toml"


def test_options_win_over_environment_over_file_over_defaults(file, monkeypatch):
    file.write_text("target = 200\nworkers = 2\nlease_s = 7\n")
    monkeypatch.setenv("SMEARWATCH_TARGET", "300")
    monkeypatch.setenv("SMEARWATCH_WORKERS", "3")
    settings = load_settings(file, target=400)
    assert (settings.target, settings.workers, settings.lease_s, settings.crop_backlog) == (400, 3, 7.0, 24)


def test_the_check_names_what_it_has_read(file, monkeypatch):
    file.write_text("target = 200\n")
    monkeypatch.setenv("SMEARWATCH_TARGET", "300")
    said = CliRunner().invoke(app, ["check", "--config", str(file)]).stdout.splitlines()
    assert said[0] == f"# {file}"
    assert "SMEARWATCH_TARGET" in said[1]
    assert "target = 300" in said
    assert CliRunner().invoke(app, ["check"]).stdout.startswith("# no settings file: none at /")


def test_the_usual_place_is_read_where_there_is_a_file(tmp_path):
    assert load_settings().target == 100
    (tmp_path / "config" / "smearwatch").mkdir(parents=True)
    (tmp_path / "config" / "smearwatch" / "config.toml").write_text("target = 250\n")
    assert load_settings().target == 250


def test_an_accounts_own_file_is_read_after_that_of_the_installation(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "opt"))
    shared, own = tmp_path / "opt" / "etc" / "smearwatch", tmp_path / "config" / "smearwatch"
    for folder, text in ((shared, "target = 200\nlease_s = 7\n"), (own, "target = 250\n")):
        folder.mkdir(parents=True)
        (folder / "config.toml").write_text(text)
    settings = load_settings()
    assert (settings.target, settings.lease_s) == (250, 7.0)
    said = CliRunner().invoke(app, ["check"]).stdout.splitlines()
    assert said[:2] == [f"# {shared}/config.toml", f"# {own}/config.toml"]
    (shared / "config.toml").write_text("lease_s = 0\n")
    with pytest.raises(SettingsUnusable, match=f"{shared}/config.toml, line 1: lease_s"):
        load_settings()
    named = tmp_path / "named.toml"
    named.write_text("target = 300\n")
    assert load_settings(named).lease_s == 30.0


def test_the_services_folders_win_over_the_users(monkeypatch, tmp_path):
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/smearwatch")
    monkeypatch.setenv("RUNTIME_DIRECTORY", "/run/smearwatch")
    monkeypatch.setenv("CONFIGURATION_DIRECTORY", str(tmp_path))
    settings = load_settings()
    assert (str(settings.state_dir), str(settings.runtime_dir)) == ("/var/lib/smearwatch", "/run/smearwatch")


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "50", "nan", "inf", "x", ""])
def test_a_scale_that_cannot_be(value):
    with pytest.raises(SettingsUnusable, match="um_per_px") as caught:
        load_settings(um_per_px=value)
    assert caught.value.hint == "give auto or a number from 0.01 to 1"


@pytest.mark.parametrize("value", ["0.01", "0.095", "1.0"])
def test_a_scale_that_can_be(value):
    assert load_settings(um_per_px=value).um_per_px == float(value)


@pytest.mark.parametrize("value", ["../ercs", "", "a b", ".hidden", "x" * 65])
def test_a_name_that_no_calibration_has(value):
    with pytest.raises(SettingsUnusable, match=r"calibration = .*: use 1 to 64 letters, digits") as caught:
        load_settings(calibration=value)
    assert caught.value.wrongly_typed


@pytest.mark.parametrize("value", ["1920", "1920x", "x1080", "0x1080", "1920x99999", "1920*1080", ""])
def test_a_size_that_no_camera_has(value):
    with pytest.raises(SettingsUnusable, match=r"camera_size = .*write width and height in pixels like 1920x1080"):
        load_settings(camera_size=value)


def test_what_is_asked_of_a_camera():
    settings = load_settings(camera_size="1920X1080", camera_fourcc="MJPG", camera_fps=15)
    assert (settings.camera_size, settings.camera_fourcc, settings.camera_fps) == ("1920x1080", "MJPG", 15.0)


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        ("camera_fourcc = 'MJPEG'", "four characters of a pixel format", "correct camera_fourcc"),
        ("camera_fps = 0", "camera_fps = 0", "correct camera_fps"),
        ("camera_settle_s = 0.0", "camera_settle_s = 0.0", "correct camera_settle_s"),
        ("camera_moved_share = 0.5", "camera_moved_share = 0.5", "correct camera_moved_share"),
        ("camera_stall = 3", "unknown key 'camera_stall'", "did you mean camera_stall_s"),
        ("um_per_pix = 0.1", "unknown key 'um_per_pix'", "did you mean um_per_px"),
        ("zebra = 1", "unknown key 'zebra'", "known keys"),
        ("target = 0", "target = 0", "correct target"),
        ("target = 'many'", "target", "correct target"),
        ("target = [", "settings.toml", "TOML"),
        ("workers = 1\nworkers = 2", "settings.toml", "TOML"),
        ("[places]\ncamera = 'camera'", "places.camera: write the whole path of the folder", "correct places"),
        (
            "[places]\nx = { camera = 'tuesday.avi' }",
            "places.x: write a camera's number, its address or the",
            "correct",
        ),
        ("[places]\n' a' = '/srv'", "places. a: give a name of 1 to 64 letters", "correct places"),
    ],
)
def test_a_bad_file_is_one_line(file, text, says, hint):
    file.write_text(text)
    with pytest.raises(SettingsUnusable) as caught:
        load_settings(file)
    line = one_line(caught.value)
    assert line is not None
    assert says in line
    assert hint in line
    assert "settings.toml" in line
    assert "\n" not in line


def test_a_file_that_was_named_must_be_there(file):
    with pytest.raises(SettingsUnusable, match="does not exist") as caught:
        load_settings(file)
    assert caught.value.wrongly_typed, "so that the exit status is 2"


def test_a_bad_variable_names_the_variable(monkeypatch):
    monkeypatch.setenv("SMEARWATCH_WORKERS", "many")
    with pytest.raises(SettingsUnusable, match="SMEARWATCH_WORKERS"):
        load_settings()


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("one-third", "one-third"),
        ("filament rule: a filament without chromatin inside means segmented", "filament"),
        ("as Anna does it", "as Anna does it"),
    ],
)
def test_a_band_rule_is_one_of_the_known_ones_or_in_own_words(monkeypatch, given, kept):
    monkeypatch.setenv("SMEARWATCH_BAND_RULE", given)
    assert load_settings().band_rule == kept


def test_a_mistyped_band_rule_is_refused(monkeypatch):
    monkeypatch.setenv("SMEARWATCH_BAND_RULE", "onethird")
    with pytest.raises(SettingsUnusable, match="filament, one-third, japan-2013, none"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("SMEARWATCH_WORKER", "did you mean SMEARWATCH_WORKERS?"),
        ("SMEARWATCH_UM_PER_PIX", "did you mean SMEARWATCH_UM_PER_PX?"),
        ("smearwatch_tarjet", "did you mean SMEARWATCH_TARGET?"),
        ("SMEARWATCH_ZEBRA", "known: ANCHOR_S"),
    ],
)
def test_an_unknown_variable_is_refused_like_an_unknown_key(monkeypatch, name, says):
    monkeypatch.setenv(name, "1")
    with pytest.raises(SettingsUnusable, match=name) as caught:
        load_settings()
    assert says in str(one_line(caught.value))


def test_the_services_own_variables_are_none_of_the_settings(monkeypatch):
    for name in ("SMEARWATCH_WATCH", "SMEARWATCH_OPTIONS", "SMEARWATCH_REAL_DATA"):
        monkeypatch.setenv(name, "/srv/camera")
    assert load_settings().target == 100


def test_a_plan_survives_the_way_to_a_child_whatever_its_environment(file, monkeypatch):
    file.write_text("target = 200\n")
    plan = RunPlan(settings=load_settings(file), session="a", source="folder", until_idle_s=2.0)
    text = plan.model_dump_json()
    monkeypatch.setenv("SMEARWATCH_TARGET", "999")
    assert RunPlan.model_validate_json(text) == plan
    assert isinstance(RunPlan.model_validate_json(text).settings, Settings)


def test_a_settings_file_that_is_no_text_is_one_line(file):
    file.write_bytes(b"\xff\xd8\xff\xe0 a picture")
    with pytest.raises(SettingsUnusable, match="is no UTF-8 text"):
        load_settings(file)


@pytest.mark.parametrize(
    ("content", "what", "hint"),
    [
        (b"\xef\xbb\xbftarget = 1\n", "begins with a byte order mark", "save it as UTF-8 without one"),
        (b"target = 1\ntarget = 2\n", "line 2 gives a key a second time", "leave one of the two"),
        (b"[keys]\n[keys]\n", "line 2 gives a key a second time", "leave one of the two"),
        ("target = 1\n".encode("utf-16"), "is no UTF-8 text", "save it as UTF-8"),
        ("# für\ntarget = 1\n".encode("cp1252"), "is no UTF-8 text", "save it as UTF-8"),
    ],
)
def test_what_editors_make_of_a_settings_file_is_said_plainly(file, content, what, hint):
    file.write_bytes(content)
    with pytest.raises(SettingsUnusable, match=what) as caught:
        load_settings(file)
    assert caught.value.hint == hint


EVERY_KIND = """
target = 150
typo = 1

[places]
bench = { camera = "/dev/video0" }
[places.other]
folder = "camera"
[messages]
folder = "lis"
"""


def test_every_fault_of_a_file_is_named_with_its_line(file):
    file.write_text(EVERY_KIND)
    with pytest.raises(SettingsUnusable) as caught:
        load_settings(file)
    faults = [one_line(each) or "" for each in (caught.value, *caught.value.others)]
    assert any(f"{file}, line 3: unknown key 'typo'" in fault for fault in faults)
    assert any(f"{file}, line 8: places.other" in fault for fault in faults)
    assert any(f"{file}, line 10: messages.folder" in fault for fault in faults)
    said = CliRunner().invoke(app, ["check", "--config", str(file)])
    assert said.exit_code == 1
    assert [line.removeprefix("smearwatch: ") for line in said.stderr.splitlines()] == faults


def test_a_fault_in_toml_itself_has_its_line(file):
    file.write_text("target = 100\nlease_s = = 3\n")
    with pytest.raises(SettingsUnusable, match=r"settings\.toml.*line 2"):
        load_settings(file)


WRITTEN = {
    "um_per_px": "0.1",
    "scale_from": '"red_cells"',
    "search_stain": '"red_cells"',
    "judged_view": '"first"',
    "band_rule": '"one-third"',
    "device": '"cpu"',
    "engine": '"fused"',
    "calibration": '"bench-1"',
    "field_um": "20.5",
    "camera_size": '"640x480"',
    "camera_fourcc": '"MJPG"',
    "camera_moved_share": "0.1",
    "max_frame_bytes": "20000",
    "max_frame_pixels": "20000",
    "review": "true",
    "review_listen": '"0.0.0.0:8443"',
    "log_level": '"warning"',
    "log_format": '"json"',
    "listen": '"tcp://0.0.0.0:5760"',
    "hub": '"tcp://10.0.0.1:5760"',
    "keys": '{ band = "h" }',
    "extra_classes": '{ hairy = { key = "h", counts = "per_100" } }',
    "places": '{ bench = { camera = "/dev/video0" } }',
    "messages": '{ folder = "/srv/lis" }',
}
WRITTEN |= dict.fromkeys(
    ("state_dir", "runtime_dir", "weights", "review_tls_cert", "review_tls_key", "key"), '"/srv/x"'
)
WRITTEN |= dict.fromkeys(("watch_group", "control_group"), '"lab"') | {"hub_key": f'"{"ab" * 32}"'}
"""A value of each setting as a file has it; 7 is one of all others."""


@pytest.mark.parametrize("name", Settings.model_fields)
def test_one_name_in_file_environment_and_on_the_command_line(name, file, monkeypatch):
    text = WRITTEN.get(name, "7")
    file.write_text(f"{name} = {text}\n")
    by_file = getattr(load_settings(file), name)
    assert by_file != getattr(load_settings(), name), "or nothing is shown"
    assert getattr(load_settings(typed=[f"{name}={text}"]), name) == by_file
    assert getattr(load_settings(typed=[f"{name.replace('_', '-')} = {text}"]), name) == by_file
    value = tomllib.loads(f"value = {text}")["value"]
    in_environment = value if isinstance(value, str) else json.dumps(value)
    monkeypatch.setenv(f"SMEARWATCH_{name.upper()}", in_environment)
    assert getattr(load_settings(), name) == by_file


def test_what_has_an_option_of_its_own_and_what_has_not():
    """Every option of a run that is a setting has the setting's name; the others are reached by --set."""
    options = {name.removesuffix("_") for name in inspect.signature(run).parameters}
    own = options & Settings.model_fields.keys()
    assert own == {
        *("um_per_px", "scale_from", "calibration", "search_stain", "band_rule", "target", "weights", "review"),
    }
    assert "set" in options


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        (["target"], "--set 'target' gives no value"),
        (["target=1", "target=2"], "--set target is given twice"),
        (["zebra=1"], "option --set: unknown key 'zebra'"),
        (["workers=99"], "option --set: workers = 99"),
        (["targt=9"], "did you mean target"),
    ],
)
def test_what_cannot_be_set_is_one_line(typed, says):
    with pytest.raises((SettingsUnusable, SetUnusable)) as caught:
        load_settings(typed=typed)
    assert says in (one_line(caught.value) or "")
    assert getattr(caught.value, "wrongly_typed", False)
    with pytest.raises(SetUnusable, match="as an option and by --set"):
        load_settings(typed=["target=1"], target=2)


def test_what_the_check_says_of_keys_and_groups_and_of_a_value_that_may_be_of_two_kinds(file, tmp_path):
    file.write_text("um_per_px = 5\nhub_key = 'abc'\n")
    said = CliRunner().invoke(app, ["check", "--config", str(file)])
    lines = [line for line in said.stderr.replace("\n  ", " ").splitlines() if line.startswith("smearwatch: ")]
    assert (said.exit_code, len(lines)) == (1, 2)
    assert "um_per_px = 5 is no usable scale" in lines[0]
    assert "hub_key = 'abc': write the 64 digits" in lines[1]
    key = tmp_path / "other.key"
    file.write_text(f"key = '{key}'\nwatch_group = 'no-such-group'\ncontrol_group = 'root'\nhub_key = '{'AB' * 32}'\n")
    said = CliRunner().invoke(app, ["check", "--config", str(file)])
    assert (said.exit_code, said.stderr.count("warning: ")) == (0, 2)
    assert "no such group" in " ".join(said.stderr.split())
    assert f'hub_key = "{"ab" * 32}"' in said.stdout
