"""The runtime folder: only its owner enters, and so are the folders that had to be made above it."""

import os
import stat

import pytest

from smearwatch.daemon.one_line import one_line
from smearwatch.daemon.wire.endpoints import EndpointUnusable, private_dir


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def loose_umask():
    before = os.umask(0o000)
    yield
    os.umask(before)


def test_what_is_made_is_private_whatever_the_umask(tmp_path, loose_umask):
    path = private_dir(tmp_path / "a" / "b" / "c")
    assert [mode(above) for above in (path, path.parent, path.parent.parent)] == [0o700] * 3
    assert private_dir(path) == path


@pytest.mark.parametrize("open_to", [0o755, 0o750, 0o711, 0o777, 0o701])
def test_a_folder_that_others_may_enter_is_refused(tmp_path, open_to):
    path = tmp_path / "run"
    path.mkdir()
    path.chmod(open_to)
    with pytest.raises(EndpointUnusable, match="by others") as caught:
        private_dir(path)
    assert f"chmod 700 {path}" in str(one_line(caught.value))
    assert mode(path) == open_to


def test_a_file_in_its_place_is_refused(tmp_path):
    (tmp_path / "run").touch(0o600)
    for path in (tmp_path / "run", tmp_path / "run" / "below"):
        with pytest.raises(EndpointUnusable, match="runtime folder"):
            private_dir(path)


@pytest.mark.parametrize("above", ["open to all", "another's", "nobody's"])
def test_a_folder_in_whose_place_others_may_put_another_is_refused(tmp_path, above):
    place = tmp_path / "place"
    place.mkdir()
    assert private_dir(place / "run") == place / "run"
    if above == "open to all":
        place.chmod(0o777)
    elif os.geteuid() == 0:
        os.chown(place, 65534 if above == "nobody's" else 12345, -1)
    else:
        pytest.skip("only root can give a folder away")
    with pytest.raises(EndpointUnusable, match="may put another in its place"):
        private_dir(place / "run")
    if above == "open to all":
        place.chmod(0o1777)  # as /tmp
        assert private_dir(place / "run") == place / "run"
