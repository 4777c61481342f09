"""What the pages in a file show: one field at several focal planes or sizes, or several fields.

Programs do not say it reliably: fields that were put together by hand are called slices, too. So the pages are looked
at. Planes of one field have the same structures at the same places, and so has a smaller copy; two fields have not.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from smearwatch.capture.arrays import Image
from smearwatch.capture.formats.tiff_structure import TiffPage, TiffStructure

_SMALL_PX: Final = 96
_BACKGROUND_SIGMA: Final = 10.0  # in the small picture; what light there is falls off alike in all fields
_ONE_FIELD: Final = 0.5
_COPY: Final = 0.8
_THUMBNAIL_PX, _THUMBNAIL_OF = 256, 3  # so small, beside one so many times as wide: it is no field
_BESIDE_THE_FIELD: Final = re.compile(
    rb"^(label|macro|thumbnail|overview|preview)( image)?( \d+x\d+)?\s*$", re.IGNORECASE | re.MULTILINE
)

MOST_PICTURES: Final = 4
"""So many pictures of the largest size may all pages together have that are looked at."""


class Divided(NamedTuple):
    """What becomes of a file's pages.

    Attributes
    ----------
    pictures
        The pages that are pictures of their own, from 0: several, or none where the file is one picture.
    passed_over
        How many pages are not used: smaller copies, other focal planes, labels, channels.
    """

    pictures: list[int]
    passed_over: int


@dataclass(frozen=True, slots=True)
class Shown:
    """What pages show.

    Attributes
    ----------
    fields
        The pages of each field, in the order of the file; within each the sharpest comes first.
    broken
        Pages that cannot be decoded.
    """

    fields: list[list[int]]
    broken: list[int]

    def divided(self, pages: int) -> Divided:
        """Return the page of each field, and those that are broken, of a file of so many pages."""
        pictures = sorted([*(field[0] for field in self.fields), *self.broken])
        return Divided(pictures if len(pictures) > 1 else [], pages - len(pictures))


def colour_pages(structure: TiffStructure) -> list[int]:
    """Return the pages that may be pictures of their own, of whatever size; the one that is used alone if it is grey.

    Left out are pages that state to be smaller copies, or the slide's label or overview, and thumbnails.
    """
    used = structure.pages[structure.page_used]
    if not used.in_colour:
        return [structure.page_used]
    return [
        index
        for index, page in enumerate(structure.pages)
        if index == structure.page_used or (page.in_colour and not page.reduced and not _is_beside(page, used))
    ]


def _is_beside(page: TiffPage, used: TiffPage) -> bool:
    longest, largest = max(page.size_px), max(used.size_px)
    is_thumbnail = longest <= _THUMBNAIL_PX and largest >= _THUMBNAIL_OF * longest
    return is_thumbnail or _BESIDE_THE_FIELD.search(page.description[:1024]) is not None


@dataclass(frozen=True, slots=True)
class _Page:
    index: int
    size_px: tuple[int, int]
    structures: npt.NDArray[np.float32]
    sharpness: float


def group_by_field(pages: Sequence[int], decode_page: Callable[[int], Image | None]) -> Shown:
    """Group pages of one size, one after the other, that show one field; leave out smaller copies of another page.

    Parameters
    ----------
    pages
        Their numbers, from 0.
    decode_page
        Returns a page, uint8 [height, width, 3]; None for one that cannot be decoded.
    """
    looked_at, broken = [], []
    for index in pages:
        if (bgr := decode_page(index)) is None:
            broken.append(index)
        else:
            looked_at.append(_Page(index, (bgr.shape[1], bgr.shape[0]), _structures(bgr), _sharpness(bgr)))
    groups: list[list[_Page]] = []
    for page in looked_at:
        if any(_is_smaller_copy(page, other) for other in looked_at):
            continue
        if not groups or not _is_same_field(groups[-1][-1], page):
            groups.append([])
        groups[-1].append(page)
    return Shown(
        [[page.index for page in sorted(group, key=lambda page: (-page.sharpness, page.index))] for group in groups],
        broken,
    )


def _is_same_field(one: _Page, other: _Page) -> bool:
    return one.size_px == other.size_px and _agreement(one, other) >= _ONE_FIELD


def _is_smaller_copy(page: _Page, other: _Page) -> bool:
    """Return whether a page is another one made smaller: of one shape, to a pixel, and the same in every place."""
    (width, height), (wide, high) = page.size_px, other.size_px
    if width >= wide or height >= high:
        return False
    return abs(high * width / wide - height) <= 1.0 and _agreement(page, other) >= _COPY


def _agreement(one: _Page, other: _Page) -> float:
    rows = min(len(one.structures), len(other.structures))
    return float((one.structures[:rows] * other.structures[:rows]).mean())


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
