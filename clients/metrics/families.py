"""The metrics by their names. No label has a session's, specimen's or file's name: those are in no metric at all."""

import platform
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from smearwatch.clients.metrics.cards import Cards
from smearwatch.clients.metrics.watching import Numbers, Watching
from smearwatch.daemon.disk_room import free_room

_BOUNDS_S: Final = (
    *("0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5"),
    *("1.0", "2.5", "5.0", "10.0", "30.0", "60.0", "300.0"),
)
_WORD: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_MOST: Final = 64
_OWN: Final = {
    "leases_expired": "Work that was not answered in time and was given to another",
    "leases_released": "Work that came back from a process that ended",
    "leases_failed": "Work that its holder could not do",
    "late_answers": "Answers that came after their time, and were left out",
    "impossible_answers": "Answers that cannot be, and were refused",
    "frames_not_kept": "Pictures that the disk refused, and that wait where they are",
}
"""Counters of the hub that have a metric of their own."""


class SmearwatchCollector(Collector):
    """Gives all metrics from the numbers of the moment; asks nobody, and so holds up nobody.

    Parameters
    ----------
    watching
        Has the numbers.
    state_dir
        The folder whose disk is told.
    cards
        Knows the memory of graphics cards.
    """

    def __init__(self, watching: Watching, state_dir: Path, cards: Cards) -> None:
        self._watching = watching
        self._state_dir = state_dir
        self._cards = cards

    def collect(self) -> Iterator[Metric]:
        """Yield every metric that is known now."""
        build = {"version": version("smearwatch"), "python": platform.python_version()}
        yield InfoMetricFamily("smearwatch_build", "Which version this is", build)
        numbers = self._watching.now
        alive = self._watching.is_alive().ok
        yield _gauge("hub_up", "Whether the count turns: a pulse came within 5 s", int(alive))
        yield _gauge("ready", "Whether a picture that comes now would be counted", int(self._watching.is_ready().ok))
        yield from self._disk()
        yield from self._graphics()
        if alive and numbers.pulse is not None:
            yield from _of_hub(numbers)
            yield from _of_session(numbers)

    def _disk(self) -> Iterator[Metric]:
        try:
            free_bytes, free_files = free_room(self._state_dir)
        except (OSError, StopIteration):
            return
        yield _gauge("disk_free_bytes", "Room where the sessions are", free_bytes)
        yield _gauge("disk_free_files", "Files that still fit where the sessions are", free_files)

    def _graphics(self) -> Iterator[Metric]:
        if not (cards := self._cards.memory()):
            return
        used = GaugeMetricFamily(
            "smearwatch_gpu_memory_used_bytes", "Memory of the graphics card in use", labels=["gpu"]
        )
        size = GaugeMetricFamily("smearwatch_gpu_memory_size_bytes", "Memory of the graphics card", labels=["gpu"])
        for number, (used_bytes, size_bytes) in cards.items():
            used.add_metric([number], used_bytes)
            size.add_metric([number], size_bytes)
        yield used
        yield size


