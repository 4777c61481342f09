"""What a crop tells of its session: the stain of the nucleus and of the red cells around it, and their size."""

from dataclasses import replace

from smearwatch.capture.arrays import Image
from smearwatch.capture.scale.red_cell_size import measure_red_cell_um
from smearwatch.capture.vision.cell_stain import CellStain, measure_cell_stain


def measure_stain_and_size(crop_bgr: Image) -> CellStain:
    """Measure the stain of the cell in the middle of a crop, and the size of the red cells around it.

    Parameters
    ----------
    crop_bgr
        uint8 [side, side, 3], a crop of 33 um, or the same shrunken; light flattened, stain as photographed.
    """
    return replace(measure_cell_stain(crop_bgr), red_cell_um=measure_red_cell_um(crop_bgr))
