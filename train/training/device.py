"""The device that a run trains on, set so that the same seed gives the same result on it."""

import warnings
from pathlib import Path

import torch

from smearwatch.train.data.samples import DataUnusable


def training_device(name: str, index: int) -> torch.device:
    """Choose and prepare the device.

    Parameters
    ----------
    name
        "cpu", "cuda", or "auto": CUDA where there is a device.
    index
        Number of the CUDA device on this machine; each process takes its own.

    Raises
    ------
    DataUnusable
        Where CUDA is asked for and there are not so many devices.
    """
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if index >= torch.cuda.device_count():
        raise DataUnusable(Path("cuda"), f"there is no CUDA device number {index} here", "use --device cpu")
    device = torch.device("cuda", index)
    torch.cuda.set_device(device)
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    # TF32 keeps 10 bits of a colour in the augmentation's products; the networks run in bfloat16 and gain nothing.
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    # Kernels that exist in an exact order only are used so; those that do not are few, and would warn at each start.
    warnings.filterwarnings("ignore", message=".*does not have a deterministic implementation.*", category=UserWarning)
    torch.use_deterministic_algorithms(True, warn_only=True)
    return device


def in_bfloat16(device: torch.device, *, wanted: bool = True) -> torch.autocast:
    """Compute in bfloat16 where torch holds that safe, in single precision elsewhere; for a ``with``.

    On a processor without instructions for it, which most have not, bfloat16 is emulated and takes ten times as long as
    single precision; there it is left alone.

    Parameters
    ----------
    device
        Where it is computed.
    wanted
        Whether the settings allow it.
    """
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=wanted and _is_quick(device))


def _is_quick(device: torch.device) -> bool:
    if device.type != "cpu":
        return True
    able = torch.cpu.get_capabilities()
    return any(able.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))  # the last is ARM's
