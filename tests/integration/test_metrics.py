"""Metrics from a real hub over real HTTP: names, numbers, health, and alerts that name what is there."""

import re
import stat
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from smearwatch.clients import health
from smearwatch.clients.metrics.cards import Cards
from smearwatch.clients.metrics.serving import serve_metrics
from smearwatch.daemon.hub.histograms import BOUNDS_MS
from smearwatch.daemon.wire.messages import CropLease, FrameLease
from tests.integration.hub_bench import cells, judged, rejected
from tests.unit.clients_script import counted_frames

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
RULES = ROOT / "systemd" / "smearwatch.rules.yml"
NAME = "S26-31415"


class Scraper:
    """Serves a bench's metrics and asks for them, turning its hub meanwhile."""

    def __init__(self, bench):
        self.bench = bench
        self.address = ""
        self._over = threading.Event()
        settings = bench.plan.settings
        arguments = (settings.runtime_dir, settings.state_dir, 0, self._told, self._over.is_set)
        self._thread = threading.Thread(target=serve_metrics, args=arguments)
        self._thread.start()

    def _told(self, address):
        self.address = address.removesuffix("/metrics")

    def end(self):
        self._over.set()
        self._thread.join()

    def get(self, path, **headers):
        self._until(lambda: self.address)
        try:
            request = urllib.request.Request(f"{self.address}{path}", headers=headers)
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()

    def sample(self):
        """Return every sample by name and labels, and the names of all families."""
        status, text = self.get("/metrics")
        assert status == 200
        families = list(text_string_to_metric_families(text))
        samples = {(s.name, *sorted(s.labels.values())): s.value for family in families for s in family.samples}
        return samples, {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}, text

    def until(self, key, value):
        self._until(lambda: self.sample()[0].get(key) == value)
        return self.sample()

    def _until(self, holds):
        deadline_s = time.monotonic() + 15.0
        while not holds():
            assert time.monotonic() < deadline_s, self.sample()[2]
            if self.bench.hub is not None:
                self.bench.now += 0.5
                self.bench.hub.turn(0.01)


@pytest.fixture
def scraper(bench):
    made = Scraper(bench)
    yield made
    made.end()


def test_a_session_in_numbers(staffed, scraper):
    bench, source, finder, worker = staffed
    bench.offer(source, b"one", b"two", f"{NAME}".encode())
    (one, _), (two, _) = bench.hear(finder, FrameLease)
    finder.send(*cells(one, whole=2, edge=1))
    finder.send(rejected(two))
    for crop, _ in bench.hear(worker, CropLease):
        worker.send(judged(crop))
    bench.turn()
    samples, families, text = scraper.until(("smearwatch_frames_counted_total",), 1.0)
    assert samples["smearwatch_frames_seen_total",] == 3
    assert sum(value for key, value in samples.items() if key[0] == "smearwatch_frames_rejected_total") == 1
    assert samples["smearwatch_frames_pending",] == 1
    assert sum(value for key, value in samples.items() if key[0] == "smearwatch_cells") == 2
    assert (samples["smearwatch_workers",], samples["smearwatch_finders",], samples["smearwatch_hub_up",]) == (1, 1, 1)
    assert samples["smearwatch_frames_leased",] == 1
    assert samples["smearwatch_joined_total", "worker"] == 1
    assert samples["smearwatch_subscribers",] == 1
    assert samples["smearwatch_last_event_age_seconds",] >= 0
    assert samples["smearwatch_disk_free_bytes",] > 0
    assert samples["smearwatch_stage_duration_seconds_count", "classify"] == 2
    buckets = [value for key, value in samples.items() if key[0].endswith("_bucket") and "classify" in key]
    assert buckets == sorted(buckets)
    assert len(buckets) == len(BOUNDS_MS) + 1
    for family in families:
        assert re.fullmatch(r"smearwatch_[a-z]+(_[a-z]+)*", family), family
    for word in (bench.plan.session, NAME, "one"):
        assert f'"{word}"' not in text
    assert 'session="' not in text
    missing = named_in_rules() - families
    assert not missing, "an alert names what is never scraped"
    told = set(re.findall(r"`(smearwatch_\w+)`", (ROOT / "docs" / "operations.md").read_text()))
    assert told == families | {"smearwatch_gpu_memory_used_bytes", "smearwatch_gpu_memory_size_bytes"}


