"""Where the hub is for a client: on this computer, its own or a service's; or on another one, known by its key.

What knows the wire is loaded only where it is used: a first screen waits for none of it.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from smearwatch.daemon.config import Settings
from smearwatch.daemon.hinted import Hinted

if TYPE_CHECKING:
    from smearwatch.daemon.wire.endpoints import Endpoints
    from smearwatch.daemon.wire.rights import Right

SYSTEM_RUNTIME_DIR: Final = Path("/run/smearwatch")
SYSTEM_STATE_DIR: Final = Path("/var/lib/smearwatch")
"""Where a service of this computer has its sockets and its sessions."""


class HubKeyMissing(Hinted):
    """A hub on another computer is named, and not its key."""


def keys_dir(settings: Settings) -> Path:
    """Return the folder that holds this computer's own key, and the list of those that a hub here allows."""
    return settings.state_dir / "keys"


def own_key_file(settings: Settings) -> Path:
    """Return the file of this computer's own key."""
    return settings.key or keys_dir(settings) / "own.key"


def allowed_file(settings: Settings) -> Path:
    """Return the file of the keys that a hub here allows."""
    return keys_dir(settings) / "allowed.json"


def here(settings: Settings) -> Settings:
    """Return the settings with which a client finds the count of this computer: a service's, where it has none itself.

    That is where nobody has named another place, and no count of this account answers.
    """
    named = {"runtime_dir", "state_dir"} & settings.model_fields_set or "RUNTIME_DIRECTORY" in os.environ
    if settings.hub is not None or named or not SYSTEM_RUNTIME_DIR.is_dir():
        return settings
    from smearwatch.daemon.wire.endpoints import Endpoints
    from smearwatch.daemon.wire.sockets import is_open

    if is_open(Endpoints.under(settings.runtime_dir).talk):
        return settings
    return settings.model_copy(update={"runtime_dir": SYSTEM_RUNTIME_DIR, "state_dir": SYSTEM_STATE_DIR})


def is_elsewhere(settings: Settings) -> bool:
    """Return whether the hub that is meant is on another computer, and its sessions with it."""
    return settings.hub is not None and not settings.hub.startswith("/")


def hub_at(settings: Settings, right: "Right") -> "Endpoints":
    """Return where the hub is that the settings mean, for a client that wants to do something.

    Raises
    ------
    EndpointUnusable, KeyUnusable, HubKeyMissing
        Its address is none, or what is needed to be let in there is missing.
    """
    from smearwatch.daemon.wire.endpoints import Curve, Endpoints, checked_address
    from smearwatch.daemon.wire.keys import checked_key, read_pair

    if settings.hub is None or not is_elsewhere(settings):
        return Endpoints.to(settings.runtime_dir if settings.hub is None else Path(settings.hub))
    address = checked_address(settings.hub, "hub")
    if settings.hub_key is None:
        hint = "set hub_key to the key that `smearwatch keys list` shows on the hub's computer"
        raise HubKeyMissing(f"the hub at {address} is on another computer, and its key is not known here", hint)
    curve = Curve(checked_key(settings.hub_key, "hub_key"), read_pair(own_key_file(settings)), right)
    return Endpoints.at(address, curve)
