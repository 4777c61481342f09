"""Which weights the daemon works with: those that were named, else the promoted ones, else those that came with it."""

import hashlib
import json
import os
import re
from importlib import resources
from pathlib import Path
from typing import Final

from smearwatch.daemon.config import Settings
from smearwatch.daemon.hinted import Hinted
from smearwatch.daemon.regular_file import read_regular

CURRENT: Final = "current"
"""Link in the weights folder to the promoted ones, which lie beside it by their identity."""

_IDENTITY: Final = re.compile(r"[0-9a-f]{64}")
_MANIFEST: Final = "manifest.json"


class PromotedWeightsDamaged(Exception):
    """The promoted weights are not where they should be; others are never taken in their place unasked."""

    hint = "go back with `smearwatch promote --back`, or name weights with --weights"

    def __init__(self, link: Path, matter: str) -> None:
        super().__init__(f"promoted weights {link}: {matter}")


class OtherWeights(Hinted):
    """The hub counts with weights that are not here."""


class WeightsMissing(OSError):
    """There are no weights in the folder that was named."""

    hint = "name a folder that `smearwatch train` wrote, or leave --weights out"

    def __init__(self, folder: Path) -> None:
        super().__init__(f"no weights in {folder}: {_MANIFEST} is missing there")


def weights_root(state_dir: Path) -> Path:
    """Return the folder that holds the promoted weights of a state folder."""
    return state_dir / "weights"


def shipped_weights() -> Path:
    """Return the folder of the weights that come with the package."""
    return Path(str(resources.files("smearwatch.models") / "weights"))


def promoted_weights(state_dir: Path) -> Path | None:
    """Return the folder of the weights that were promoted last, None where none are.

    Raises
    ------
    PromotedWeightsDamaged
        The link is there and leads nowhere. What the folder holds is checked by whoever loads it.
    """
    link = weights_root(state_dir) / CURRENT
    try:
        identity = os.readlink(link)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise PromotedWeightsDamaged(link, f"no link to weights ({error.strerror or error})") from error
    folder = link.parent / identity
    if not _IDENTITY.fullmatch(identity) or not (folder / _MANIFEST).is_file():
        raise PromotedWeightsDamaged(link, f"there are no weights at {folder}")
    return folder


def manifest_mark(folder: Path | None) -> str | None:
    """Return by what weights are known again without loading them: their manifest names all that they consist of.

    None where nobody has decided yet which weights these are.
    """
    return None if folder is None else hashlib.sha256(read_regular(folder / _MANIFEST)).hexdigest()


def weights_in_use(settings: Settings) -> Path:
    """Return the folder of the weights to work with; raises `WeightsMissing` and `PromotedWeightsDamaged`."""
    if settings.weights is not None and not (settings.weights / _MANIFEST).is_file():
        raise WeightsMissing(settings.weights)
    return settings.weights or promoted_weights(settings.state_dir) or shipped_weights()


def weights_of_manifest(settings: Settings, mark: str) -> Path:
    """Return the folder of the very weights that a hub counts with, known by their `manifest_mark`.

    Raises
    ------
    OtherWeights
        They are neither the named ones, nor promoted here at any time, nor those that came with the program.
    WeightsMissing
        There are none in the folder that was named.
    """
    if settings.weights is not None:
        candidates = [weights_in_use(settings)]
    else:
        kept = (each for each in weights_root(settings.state_dir).glob("*") if _IDENTITY.fullmatch(each.name))
        candidates = [shipped_weights(), *(each for each in kept if (each / _MANIFEST).is_file())]
    for folder in candidates:
        if mark in ("", manifest_mark(folder)):
            return folder
    which = f"those in {settings.weights}" if settings.weights is not None else "any that are here"
    raise OtherWeights(
        f"the hub counts with other weights than {which}", "copy the hub's weights here and name them with --weights"
    )


def name_of_weights(state_dir: Path | None, identity: str) -> str | None:
    """Return what promoted weights of an identity are called, None where they are not at hand."""
    if state_dir is None or not _IDENTITY.fullmatch(identity):
        return None
    try:
        name = json.loads(read_regular(weights_root(state_dir) / identity / _MANIFEST)).get("name")
    except (OSError, ValueError, AttributeError):
        return None
    return name if isinstance(name, str) else None
