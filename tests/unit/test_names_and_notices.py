import re

import pytest
from typer.testing import CliRunner

from smearwatch.capture.scale.calibration import check_calibration_name
from smearwatch.daemon import cli
from smearwatch.daemon.config import SettingsUnusable, load_settings
from smearwatch.daemon.names import NAME_RULE, NameUnusable, is_name
from smearwatch.daemon.notices import RESEARCH_USE
from smearwatch.daemon.one_line import one_line
from smearwatch.daemon.record.sessions import check_name

GOOD = ["a", "0", "_a", "Monday-3.b", "x" * 64]
BAD = ["", ".a", "-a", "a b", "a/b", "ä", "a\n", "x" * 65]


@pytest.mark.parametrize("name", GOOD)
def test_one_rule_for_all_names(name):
    assert is_name(name)
    assert check_name(name) == check_calibration_name(name) == name
    assert load_settings(calibration=name).calibration == name


@pytest.mark.parametrize("name", BAD)
def test_one_text_for_all_names(name):
    assert not is_name(name)
    for ask, whose in ((check_name, "session"), (check_calibration_name, "calibration")):
        with pytest.raises(NameUnusable) as caught:
            ask(name)
        assert one_line(caught.value) == f"{name!r} cannot be the name of a {whose} ({NAME_RULE})"
    with pytest.raises(SettingsUnusable) as unusable:
        load_settings(calibration=name)
    assert NAME_RULE in str(unusable.value)


@pytest.mark.parametrize("command", [[], ["run"], ["config", "check"], ["sessions"], ["sessions", "export"], ["slide"]])
def test_every_help_ends_with_what_figures_are_not_for(command, monkeypatch):
    # Which commands are loaded is decided by what was typed.
    monkeypatch.setattr("sys.argv", ["smearwatch", *command, "--help"])
    result = CliRunner(env={"COLUMNS": "200"}).invoke(cli.app, [*command, "--help"])
    assert result.exit_code == 0
    assert RESEARCH_USE in re.sub(r"\s+", " ", result.stdout)


def test_an_error_of_an_older_source_package_is_one_line_too():
    class AcmeAbsent(OSError):
        mend = "plug it in"

    assert one_line(AcmeAbsent("no camera")) == "no camera (plug it in)"
    assert one_line(OSError("unforeseen")) is None
