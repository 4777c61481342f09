"""Every way that `make performance` measures still goes; what it takes is judged nowhere."""

import json

import pytest

from docs.building.performance import any_rows
from tests.bench.performance.__main__ import PARTS, main

pytestmark = pytest.mark.bench
IN_THIS_PROCESS = ["fields", "crops", "carried"]


def _tried(names, folder):
    main([*names, "--quick", "--out", str(folder)])
    parts = {name: json.loads((folder / f"{name}.json").read_text()) for name in names}
    for part in parts.values():
        assert part["quick"]
        assert any_rows(part).count("\n") == 1 + len(part["rows"])
        for row in part["rows"]:
            assert row["ours"][0] <= row["ours"][1] <= row["ours"][2]
            assert row["ours"][1] > 0
    return parts


def test_floors_in_this_process(tmp_path):
    parts = _tried(IN_THIS_PROCESS, tmp_path)
    assert all(row["ratio"] is not None for part in parts.values() for row in part["rows"])


@pytest.mark.long
def test_a_run_and_the_daemon(tmp_path):
    parts = _tried([name for name in PARTS if name not in IN_THIS_PROCESS and name != "searched"], tmp_path)
    assert parts["runs"]["rows"]


def test_a_part_that_is_not_there_is_said(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["speed", "--out", str(tmp_path)])
    assert ended.value.code == 2
    assert "no part 'speed'" in capsys.readouterr().err
