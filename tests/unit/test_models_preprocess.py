"""From a crop to a tensor."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from smearwatch.models.preprocess import Preprocessing, normalise, shrink, to_tensor, view

USUAL = Preprocessing()


def test_scale_of_the_view():
    assert USUAL.um_per_px == pytest.approx(33.0 / 176)


def test_the_middle_stays_in_the_middle_and_at_scale():
    crop = np.full((750, 750, 3), 235, dtype=np.uint8)
    crop[375 - 100 : 375 + 100, 375 - 50 : 375 + 50] = 0  # 8.8 um high and 4.4 um wide, in the middle
    seen = view(shrink(crop, USUAL), USUAL)
    assert seen.shape == (128, 128, 3)
    ys, xs = np.nonzero(seen[..., 0] < 120)
    assert (ys.mean(), xs.mean()) == pytest.approx((63.5, 63.5), abs=0.51)
    assert np.ptp(ys) + 1 == pytest.approx(8.8 / USUAL.um_per_px, abs=1)
    assert np.ptp(xs) + 1 == pytest.approx(4.4 / USUAL.um_per_px, abs=1)


def test_view_of_many_equals_view_of_each():
    fields = np.random.default_rng(0).integers(0, 256, (3, 176, 176, 3), dtype=np.uint8)
    many = view(fields, USUAL)
    assert all(np.array_equal(many[place], view(fields[place], USUAL)) for place in range(3))


def test_channels_keep_their_order_and_range():
    picture = np.zeros((1, 4, 4, 3), dtype=np.uint8)
    picture[..., 2] = 255
    tensor = to_tensor(picture)
    assert tensor.shape == (1, 3, 4, 4)
    assert tensor[0, :, 0, 0].tolist() == [0.0, 0.0, 1.0]
    own = Preprocessing(mean_bgr=(0.0, 0.5, 0.5), std_bgr=(1.0, 0.5, 0.25))
    assert normalise(tensor, own)[0, :, 0, 0].tolist() == [0.0, -1.0, 2.0]
    assert tensor.dtype == torch.float32


@pytest.mark.parametrize(
    ("shape", "dtype"), [((749, 750, 3), "uint8"), ((750, 750), "uint8"), ((750, 750, 3), "float32")]
)
def test_wrong_crop_is_refused(shape: tuple[int, ...], dtype: str):
    with pytest.raises(ValueError, match="a crop must be uint8"):
        shrink(np.zeros(shape, dtype=dtype), USUAL)


@pytest.mark.parametrize("bad", [{"view_px": 200}, {"std_bgr": (0.0, 1.0, 1.0)}, {"unknown": 1}, {"field_px": 2}])
def test_settings_that_make_no_sense_are_refused(bad: dict[str, object]):
    with pytest.raises(ValidationError):
        Preprocessing.model_validate(bad)
