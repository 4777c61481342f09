"""Which pictures were rejected is said by name, with the reason."""

import json

import pytest
from typer.testing import CliRunner

from smearwatch.clients.commands.sessions import app
from smearwatch.clients.session_lines import _rejected
from smearwatch.daemon.config import load_settings
from smearwatch.daemon.record.events import Rejected, Seen
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.sessions import session_folder
from tests.reviewed import close, record

pytestmark = pytest.mark.integration


def test_rejected_pictures_are_named_the_first_of_many():
    folder = session_folder(load_settings().state_dir, "monday")
    record(folder, 6)
    with Ledger.open(folder) as ledger:
        for n in range(14):
            frame = f"{n:02x}" * 32
            ledger.append([
                Seen(frame, f"blurred {n}.jpg", 9, 1, None, None, False, "folder"),
                Rejected(frame, "out_of_focus", "out of focus at 0.1", 0.1),
            ])  # fmt: skip
    close(folder)
    shown = json.loads(CliRunner().invoke(app, ["show", "monday", "--json"]).stdout)
    assert [each["name"] for each in shown["rejected_frames"]] == [f"blurred {n}.jpg" for n in range(14)]
    assert shown["rejected_frames"][3] == {
        "name": "blurred 3.jpg", "frame": "03" * 32, "reason": "out_of_focus", "detail": "out of focus at 0.1",
    }  # fmt: skip
    lines = CliRunner().invoke(app, ["show", "monday"]).stdout
    assert "  rejected: blurred 11.jpg: out of focus (sharpness 0.1)\n  and 2 more (all of them: --all)\n" in lines
    assert "blurred 12.jpg" not in lines
    every = CliRunner().invoke(app, ["show", "monday", "--all"]).stdout
    assert "  rejected: blurred 13.jpg: out of focus (sharpness 0.1)\n" in every
    assert "more (all of them" not in every


@pytest.mark.parametrize(
    ("reason", "detail", "said"),
    [
        ("underexposed", "underexposed at 0", "the brightest of it is 0 of 255"),
        ("not_a_smear", "not a smear at 0", "strength of its stain: 0"),
        ("damaged", "png: broken at 7", "png: broken at 7"),
        ("too_small", "20x20 px, too small for a leukocyte", "20x20 px, too small for a leukocyte"),
    ],
)
def test_a_number_is_said_with_its_meaning(reason, detail, said):
    (line,) = _rejected([{"name": "a.jpg", "reason": reason, "detail": detail}], None)
    assert line == f"  rejected: a.jpg: {reason.replace('_', ' ')} ({said})"
