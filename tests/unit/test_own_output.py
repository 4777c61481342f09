"""What a command did not write, or what was changed since, stays as it is."""

import pytest

from smearwatch.daemon.own_output import ChangedMeanwhile, NotOurs, refuse_other, write_output, write_result


def test_a_file_is_replaced_by_the_same_alone(tmp_path):
    file = tmp_path / "mask.png"
    write_output(file, b"one", force=False)
    write_output(file, b"one", force=False)
    with pytest.raises(NotOurs, match=r"mask\.png exists already") as refused:
        write_output(file, b"two", force=False)
    assert "--force" in refused.value.hint
    assert file.read_bytes() == b"one"
    write_output(file, b"two", force=True)
    assert file.read_bytes() == b"two"


@pytest.mark.parametrize("there", ["folder", "dangling link"])
def test_what_is_no_file_is_refused_too(tmp_path, there):
    place = tmp_path / "it"
    place.mkdir() if there == "folder" else place.symlink_to(tmp_path / "away")
    with pytest.raises(NotOurs):
        write_output(place, b"one", force=False)
    with pytest.raises(NotOurs):
        refuse_other(place, force=False)


def test_a_result_goes_beside_what_came_meanwhile(tmp_path):
    file = tmp_path / "changes.json"
    write_result(file, b"one", force=False)
    write_result(file, b"one", force=False)
    for name in ("changes.new.json", "changes.new-2.json"):
        with pytest.raises(ChangedMeanwhile, match=name):
            write_result(file, b"two", force=False)
        assert (tmp_path / name).read_bytes() == b"two"
    assert file.read_bytes() == b"one"
    write_result(file, b"two", force=True)
    assert file.read_bytes() == b"two"
