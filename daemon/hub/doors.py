"""Through which doors a hub is reached, as the settings say: those of groups, and that of other computers."""

from pathlib import Path

from smearwatch.daemon.config import Settings
from smearwatch.daemon.hub.strangers import Strangers
from smearwatch.daemon.process.telling import tell
from smearwatch.daemon.reaching import allowed_file, own_key_file
from smearwatch.daemon.wire.endpoints import OPERATE, WATCH, EndpointUnusable, checked_address, group_dir
from smearwatch.daemon.wire.hub_sockets import GroupDoor, NetDoor
from smearwatch.daemon.wire.keyring import Keyring
from smearwatch.daemon.wire.keys import read_pair


def group_doors(settings: Settings, runtime_dir: Path) -> list[GroupDoor]:
    """Make the folders of the groups that the settings name; raises `EndpointUnusable`."""
    doors = []
    if settings.control_group is not None:
        folder = group_dir(runtime_dir, OPERATE, settings.control_group)
        doors.append(GroupDoor(folder, frozenset(("watch", "control"))))
    if settings.watch_group is not None:
        doors.append(GroupDoor(group_dir(runtime_dir, WATCH, settings.watch_group), frozenset(("watch",))))
    return doors


def net_door(settings: Settings) -> NetDoor | None:
    """Return where the hub listens for other computers, None where it does not.

    Raises
    ------
    EndpointUnusable
        The address is none, or there is no key: without keys nothing listens off this computer.
    KeyUnusable
        The hub's key cannot be used.
    """
    if settings.listen is None:
        return None
    address, path = checked_address(settings.listen, "listen"), own_key_file(settings)
    if not path.exists():
        hint = "make one with: smearwatch keys make"
        raise EndpointUnusable(f"listen = {address}: without a key nobody is let in from other computers", hint)
    keyring = Keyring(allowed_file(settings), tell, secret=path)
    return NetDoor(address, read_pair(path), keyring, settings.max_frame_bytes, Strangers().refused)