def _of_hub(numbers: Numbers) -> Iterator[Metric]:
    pulse = numbers.pulse
    assert pulse is not None
    gauges, counters = pulse.gauges, pulse.counters
    yield _gauge("hub_start_time_seconds", "When this hub began, since 1970", gauges.get("started_at_s", 0))
    yield _gauge("workers", "Processes that name cells", pulse.workers)
    yield _gauge("finders", "Processes that look for cells", pulse.finders)
    yield _gauge("subscribers", "Clients that listen", gauges.get("subscribers", 0))
    yield _gauge("paused", "Whether no new pictures are read because somebody asked for it", int(pulse.paused))
    yield _gauge("trouble", "Whether something keeps the count from going on well", int(bool(pulse.trouble)))
    yield _gauge("files_waiting", "Pictures in the watched folder that are not taken yet", pulse.waiting_files)
    for name, help_text in (
        ("frames_queued", "Pictures on disk that wait for whoever looks for cells"),
        ("frames_leased", "Pictures in which cells are looked for just now"),
        ("crops_held", "Cells whose pictures wait in memory for their names"),
        ("crops_queued", "Cells that nobody has in hand"),
        ("crops_leased", "Cells that are being named just now"),
    ):
        yield _gauge(name, help_text, gauges.get(name, 0))
    joined = {name.removeprefix("joined_"): n for name, n in gauges.items() if name.startswith("joined_")}
    yield _labelled_counter("joined", "How often a process of a role has come: its restarts and one", "role", joined)
    for name, help_text in _OWN.items():
        yield _counter(name, help_text, counters.get(name, 0))
    refused = {name.removeprefix("wire_"): n for name, n in counters.items() if name.startswith("wire_")}
    yield _labelled_counter("messages_refused", "Messages that were none, by what was wrong", "flaw", refused)
    rest = {name: n for name, n in counters.items() if name not in _OWN and not name.startswith("wire_")}
    yield _labelled_counter("noted", "Everything else that was passed over, dropped or done again", "what", rest)
    yield _histograms({name: times for name, times in pulse.stages.items() if name != "file_to_count"})
    latency = HistogramMetricFamily("smearwatch_frame_latency_seconds", "From a picture's file to its count")
    if times := pulse.stages.get("file_to_count"):
        latency.add_metric([], _buckets(times), times[0] / 1000.0)
    yield latency


def _of_session(numbers: Numbers) -> Iterator[Metric]:
    tally = None if numbers.view is None else numbers.view.tally
    if tally is None:
        return
    frames: Mapping[str, int] = tally["frames"]
    yield _counter("frames_seen", "Pictures that are on disk and in the record", frames["seen"])
    yield _counter("frames_counted", "Pictures whose cells are all named", frames["counted"])
    reasons: Mapping[str, int] = tally["rejected_by_reason"]
    yield _labelled_counter("frames_rejected", "Pictures that cannot be used", "reason", reasons)
    yield _gauge("frames_pending", "Pictures that are not finished", frames["pending"])
    yield _labelled_gauge("cells", "Cells of the session by class", "class", tally["counts"])
    yield _labelled_gauge("verdicts", "Cells of the session by verdict", "verdict", tally["verdicts"])
    yield _gauge("cells_pending", "Cells that wait for their names", tally["cells_pending"])
    yield _gauge("cells_poisoned", "Cells that nobody could judge, for the process ended each time", tally["poisoned"])
    yield _gauge("session_complete", "Whether nothing is pending", int(tally["complete"]))
    if numbers.event_at_s is not None:
        age_s = max(0.0, time.time() - numbers.event_at_s)
        yield _gauge("last_event_age_seconds", "How long nothing was recorded", age_s)


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"smearwatch_{name}", help_text, value=value)


def _counter(name: str, help_text: str, value: float) -> Metric:
    return CounterMetricFamily(f"smearwatch_{name}", help_text, value=value)


def _labelled_gauge(name: str, help_text: str, label: str, values: Mapping[str, Any]) -> Metric:
    family = GaugeMetricFamily(f"smearwatch_{name}", help_text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def _labelled_counter(name: str, help_text: str, label: str, values: Mapping[str, int]) -> Metric:
    """Return a counter for each value; names that other processes give are bounded in form and number."""
    family = CounterMetricFamily(f"smearwatch_{name}", help_text, labels=[label])
    for key, value in _words(values.items()):
        family.add_metric([key], value)
    return family


def _words(items: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    return sorted((key, value) for key, value in items if _WORD.fullmatch(key))[:_MOST]


def _histograms(stages: Mapping[str, tuple[float, ...]]) -> Metric:
    help_text = "How long each stage of a picture's or cell's way takes"
    family = HistogramMetricFamily("smearwatch_stage_duration_seconds", help_text, labels=["stage"])
    for name, times in sorted(stages.items())[:_MOST]:
        if _WORD.fullmatch(name):
            family.add_metric([name], _buckets(times), times[0] / 1000.0)
    return family


def _buckets(times: tuple[float, ...]) -> list[tuple[str, float]]:
    """Return how many took at most how long; `times` has the sum, then how many are in each step and beyond."""
    total, buckets = 0.0, []
    for bound, count in zip((*_BOUNDS_S, "+Inf"), times[1:], strict=False):
        total += count
        buckets.append((bound, total))
    return buckets
