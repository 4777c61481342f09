"""The service's files, laid below a folder: what is whose, what is done again, what is taken away."""

import shutil
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from smearwatch.daemon import cli
from smearwatch.daemon.commands import install_service, uninstall_service
from smearwatch.daemon.folder_check import FolderUnusable
from smearwatch.daemon.one_line import one_line
from smearwatch.daemon.service.host import ServiceUnusable

pytestmark = pytest.mark.integration
UNITS = "usr/local/lib/systemd/system"


@pytest.fixture
def root(tmp_path, monkeypatch):
    if shutil.which("systemctl") is None:
        pytest.skip("no systemctl on this machine")
    monkeypatch.setattr(sys, "prefix", "/opt/elsewhere")
    return tmp_path / "root"


def typed(module, root, *words):
    done = CliRunner().invoke(module.app, [*map(str, words), "--root", str(root)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def files(root):
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


def test_everything_is_laid_and_enabled(root):
    done = typed(install_service, root, "--watch", "/srv/the camera", "--session", "ward-3", "--device", "cpu")
    assert done.exit_code == 0, done.output
    laid = files(root)
    hub = laid[f"{UNITS}/smearwatch-hub.service"]
    assert "ExecStart=/opt/elsewhere/bin/smearwatch hub $SMEARWATCH_OPTIONS" in hub
    assert not any("/opt/smearwatch" in text for path, text in laid.items() if path.startswith(UNITS))
    assert "SMEARWATCH_OPTIONS=--session ward-3\n" in laid["etc/smearwatch/hub.env"]
    assert "SMEARWATCH_OPTIONS=--watch '/srv/the camera'\n" in laid["etc/smearwatch/capture-folder.env"]
    assert "SMEARWATCH_OPTIONS=--device cpu\n" in laid["etc/smearwatch/worker.env"]
    assert "u smearwatch " in laid["usr/local/lib/sysusers.d/smearwatch.conf"]
    wanted = sorted(path.name for path in (root / "etc/systemd/system/smearwatch.target.wants").iterdir())
    assert wanted == [
        "smearwatch-capture@folder.service",
        "smearwatch-hub.service",
        "smearwatch-web.service",
        "smearwatch-worker@1.service",
    ]
    assert (root / "usr/local/bin/smearwatch").readlink() == Path("/opt/elsewhere/bin/smearwatch")


def test_again_nothing_changes_and_what_is_the_administrators_stays(root):
    typed(install_service, root, "--watch", "/srv/camera")
    mine = root / "etc/smearwatch/hub.env"
    mine.write_text("SMEARWATCH_OPTIONS=--session mine --target 200\n")
    unit = root / UNITS / "smearwatch-hub.service"
    shipped = unit.read_text()
    unit.write_text(shipped.replace("WatchdogSec", "# of an earlier version\nWatchdogSec"))
    before = files(root)
    done = typed(install_service, root)
    assert done.exit_code == 0
    assert f"left as it is: {mine}" in done.output
    assert f"renewed: {unit}" in done.output
    assert files(root) == before | {f"{UNITS}/smearwatch-hub.service": shipped}
    assert "renewed" not in typed(install_service, root).output


def test_what_was_asked_for_and_is_in_the_way_is_said(root):
    typed(install_service, root, "--watch", "/srv/camera")
    before = files(root)
    done = typed(install_service, root, "--watch", "/srv/other")
    assert done.exit_code == 1
    assert f"not done: {root}/etc/smearwatch/capture-folder.env is yours" in done.output
    assert "SMEARWATCH_OPTIONS=--watch /srv/other" in done.output
    assert files(root) == before


def test_a_session_for_each_subfolder_is_one_unit(root):
    typed(install_service, root, "--watch", "/srv/slides", "--subfolders")
    wanted = sorted(path.name for path in (root / "etc/systemd/system/smearwatch.target.wants").iterdir())
    assert wanted == ["smearwatch-web.service", "smearwatch.service"]
    assert (
        "SMEARWATCH_WATCH=/srv/slides\nSMEARWATCH_OPTIONS=--subfolders\n" in files(root)["etc/smearwatch/service.env"]
    )


def test_a_dry_run_shows_each_file_and_makes_none(root):
    for module, words in ((install_service, ["--watch", "/srv/camera"]), (uninstall_service, ["--purge"])):
        done = typed(module, root, *words, "--dry-run")
        assert done.exit_code == 0
    contents, summary = typed(install_service, root, "--camera", "0", "--dry-run").output.split(
        "In all, and nothing of it was done:\n"
    )
    assert f"would be written: {root}/etc/smearwatch/capture-camera.env" in summary
    assert "would be run: systemctl" in summary
    assert "    " not in summary
    assert f"\n{root}/etc/smearwatch/capture-camera.env:\n" in contents
    assert "    SMEARWATCH_OPTIONS=--camera 0" in contents
    assert not root.exists()


def test_what_is_removed_leaves_settings_and_sessions(root):
    typed(install_service, root, "--watch", "/srv/camera")
    (root / "var/lib/smearwatch/sessions").mkdir(parents=True)
    done = typed(uninstall_service, root)
    assert done.exit_code == 0, done.output
    left = [path for path in files(root) if not path.startswith("etc/smearwatch/")]
    assert left == []
    assert not list((root / "etc/systemd").rglob("*.service"))
    assert (root / "var/lib/smearwatch/sessions").is_dir()
    typed(uninstall_service, root, "--purge", "--yes")
    assert files(root) == {}
    assert not (root / "var/lib/smearwatch").exists()


def test_all_that_was_counted_goes_only_after_a_question(root):
    (root / "var/lib/smearwatch").mkdir(parents=True)
    done = CliRunner().invoke(uninstall_service.app, ["--purge", "--root", str(root)], input="n\n")
    assert done.exit_code == 1
    assert (root / "var/lib/smearwatch").is_dir()


@pytest.mark.parametrize("prefix", ["/home/anna/venv", "/root/venv", "/tmp/venv"])
def test_a_program_that_a_service_cannot_see_is_refused(root, monkeypatch, prefix):
    monkeypatch.setattr(sys, "prefix", prefix)
    with pytest.raises(ServiceUnusable) as refused:
        typed(install_service, root, "--watch", "/srv/camera")
    assert prefix in str(refused.value)
    assert not root.exists()


def test_a_name_that_a_file_of_systemds_cannot_hold_is_refused(root):
    with pytest.raises(ServiceUnusable, match="cannot stand"):
        typed(install_service, root, "--watch", "/srv/a\nb")
    assert not root.exists()


def test_a_folder_that_no_unit_could_watch_is_refused_and_of_an_image_noted(root, tmp_path):
    (tmp_path / "file").touch()
    for folder, why in ((tmp_path, "of which each unit has its own"), (Path("/srv/is not there"), "does not exist")):
        with pytest.raises(FolderUnusable) as refused:
            typed(install_service, "/", "--watch", folder, "--dry-run")
        assert why in str(refused.value)
        assert refused.value.wrongly_typed
    (root / "srv").mkdir(parents=True)
    (root / "srv/file").touch()
    for folder, why in (
        ("/srv/file", "is not a folder"),
        ("/srv/other", "does not exist"),
        ("/tmp/x", "lies in /tmp, of which each unit has its own (watch"),
    ):
        done = typed(install_service, root, "--watch", folder, "--dry-run")
        assert done.exit_code == 0
        assert f"note: in that image, folder {folder} {why}" in done.output


def test_a_link_that_leads_out_of_an_image_is_not_followed(root, tmp_path):
    outside = tmp_path / "outside"
    (outside / "smearwatch").mkdir(parents=True)
    (outside / "smearwatch" / "kept").write_text("kept")
    for inside in ("etc", "var/lib"):
        (root / inside).parent.mkdir(parents=True, exist_ok=True)
        (root / inside).symlink_to(outside)
    done = CliRunner().invoke(install_service.app, ["--watch", "/srv/camera", "--root", str(root)])
    assert isinstance(done.exception, ServiceUnusable)
    assert "by a link" in str(done.exception)
    done = CliRunner().invoke(uninstall_service.app, ["--purge", "--yes", "--root", str(root)])
    assert isinstance(done.exception, ServiceUnusable)
    assert [path.name for path in outside.rglob("*")] == ["smearwatch", "kept"]


def test_an_image_is_told_where_its_program_has_to_lie(root):
    assert (
        "has to lie in /opt/elsewhere, where its units start it; it is not there yet\n"
        in typed(install_service, root).output
    )
    assert "the program itself" not in typed(uninstall_service, root, "--purge", "--yes").output
    left = {str(path.relative_to(root)) for path in root.rglob("*")}
    assert left == {
        "usr",
        "usr/local",
        "usr/local/lib",
        "usr/local/bin",
        "etc",
        "etc/systemd",
        "etc/systemd/system",
        "opt",
    }
    (root / "opt/elsewhere/bin").mkdir(parents=True)
    (root / "opt/elsewhere/bin/smearwatch").touch()
    assert "in /opt/elsewhere, where its units start it\n" in typed(install_service, root).output
    said = f"the program itself stays in {root}/opt/elsewhere; remove that folder to be rid of it"
    assert said in typed(uninstall_service, root).output


def test_who_is_not_root_hears_it(monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(ServiceUnusable) as refused:
        typed(install_service, Path("/"))
    assert "sudo" in str(one_line(refused.value))


def test_the_commands_are_listed():
    assert {"install-service", "uninstall-service"} <= set(cli.COMMANDS)
