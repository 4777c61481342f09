"""What weights remember of the cells they were made from, without a picture of them.

Two things: eight bytes of each picture's SHA-256, so that a score can leave out what was trained on, and the ResNet's
512 features of some cells, so that the weights can be adapted without forgetting and without the old pictures.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as parse_arrays
from safetensors.numpy import save as pack_arrays

from smearwatch.models.checkpoint import MEMORY_FILE, WeightsUnusable, checked_content, read_manifest
from smearwatch.models.classes import CLASSES

KINDS = ("exact", "either", "reject", "leukocyte")
FEATURES = 512


@dataclass(frozen=True, slots=True)
class Remembered:
    """Features of m cells and what they should be called.

    Attributes
    ----------
    features : float32 array of shape [m, 512]
        Output of the ResNet's body for each cell, before its two heads.
    shares : float32 array of shape [m, 6]
        Wanted shares of the classes; zero for a cell to reject.
    kinds : uint8 array of shape [m]
        Index in `KINDS`.
    """

    features: NDArray[np.float32]
    shares: NDArray[np.float32]
    kinds: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory of one set of weights.

    Attributes
    ----------
    train_digests, validation_digests
        First eight bytes (`short`) of the SHA-256 of every picture that was trained on or chosen by.
    fitted, held
        Cells that were trained on, and validation cells.
    """

    train_digests: frozenset[int]
    validation_digests: frozenset[int]
    fitted: Remembered
    held: Remembered

    def seen_in_training(self, digest: str) -> bool:
        """Return whether a picture with this SHA-256 (hex) was trained on or chosen by."""
        key = short(digest)
        return key in self.train_digests or key in self.validation_digests


def short(digest: str) -> int:
    """Return the first eight bytes of a SHA-256 in hex, as a signed big-endian number."""
    return int.from_bytes(bytes.fromhex(digest[:16]), "big", signed=True)


def packed(memory: Memory) -> bytes:
    """Write a memory as safetensors: features in half precision, digests sorted."""
    arrays = {
        "train_digests": _sorted(memory.train_digests),
        "validation_digests": _sorted(memory.validation_digests),
    }
    for prefix, cells in (("", memory.fitted), ("held_", memory.held)):
        arrays[f"{prefix}features"] = np.ascontiguousarray(cells.features.astype(np.float16))
        arrays[f"{prefix}shares"] = np.ascontiguousarray(cells.shares.astype(np.float16))
        arrays[f"{prefix}kinds"] = np.ascontiguousarray(cells.kinds)
    return bytes(pack_arrays(arrays))


def unpacked(content: bytes) -> Memory:
    """Read what `packed` wrote.

    Raises
    ------
    ValueError
        Where the content is none, or its arrays do not belong together.
    """
    try:
        arrays = parse_arrays(content)
        digests = [frozenset(int(key) for key in arrays[name]) for name in ("train_digests", "validation_digests")]
        return Memory(digests[0], digests[1], _remembered(arrays, ""), _remembered(arrays, "held_"))
    except (SafetensorError, KeyError) as error:
        msg = f"not a memory: {error}"
        raise ValueError(msg) from error


def load(weights_dir: Path) -> Memory | None:
    """Read and check the memory of weights; None where they have none.

    Raises
    ------
    WeightsUnusable
        Where manifest or memory is missing or changed.
    """
    path = weights_dir / MEMORY_FILE
    content = checked_content(path, read_manifest(weights_dir).memory)
    if content is None:
        return None
    try:
        return unpacked(content)
    except ValueError as error:
        raise WeightsUnusable(path, str(error)) from error


def _sorted(digests: Iterable[int]) -> NDArray[np.int64]:
    return np.array(sorted(digests), dtype=np.int64)


def _remembered(arrays: dict[str, NDArray[np.generic]], prefix: str) -> Remembered:
    features = np.asarray(arrays[f"{prefix}features"], dtype=np.float32)
    shares = np.asarray(arrays[f"{prefix}shares"], dtype=np.float32)
    kinds = np.asarray(arrays[f"{prefix}kinds"], dtype=np.uint8)
    count = len(kinds)
    if features.shape != (count, FEATURES) or shares.shape != (count, len(CLASSES)) or (kinds >= len(KINDS)).any():
        msg = f"not a memory: {prefix}features, shares and kinds do not fit each other"
        raise ValueError(msg)
    return Remembered(features, shares, kinds)
