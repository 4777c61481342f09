"""From a crop to a tensor."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from pydantic import ValidationError

from smearwatch.models.preprocess import Preprocessing, normalise, normalise_views, shrink, to_tensor, view
from smearwatch.train.data.samples import cell_crop

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


def _pictures() -> np.ndarray:
    rng = np.random.default_rng(5)
    noise = rng.integers(0, 256, (4, 128, 128, 3), dtype=np.uint8)
    smooth = [cv2.resize(each[:9, :9], (128, 128), interpolation=cv2.INTER_CUBIC) for each in noise]
    pale = [200 + each // 5 for each in smooth]
    flat = [np.full((128, 128, 3), level, dtype=np.uint8) for level in (0, 1, 2, 3, 128, 234, 235, 236, 255)]
    every = np.arange(128 * 128 * 3, dtype=np.uint32).reshape(128, 128, 3).astype(np.uint8)
    return np.stack([*noise, *smooth, *pale, *flat, every])


STAINS = [
    Preprocessing(),
    Preprocessing(mean_bgr=(0.1, 0.2, 0.3), std_bgr=(0.3, 0.2, 0.7)),
    Preprocessing(stain="density"),
    Preprocessing(stain="red_cells"),
]


@pytest.mark.parametrize("preprocessing", STAINS)
def test_tables_give_each_picture_to_the_byte(preprocessing: Preprocessing):
    pictures = _pictures()
    for each in pictures:
        expected = normalise(to_tensor(each[None]), preprocessing)
        found = normalise_views(each[None], preprocessing)
        assert torch.equal(found, expected)
        assert found.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(normalise_views(pictures, preprocessing), normalise(to_tensor(pictures), preprocessing))


@pytest.mark.realdata
def test_tables_give_real_cells_to_the_byte(real_data: Path):
    preprocessing = STAINS[-1]
    for folder, scale in (("pbc", 0.095), ("raabin", 0.062)):
        for picture in sorted((real_data / folder).glob("*/*.jpg"))[::200]:
            seen = view(shrink(cell_crop(picture, scale), preprocessing), preprocessing)[None]
            assert torch.equal(normalise_views(seen, preprocessing), normalise(to_tensor(seen), preprocessing))
