"""Weights as files: safetensors in half precision beside a manifest, packed to bytes and read with every check.

Who packs weights writes them, too (`smearwatch.train.saving`): nothing here writes.
"""

import hashlib
import importlib.resources
import json
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load as parse_tensors
from safetensors.torch import save as pack_tensors

from smearwatch.models.lenet_bank import LeNetBank
from smearwatch.models.manifest import Manifest
from smearwatch.models.resnet import LeukocyteResNet

MANIFEST_FILE = "manifest.json"
RESNET_FILE = "resnet18.safetensors"
BANK_FILE = "lenets.safetensors"
MEMORY_FILE = "memory.safetensors"
_LARGEST_FILE_BYTES = 256 * 2**20


class WeightsUnusable(Exception):
    """Weights that must not be used: which file or folder, and what is the matter.

    Attributes
    ----------
    hint
        What the user can do about it.
    """

    def __init__(self, path: Path, matter: str, hint: str = "fetch or train these weights again") -> None:
        super().__init__(f"weights {path}: {matter}")
        self.path = path
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Networks:
    """The two networks and the manifest that belongs to them, on the CPU, in evaluation mode."""

    resnet: LeukocyteResNet
    bank: LeNetBank
    manifest: Manifest


def shipped_weights_dir() -> Path:
    """Return the folder of the weights that come with the package."""
    return Path(str(importlib.resources.files("smearwatch.models") / "weights"))


def packed(
    resnet: LeukocyteResNet, bank: LeNetBank, manifest: Manifest, memory: bytes | None = None
) -> tuple[dict[str, bytes], Manifest]:
    """Pack networks and manifest into the files that weights are made of.

    Matrices are stored in half precision; vectors (biases, normalisation statistics) in single, since a running
    variance may leave half precision's range.

    Parameters
    ----------
    manifest
        Its `tensors`, `memory` and `checksum` are filled in here.
    memory
        As `smearwatch.models.memory.packed` makes it; None for weights without one.

    Returns
    -------
    dict, Manifest
        Each file's content by its name, the manifest last, for with it the weights are complete; and the manifest.
    """
    files = {RESNET_FILE: _pack(resnet), BANK_FILE: _pack(bank)}
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    remembered = None if memory is None else hashlib.sha256(memory).hexdigest()
    if memory is not None:
        files[MEMORY_FILE] = memory
    content, sealed = packed_manifest(manifest.model_copy(update={"tensors": hashes, "memory": remembered}))
    return {**files, MANIFEST_FILE: content}, sealed


def packed_manifest(manifest: Manifest) -> tuple[bytes, Manifest]:
    """Return the manifest's file, and the manifest with its checksum filled in."""
    sealed = manifest.sealed()
    return sealed.model_dump_json(indent=1).encode() + b"\n", sealed


def load(folder: Path) -> Networks:
    """Read and check weights.

    Raises
    ------
    WeightsUnusable
        Where a file is missing, unreadable or changed, or the manifest or a tensor is not what this version expects.
    """
    manifest = read_manifest(folder)
    # On torch's "meta" device nothing would be drawn at random first; but it loads 300 more modules, for a second.
    resnet = LeukocyteResNet(manifest.norm)
    bank = LeNetBank(manifest.preprocessing.view_px)
    _fill(folder / RESNET_FILE, resnet, manifest)
    _fill(folder / BANK_FILE, bank, manifest)
    return Networks(resnet.eval(), bank.eval(), manifest)


def read_manifest(folder: Path) -> Manifest:
    """Read and check the manifest alone.

    Raises
    ------
    WeightsUnusable
        Where it is missing, not JSON, changed, or of another format or other classes.
    """
    if not folder.is_dir():
        raise WeightsUnusable(folder, "there is no such folder", "name a folder that holds " + MANIFEST_FILE)
    path = folder / MANIFEST_FILE
    try:
        manifest = Manifest.model_validate(json.loads(_read(path)))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise WeightsUnusable(path, f"{field}: {first['msg'].removeprefix('Value error, ')}") from error
    except ValueError as error:
        raise WeightsUnusable(path, f"not a manifest: {error}") from error
    if manifest.checksum != manifest.expected_checksum():
        raise WeightsUnusable(path, "its checksum does not fit its content, so something in it was changed")
    return manifest


def checked_content(path: Path, digest: str | None) -> bytes | None:
    """Read a file that the manifest lists with this SHA-256 (hex); None where it does not list it.

    Raises
    ------
    WeightsUnusable
        Where the file is missing, unreadable or changed.
    """
    if digest is None:
        return None
    content = _read(path)
    if hashlib.sha256(content).hexdigest() != digest:
        raise WeightsUnusable(path, "its SHA-256 is not the manifest's, so it is damaged or from other weights")
    return content


def _pack(module: torch.nn.Module) -> bytes:
    tensors = {}
    for key, value in module.state_dict().items():
        if not value.is_floating_point():
            continue  # batch counters of batch norm, of no use after training
        precision = torch.float16 if value.ndim > 1 else torch.float32
        tensors[key] = value.detach().cpu().to(precision).contiguous()
    return bytes(pack_tensors(tensors))


def _read(path: Path) -> bytes:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # a pipe would be waited at
            raise WeightsUnusable(path, "is no file")
        if status.st_size > _LARGEST_FILE_BYTES:
            raise WeightsUnusable(path, f"larger than {_LARGEST_FILE_BYTES >> 20} MiB")
        return path.read_bytes()
    except OSError as error:
        raise WeightsUnusable(path, (error.strerror or str(error)).lower()) from error


def _fill(path: Path, module: torch.nn.Module, manifest: Manifest) -> None:
    content = checked_content(path, manifest.tensors.get(path.name))
    if content is None:
        raise WeightsUnusable(path, f"the manifest does not list {path.name}")
    try:
        tensors = parse_tensors(content)
    except SafetensorError as error:
        raise WeightsUnusable(path, f"not safetensors: {error}") from error
    _check_keys(path, tensors, module)
    module.load_state_dict({key: value.float() for key, value in tensors.items()}, strict=False)


def _check_keys(path: Path, tensors: Mapping[str, torch.Tensor], module: torch.nn.Module) -> None:
    wanted = {key: value.shape for key, value in module.state_dict().items() if value.is_floating_point()}
    for key in sorted(wanted.keys() | tensors.keys()):
        if key not in tensors:
            raise WeightsUnusable(path, f"tensor {key} is missing")
        if key not in wanted:
            raise WeightsUnusable(path, f"tensor {key} is unknown")
        if tensors[key].shape != wanted[key]:
            raise WeightsUnusable(path, f"tensor {key} has shape {list(tensors[key].shape)}, not {list(wanted[key])}")
