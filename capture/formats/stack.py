"""What the pages of one size in a file show: one field at several focal planes, or several fields.

Programs do not say it reliably: fields that were put together by hand are called slices, too. So the pages are looked
at. Planes of one field have the same structures at the same places; two fields have not.
"""

from collections.abc import Callable, Sequence
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from smearwatch.capture.arrays import Image
from smearwatch.capture.formats.tiff_structure import PALETTE, PHOTOMETRIC, SAMPLES, TiffStructure

_SMALL_PX: Final = 96
_BACKGROUND_SIGMA: Final = 10.0  # in the small picture; what light there is falls off alike in all fields
_ONE_FIELD: Final = 0.5

MOST_PICTURES: Final = 4
"""So many pictures of the largest size may all pages together have that are looked at."""


def colour_pages(structure: TiffStructure) -> list[int]:
    """Return the pages that may be pictures of their own: in colour, and of the size of the one that is used."""
    used = structure.pages[structure.page_used]
    if used.first(SAMPLES, 1) < 3 and used.first(PHOTOMETRIC) != PALETTE:
        return [structure.page_used]
    alike = (used.width_px, used.height_px, used.first(SAMPLES, 1))
    return [
        index
        for index, page in enumerate(structure.pages)
        if not page.reduced and (page.width_px, page.height_px, page.first(SAMPLES, 1)) == alike
    ]


def group_by_field(pages: Sequence[int], decode_page: Callable[[int], Image | None]) -> list[list[int]]:
    """Group pages one after the other that show one field.

    Parameters
    ----------
    pages
        Their numbers, from 0.
    decode_page
        Returns a page, uint8 [height, width, 3]; None for one that is passed over.

    Returns
    -------
    list of list of int
        Within each group the sharpest page comes first.
    """
    groups: list[list[tuple[float, int]]] = []
    before: npt.NDArray[np.float32] | None = None
    for page in pages:
        if (bgr := decode_page(page)) is None:
            continue
        structures = _structures(bgr)
        same_shape = before is not None and before.shape == structures.shape
        alike = before is not None and same_shape and float((before * structures).mean()) >= _ONE_FIELD
        if not alike:
            groups.append([])
        groups[-1].append((-_sharpness(bgr), page))
        before = structures
    return [[page for _, page in sorted(group)] for group in groups]


def _structures(bgr: Image) -> npt.NDArray[np.float32]:
    """Return a page small, without its light, of mean 0 and spread 1."""
    height = max(1, round(_SMALL_PX * bgr.shape[0] / bgr.shape[1]))
    small = cv2.resize(bgr[..., 1], (_SMALL_PX, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    small -= cv2.GaussianBlur(small, (0, 0), _BACKGROUND_SIGMA)
    spread = float(small.std())
    flat: npt.NDArray[np.float32] = (small - small.mean()) / spread if spread > 0 else np.zeros_like(small)
    return flat


def _sharpness(bgr: Image) -> float:
    half = cv2.resize(bgr[..., 1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return float(cv2.Laplacian(half, cv2.CV_32F).var())
