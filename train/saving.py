"""Weights into a folder: each file whole or not at all, the manifest last."""

from pathlib import Path

from smearwatch.daemon.atomic_write import write_atomically
from smearwatch.models.checkpoint import MANIFEST_FILE, packed, packed_manifest
from smearwatch.models.lenet_bank import LeNetBank
from smearwatch.models.manifest import Manifest
from smearwatch.models.resnet import LeukocyteResNet


def save_weights(
    folder: Path, resnet: LeukocyteResNet, bank: LeNetBank, manifest: Manifest, memory: bytes | None = None
) -> Manifest:
    """Write both networks, what they remember, and their manifest.

    Parameters
    ----------
    folder
        Made where it is missing.
    manifest
        Its `tensors`, `memory` and `checksum` are filled in.
    memory
        As `smearwatch.models.memory.packed` makes it; None for weights without one.

    Returns
    -------
    Manifest
        As written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files, sealed = packed(resnet, bank, manifest, memory)
    for name, content in files.items():
        write_atomically(folder / name, content)
    return sealed


def save_manifest(folder: Path, manifest: Manifest) -> Manifest:
    """Write the manifest alone and return it as written, with its checksum."""
    content, sealed = packed_manifest(manifest)
    write_atomically(folder / MANIFEST_FILE, content)
    return sealed
