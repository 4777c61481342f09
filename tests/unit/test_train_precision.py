"""bfloat16 is used where it is quicker than single precision."""

import pytest
import torch

from smearwatch.train.training.device import in_bfloat16


def kind_of_product(*, wanted: bool = True) -> torch.dtype:
    matrix = torch.ones(8, 8)
    with in_bfloat16(torch.device("cpu"), wanted=wanted):
        return (matrix @ matrix).dtype


@pytest.mark.parametrize(
    ("able", "kind"),
    [
        ({"avx2": True, "avx512_bf16": False}, torch.float32),
        ({"avx2": True, "avx512_f": True, "avx512_bf16": True}, torch.bfloat16),
        ({"amx_bf16": True}, torch.bfloat16),
        ({"architecture": "aarch64", "neon": True}, torch.float32),
        ({"architecture": "aarch64", "bf16": True}, torch.bfloat16),
    ],
)
def test_a_processor_computes_in_bfloat16_where_it_has_instructions_for_it(
    able: dict[str, object], kind: torch.dtype, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    assert kind_of_product() == kind
    assert kind_of_product(wanted=False) == torch.float32
