"""The pictures of the cells: a folder for each class, and a table of what is in them."""

from pathlib import Path
from typing import Any, Final, Literal

from smearwatch.clients.exports.cell_columns import COLUMNS as CELL_COLUMNS
from smearwatch.clients.exports.cell_pictures import PicturedCell, pictured_cells, pictures, without_picture
from smearwatch.clients.exports.columns import Column
from smearwatch.clients.exports.format import Export, Format, Written
from smearwatch.clients.exports.tables import TableOptions, write_table

SIZE_PX: Final = 750
MANIFEST: Final = "manifest.csv"

_OF_CELL: Final = (
    "session number frame name captured_at index state counted class verdict reject_score um_per_px um_per_px_source "
    "focus weights label labelled_by unfamiliar counted_frame counted_index best_frame best_index reviewed_as "
    "counted_reviewed specimen signed_by signed_at"
).split()

COLUMNS: Final = (
    Column("file", "text", "the picture, from the folder of this table; empty where the frame is damaged or gone"),
    Column("folder", "text", "its class in the result that stands: the person's word, or the machine's"),
    Column("crop_um", "number", "how wide the picture is on the slide", "um"),
    Column("crop_um_per_px", "number", "the scale of the picture itself", "um/px"),
    *(column for column in CELL_COLUMNS if column.name in _OF_CELL),
)


class CropOptions(TableOptions):
    """How the table is written, and whether it is of the flagged cells alone."""

    kind: Literal["csv"] = "csv"
    flagged: bool = False


def _write(export: Export, path: Path, options: CropOptions) -> Written:
    cells = pictured_cells(export, flagged=options.flagged)
    side_um = export.result.field_um or 33.0
    path.mkdir()
    files: dict[int, str] = {}
    for cell, picture in pictures(export, cells, side_um, SIZE_PX):
        if picture is None:
            continue
        file = Path(cell.name) / f"{export.result.session}-{cell.row['number']:05d}.png"
        (path / file).parent.mkdir(exist_ok=True)
        picture.save(path / file, "PNG", compress_level=1)
        files[cell.row["number"]] = file.as_posix()
    rows = [_row(cell, files.get(cell.row["number"]), side_um) for cell in cells]
    write_table(path / MANIFEST, COLUMNS, rows, options)
    return Written(f"{len(files)} pictures", without_picture(len(cells) - len(files)))


def _row(cell: PicturedCell, file: str | None, side_um: float) -> dict[str, Any]:
    own = {"file": file, "folder": cell.name, "crop_um": side_um, "crop_um_per_px": side_um / SIZE_PX}
    row = cell.row | own
    return {column.name: row[column.name] for column in COLUMNS}


FORMAT: Final = Format(
    "a folder of pictures, 750 x 750 px, one of each cell",
    _write,
    CropOptions,
    lambda options: "folder",
)
