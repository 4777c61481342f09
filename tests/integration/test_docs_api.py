"""What the pages for programmers show is run: the client against a real hub, the package built, installed, loaded."""

import re
import subprocess
import sys
import time
import zipfile
from dataclasses import fields
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from smearwatch.clients.exports.format import find_format
from smearwatch.daemon.wire.following import (
    EventNotice,
    Events,
    Snapshot,
    Thumbnails,
    WantEvents,
    WantSnapshot,
    WantThumbnails,
)
from smearwatch.daemon.wire.messages import WIRE_VERSION, Pulse, Refused
from tests.documented import ROOT
from tests.integration.hub_bench import Bench
from tests.unit.clients_script import counted_frames

pytestmark = pytest.mark.integration

API, PLUGINS = ROOT / "docs" / "api.md", ROOT / "docs" / "plugins.md"


def shown(page: Path, language: str) -> str:
    return str(re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.DOTALL)[-1])


def test_the_client_prints_each_verdict_from_the_first_on_and_ends_with_the_session(tmp_path: Path):
    (tmp_path / "client.py").write_text(shown(API, "python"))
    bench = Bench(tmp_path)
    bench.journal.commit(*counted_frames(0, 3))  # before anybody follows
    said = tmp_path / "said"
    typed = [sys.executable, str(tmp_path / "client.py"), str(bench.plan.settings.runtime_dir)]
    with said.open("w") as out:
        client = subprocess.Popen(typed, stdout=out, stderr=subprocess.STDOUT)
    try:
        until_s = time.monotonic() + 20
        while len(said.read_text().splitlines()) < 3 and time.monotonic() < until_s:
            bench.hub.pulse()
            bench.turn()
            time.sleep(0.02)
        bench.journal.commit(*counted_frames(3, 5))  # while it listens
        bench.hub.close(stopping=False)
        assert client.wait(timeout=20) == 0, said.read_text()
    finally:
        client.kill()
        bench.close()
    *lines, last = said.read_text().splitlines()
    assert last == f"{bench.plan.session} has ended"
    assert [line.split()[2:] for line in lines] == [["segmented", "confirmed"]] * 5
    numbers = [int(line.split()[1]) for line in lines]
    assert numbers == sorted(set(numbers))


def test_the_table_has_every_key_of_each_message_as_it_goes_over_the_wire():
    page = API.read_text()
    assert f"version of the wire: {WIRE_VERSION}" in page
    assert f"VERSION = {WIRE_VERSION}" in page
    for message in (
        EventNotice,
        Pulse,
        WantEvents,
        Events,
        WantSnapshot,
        Snapshot,
        WantThumbnails,
        Thumbnails,
        Refused,
    ):
        (row,) = re.findall(rf"^\| `{message.kind}` \|.*$", page, re.MULTILINE)
        assert [field.name for field in fields(message) if f"`{field.name}`" not in row] == [], message.kind


def test_the_package_is_built_and_offers_a_source_and_a_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    project, site = tmp_path / "acme", tmp_path / "site"
    project.mkdir()
    (project / "pyproject.toml").write_text(shown(PLUGINS, "toml"))
    (project / "acme_smearwatch.py").write_text(shown(ROOT / "docs" / "sources.md", "python"))
    (project / "acme_export.py").write_text(shown(ROOT / "docs" / "export.md", "python"))
    backend = "import hatchling.build, sys; print(hatchling.build.build_wheel(sys.argv[1]))"
    command = [sys.executable, "-c", backend, str(tmp_path)]
    built = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True)
    with zipfile.ZipFile(tmp_path / built.stdout.split()[-1]) as wheel:
        wheel.extractall(site)
    monkeypatch.syspath_prepend(site)
    assert find_format("acme").summary == "neutrophils for the Acme system"
    (source,) = entry_points(group="smearwatch.sources", name="acme")
    assert callable(source.load())
    for module in ("acme_smearwatch", "acme_export"):  # other tests have packages of these names
        del sys.modules[module]
