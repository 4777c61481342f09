"""Sources as plug-ins: found by their entry points, refused in one line, their options validated by themselves."""

import sys
from pathlib import Path
from typing import Annotated

import pytest
import typer
from pydantic import Field, ValidationError

from smearwatch.capture.sources.base import Options, OptionUnusable, SourceFrame, read_options
from smearwatch.capture.sources.slide import SlideOptions, SlideSource
from smearwatch.daemon.commands.source_choice import choose
from smearwatch.daemon.config import Settings
from smearwatch.daemon.one_line import one_line
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.source_plugins import SourceUnusable, find_source, known_sources, load
from tests.installed import install

OURS = {"camera", "folder", "replay", "slide"}


def plan(source="acme", **options):
    return RunPlan(settings=Settings(), session="t", source=source, source_options=options)


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Yield a function that installs a package of one source for this process."""

    def put(source, entries, **named):
        folder = install(
            tmp_path / named.get("package", "acme"), named.pop("module", "acme_one"), source, entries, **named
        )
        monkeypatch.syspath_prepend(folder)
        return folder

    yield put
    for name in [name for name in sys.modules if name.startswith("acme_")]:
        del sys.modules[name]


def test_our_own_sources_are_known_and_load():
    assert {known.name for known in known_sources()} >= OURS
    for name in OURS:
        assert callable(load(find_source(name)))
        assert find_source(name).package.startswith("smearwatch ")


def test_an_installed_package_adds_one(installed):
    installed("def main(plan, role):\n    return 42\n", {"acme": "acme_one:main"})
    source = find_source("acme")
    assert (source.package, source.target) == ("acme-smearwatch 1.0", "acme_one:main")
    assert "acme_one" not in sys.modules  # finding imports nothing
    assert load(source)(None, None) == 42  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "says"),
    [("foldr", "did you mean folder?"), ("zebra", "known sources: camera folder replay slide"), ("", "no source ''")],
)
def test_an_unknown_source_is_one_line(name, says):
    with pytest.raises(SourceUnusable) as caught:
        find_source(name)
    assert says in (one_line(caught.value) or "")


def test_a_name_offered_twice_names_both(installed):
    installed("", {"acme": "acme_one:main"})
    installed("", {"acme": "acme_two:main"}, package="other-acme", version="2.0", module="acme_two")
    with pytest.raises(SourceUnusable, match=r"acme-smearwatch 1\.0 and other-acme 2\.0"):
        find_source("acme")


def test_a_name_that_no_ledger_takes_names_its_package(installed):
    installed("", {"Acme+Cam": "acme_one:main"})
    with pytest.raises(SourceUnusable, match=r"'Acme\+Cam' of acme-smearwatch 1\.0 has a name that cannot be used"):
        find_source("Acme+Cam")


@pytest.mark.parametrize(
    ("source", "target", "says"),
    [
        ("import nosuch_sdk\n", "acme_one:main", "No module named 'nosuch_sdk'"),
        ("def main(:\n", "acme_one:main", "SyntaxError"),
        ("raise RuntimeError('two\\nlines')\n", "acme_one:main", "RuntimeError: two lines"),
        ("", "acme_one:main", "has no attribute 'main'"),
        ("main = 7\n", "acme_one:main", "acme_one:main is no function"),
        ("", "acme_one", "acme_one is no function"),
        ("", "acme_gone:main", "No module named 'acme_gone'"),
    ],
)
def test_a_package_that_cannot_be_loaded_is_named_in_one_line(installed, source, target, says):
    installed(source, {"acme": target})
    with pytest.raises(SourceUnusable) as caught:
        load(find_source("acme"))
    line = one_line(caught.value) or ""
    assert says in line
    assert "'acme' of acme-smearwatch 1.0" in line
    assert "\n" not in line


@pytest.mark.parametrize("name", ["", ".acme", "../x", "a b", "x" * 65, "-x"])
def test_what_is_no_name_is_in_no_plan(name):
    with pytest.raises(ValidationError):
        plan(name)


def test_the_recorded_settings_keep_the_name_and_no_option():
    recorded = plan("camera", camera="rtsp://me:secret@host/x").recorded_settings()
    assert (recorded["source"], recorded["replay_of"]) == ("camera", None)
    assert "secret" not in str(recorded)
    assert plan("replay", session="tuesday").recorded_settings()["replay_of"] == "tuesday"


class Told(Options):
    where: str
    count: Annotated[int, Field(ge=1)] = 3


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "source 'acme' needs the option 'where' (add --source-option where=...)"),
        ({"where": "x", "cout": "3"}, "source 'acme' has no option 'cout' (did you mean count?)"),
        ({"where": "x", "zebra": "3"}, "source 'acme' has no option 'zebra' (its options: where count)"),
        ({"where": "x", "count": "many"}, "source 'acme': option count = 'many'"),
        ({"where": "x", "count": "0"}, "it is below 1, the least that can be (correct count)"),
    ],
)
def test_options_that_cannot_be_are_one_line(options, says):
    with pytest.raises(OptionUnusable) as caught:
        read_options(Told, plan(**options))
    assert says in (one_line(caught.value) or "")


def test_options_become_what_they_are():
    assert read_options(Told, plan(where="x", count="7")) == Told(where="x", count=7)


@pytest.mark.parametrize(
    ("watch", "camera", "source", "given", "expected"),
    [
        (Path("."), None, None, [], ("folder", {"dir": str(Path.cwd())})),
        (None, "0", None, [], ("camera", {"camera": "0"})),
        (None, None, "slide", ["seed=3", "mix=segmented=60,lymphocyte=40"], None),
        (None, None, "slide", [], ("slide", {})),
    ],
)
def test_what_is_typed_becomes_a_source(watch, camera, source, given, expected):
    expected = expected or ("slide", {"seed": "3", "mix": "segmented=60,lymphocyte=40"})
    assert choose(watch, camera, source, given) == expected


@pytest.mark.parametrize(
    ("watch", "camera", "source", "given", "says"),
    [
        (None, None, None, [], "exactly one of --watch DIR, --camera INDEX|URL|PATH, --source NAME; got none of them"),
        (Path("."), "0", None, [], "got --watch and --camera"),
        (Path("."), "0", "slide", [], "got --watch and --camera and --source"),
        (None, None, "foldr", [], "did you mean folder?"),
        (None, "0", None, ["seed"], "'seed' is not of the form key=value"),
        (None, "0", None, ["=3"], "'=3' is not of the form key=value"),
        (None, "0", None, ["a=1", "a=2"], "a is given twice"),
        (None, "0", None, ["camera=1"], "camera is given by --camera already"),
    ],
)
def test_what_is_typed_wrongly_is_one_line(watch, camera, source, given, says):
    with pytest.raises(typer.BadParameter) as caught:
        choose(watch, camera, source, given)
    assert says in caught.value.format_message()
    assert "\n" not in caught.value.format_message()


def test_the_slide_as_a_source_gives_its_fields_and_ends():
    options = read_options(SlideOptions, plan("slide", seed="3", fields="2", rate="0", size="320x240", start="5"))
    frames: list[SourceFrame] = []
    with SlideSource(options, clock_ns=lambda: 7) as source:
        while not source.state().finished:
            frames += source.ready(4)
        assert source.ready(4) == []
        counters = source.state().counters
    assert [frame.name for frame in frames] == ["field_000005.png", "field_000006.png"]
    assert {(frame.um_per_px, frame.captured_at_ns) for frame in frames} == {(0.09, 7)}
    assert counters == {"fields_drawn": 2, "files_known_before": 0}
    with SlideSource(options) as again:
        while not (first := again.ready(1)):
            pass
    assert first[0].data == frames[0].data