def named_in_rules():
    rules = yaml.safe_load(RULES.read_text())
    (group,) = rules["groups"]
    for rule in group["rules"]:
        assert rule["alert"].startswith("Smearwatch")
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert {"summary", "mend"} == rule["annotations"].keys()
        assert rule["expr"].count("(") == rule["expr"].count(")")
    assert len({rule["alert"] for rule in group["rules"]}) == len(group["rules"]) >= 10
    return {name for rule in group["rules"] for name in re.findall(r"\bsmearwatch_\w+", rule["expr"])}


def test_health_follows_the_hub(bench, scraper, monkeypatch):
    monkeypatch.setattr(health, "SILENT_S", 1.5)  # as if one waited longer
    scraper.until(("smearwatch_hub_up",), 1.0)
    assert scraper.get("/healthz") == (200, "the count is alive\n")
    status, why = scraper.get("/readyz")
    assert status == 503
    assert "no worker" in why
    bench.peer("worker", "w", 1), bench.peer("finder", "f", 1)
    scraper.until(("smearwatch_ready",), 1.0)
    assert scraper.get("/readyz") == (200, "ready\n")
    bench.crash()
    scraper.bench = type("Gone", (), {"hub": None})
    deadline_s = time.monotonic() + 15.0
    while scraper.get("/healthz")[0] == 200:
        assert time.monotonic() < deadline_s
        time.sleep(0.1)
    status, why = scraper.get("/healthz")
    assert (status, "\n" not in why.strip()) == (503, True)
    assert "does not turn" in why
    samples, _, _ = scraper.sample()
    assert samples["smearwatch_hub_up",] == 0
    assert ("smearwatch_workers",) not in samples, "what is not known is not told"
    assert samples["smearwatch_disk_free_bytes",] > 0


def test_without_a_count_and_from_a_strange_name(tmp_path, bench):
    bench.crash()
    scraper = Scraper(type("Gone", (), {"hub": None, "plan": bench.plan}))
    try:
        assert scraper.get("/healthz") == (503, "no count is running: nothing was heard of it\n")
        assert scraper.get("/metrics", host="evil.example")[0] == 400
        assert scraper.get("/sessions")[0] == 404
    finally:
        scraper.end()


def test_a_long_session_is_followed_without_reading_it_again(bench, scraper):
    bench.journal.commit(*counted_frames(0, 40, "band"))
    samples, _, _ = scraper.until(("smearwatch_frames_counted_total",), 40.0)
    assert samples["smearwatch_cells", "band"] == 40
    bench.journal.commit(*counted_frames(40, 50, "lymphocyte"))
    samples, _, _ = scraper.until(("smearwatch_frames_counted_total",), 50.0)
    assert samples["smearwatch_cells", "lymphocyte"] == 10


def test_cards_are_read_from_their_drivers_tool(tmp_path):
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho '0, 1024, 81559'\necho '1, 5, 81559'\n")
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    with Cards(str(tool), every_s=0.05) as cards:
        deadline_s = time.monotonic() + 10.0
        while not cards.memory():
            assert time.monotonic() < deadline_s
            time.sleep(0.02)
        assert cards.memory() == {"0": (1 << 30, 81559 << 20), "1": (5 << 20, 81559 << 20)}
        tool.write_text("#!/bin/sh\necho 'No devices were found'\nexit 6\n")
        while cards.memory():
            assert time.monotonic() < deadline_s
            time.sleep(0.02)
