"""Tables opened by a spreadsheet, LibreOffice: counts, shares and umlauts arrive, and no text becomes a formula."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

import pytest

from smearwatch.daemon.record.classes import CLASSES
from tests.integration.test_exports import folder, recorded, typed
from tests.integration.test_messages import sign_it
from tests.opened import exported, shown

pytestmark = pytest.mark.integration

__all__ = ["folder", "recorded"]

HOSTILE: Final = '=1+1;"x, ä"'
_OFFICE: Final = shutil.which("soffice") or shutil.which("libreoffice")
_NAMES: Final = {
    "office": "urn:oasis:names:tc:opendocument:xmlns:office:1.0",
    "table": "urn:oasis:names:tc:opendocument:xmlns:table:1.0",
    "text": "urn:oasis:names:tc:opendocument:xmlns:text:1.0",
}
_SEPARATORS: Final = {"comma": (44, 1033), "semicolon": (59, 1031)}
"""As a person chooses when the file is opened: the separator's code, and the land (English, German)."""


def in_a_spreadsheet(tables: list[Path], separator: str, where: Path) -> Iterator[list[dict[str, str | float]]]:
    """Open tables with LibreOffice and yield the rows of each as it has them."""
    assert _OFFICE is not None
    code, land = _SEPARATORS[separator]
    own = f"-env:UserInstallation={(where / 'profile').as_uri()}"
    as_chosen = f"--infilter=CSV:{code},34,76,1,,{land}"
    words = [_OFFICE, own, "--headless", as_chosen, "--convert-to", "fods", "--outdir", str(where / "opened")]
    subprocess.run([*words, *map(str, tables)], check=True, capture_output=True, timeout=120)
    for table in tables:
        sheet = ElementTree.parse(where / "opened" / f"{table.stem}.fods").getroot().find(".//table:table", _NAMES)
        assert sheet is not None
        names, *rows = (cells for row in sheet.iterfind("table:table-row", _NAMES) if (cells := _cells(row)))
        yield [dict(zip(map(str, names), row, strict=False)) for row in rows]


def _cells(row: ElementTree.Element) -> list[str | float]:
    cells: list[str | float] = []
    for cell in row.iterfind("table:table-cell", _NAMES):
        assert cell.get(f"{{{_NAMES['table']}}}formula") is None, "a formula"
        number = cell.get(f"{{{_NAMES['office']}}}value")
        text = "\n".join("".join(each.itertext()) for each in cell.iterfind("text:p", _NAMES))
        times = int(cell.get(f"{{{_NAMES['table']}}}number-columns-repeated", "1"))
        cells += [text if number is None else float(number)] * times
    while cells and cells[-1] == "":
        cells.pop()
    return cells


@pytest.mark.skipif(
    _OFFICE is None, reason="no LibreOffice: apt install --no-install-recommends libreoffice-calc-nogui"
)
def test_a_spreadsheet_has_the_counts_and_no_formula(folder: Path, tmp_path: Path):
    typed("describe", "monday", "--specimen", HOSTILE[1:], "--title", "Müller", "--by", "A")
    sign_it(folder, HOSTILE)
    said = shown("monday")
    for separator in _SEPARATORS:
        words = ("--separator", separator, "--bom")
        written = [
            exported(tmp_path / f"{name}-{separator}.csv", "monday", name, *words) for name in ("differential", "cells")
        ]
        bare = tmp_path / f"bare-{separator}.csv"
        bare.write_text("specimen\n=1+1\n")
        opened = in_a_spreadsheet([*written, bare], separator, tmp_path)
        differential, cells = next(opened), next(opened)
        with pytest.raises(AssertionError, match="a formula"):
            next(opened)
        assert {row["specimen"] for row in [*differential, *cells]} == {HOSTILE[1:]}
        assert {row["signed_by"] for row in [*differential, *cells]} == {f"'{HOSTILE}"}
        assert {row["title"] for row in cells} == {"Müller"}
        assert {row["name"] for row in cells} >= {'\'=1+1, "0";.jpg'}
        of = {str(row["class"]): row for row in differential}
        for name in CLASSES:
            share = said["reviewed"]["percent"][name]
            assert (of[name]["cells"], of[name]["counted"]) == (said["reviewed"]["counts"][name], said["counts"][name])
            assert [of[name][part] for part in ("percent", "low", "high")] == [
                share[part] for part in ("value", "low", "high")
            ]
        assert len(cells) == 33
        assert sum(str(row["counted"]).upper() == "TRUE" for row in cells) == said["cells"]
        assert cells[0]["probability_band"] == 0.9
