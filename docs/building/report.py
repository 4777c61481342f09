"""Draw the picture of ``docs/report.md``: a drawn slide is counted, flagged cells get their true names, all is signed.

Run it from the repository's root: ``.venv/bin/python -m docs.building.report``. It takes three minutes, and needs a
Chromium and pdftoppm (poppler-utils).
"""

import csv
import json
import os
import subprocess
import tempfile
from pathlib import Path

from docs.building.pages import DOCS, command, type_lines

BEFORE = (
    "slide --out frames --truth truth.jsonl --cells 120 --route freehand --angle 4 --seed 5 --rate 0",
    "run --watch frames --session monday --um-per-px 0.09 --until-idle 5 --specimen H26-0412 --operator B-Operator",
    "sessions export monday --out cells.csv",
)
READER = "A. Reader"
DPI = 100


def name_flagged(desk: Path) -> None:
    """Write what each flagged cell is on the drawn slide into the column of labels."""
    drawn = [json.loads(line) for line in (desk / "truth.jsonl").read_text().splitlines()]
    truth = {each["file"]: each["cells"] for each in drawn if "file" in each}
    with (desk / "cells.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        if row["verdict"] == "flagged":
            x, y = float(row["centre_x_px"]), float(row["centre_y_px"])
            nearest = min(truth[row["name"]], key=lambda cell: abs(complex(*cell["centre"]) - complex(x, y)))
            row["label"] = nearest["class"]
    with (desk / "cells.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    """Count, name, sign, print, take the picture."""
    from PIL import Image

    with tempfile.TemporaryDirectory() as folder:
        desk = Path(folder)
        given = {
            **os.environ, "SMEARWATCH_STATE_DIR": f"{desk}/state", "SMEARWATCH_RUNTIME_DIR": f"{desk}/run",
        }  # fmt: skip
        type_lines(BEFORE, desk, given)
        name_flagged(desk)
        for words in (
            ("label", "monday", "--from", "cells.csv", "--by", READER),
            ("sign", "monday", "--by", READER),
            ("export", "monday", "--format", "report", "--pdf", "--out", "report.pdf"),
        ):
            subprocess.run(command("sessions", *words), cwd=desk, env=given, check=True)
        picture = ["pdftoppm", "-r", str(DPI), "-singlefile", "-png", "report.pdf", "report"]
        subprocess.run(picture, cwd=desk, check=True)
        with Image.open(desk / "report.png") as page:
            few = page.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE)  # which keeps rare colours
        few.save(DOCS / "report.png", optimize=True)


if __name__ == "__main__":
    main()
