"""Where the networks are trained in bfloat16: where that is quicker."""

import torch


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
