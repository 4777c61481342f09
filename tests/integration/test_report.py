"""The report of a count: what it says is the session's result, whatever stands in it, on paper too."""

import re
import shutil
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from smearwatch.clients.exports import printing
from smearwatch.clients.exports.fold import read_result
from smearwatch.clients.exports.format import Export
from smearwatch.clients.exports.laboratory import MessageOptions
from smearwatch.clients.exports.leukocytes import leukocytes
from smearwatch.clients.exports.report import ReportOptions, report_html
from smearwatch.clients.exports.result import SessionResult
from smearwatch.daemon.record.events import CLASSES, Tallied
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.mark import WORDS
from smearwatch.daemon.record.reading import LedgerReader
from tests.integration.test_exports import folder, recorded, typed
from tests.integration.test_exports_out import refused

pytestmark = pytest.mark.integration

__all__ = ["folder", "recorded"]

SPECIMEN = "7 <script>alert(1)"


class Page(HTMLParser):
    """The page as a browser and a screen reader see it: tables by row, text, elements."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: dict[str, list[str]] = {}
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._row: list[str] | None = None
        self._skipped = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._skipped = tag in ("style", "title")
        if tag == "tr":
            self._row = []
        elif tag in ("th", "td") and self._row is not None:
            self._row.append("")

    def handle_endtag(self, tag: str) -> None:
        self._skipped = False
        if tag == "tr" and self._row:
            self.rows.setdefault(self._row[0].strip(), [each.strip() for each in self._row[1:]])
            self._row = None

    def handle_data(self, data: str) -> None:
        if self._skipped:
            return
        self.text += data
        if self._row:
            self._row[-1] += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def result_of(folder: Path) -> SessionResult:
    with LedgerReader.read(folder) as ledger:
        return read_result(ledger)


def page_of(folder: Path, changed: dict[str, Any] | None = None, **options: Any) -> Page:
    with LedgerReader.read(folder) as ledger:
        result = replace(read_result(ledger), **(changed or {}))
        return Page(report_html(Export(result, ledger, folder.parent), ReportOptions(**options))[0])


def sign(folder: Path, by: str) -> None:
    open_ = [f"{gate}=as agreed" for gate in ("flagged", "rejected", "target")]
    typed("sign", folder.name, "--by", by, *(word for each in open_ for word in ("--overrule", each)))


def test_it_says_the_result_and_is_safe_and_whole_in_itself(folder: Path, tmp_path: Path):
    typed("describe", "monday", "--specimen", SPECIMEN, "--operator", 'O"><b>O</b>', "--by", "A")
    out = tmp_path / "report.html"
    typed("export", "monday", "--format", "report", "--out", str(out))
    page, result = Page(out.read_text()), result_of(folder)
    for row in result.rows:
        if row.kind == "per_100":
            continue
        told = page.rows[{"sum": "neutrophils, together"}.get(row.kind, row.label.rpartition(":")[2].replace("_", " "))]
        assert row.reviewed_share is not None
        share = row.reviewed_share
        limits = f"{share.low:.1f}\N{EN DASH}{share.high:.1f}"
        assert told[3:6] == [str(row.reviewed), f"{share.value:.1f}", limits]
        assert told[0] == ("\N{EN DASH}" if row.counted is None else str(row.counted))
    assert f"{result.reviewed_cells} leukocytes as reviewed: 11 cells labelled" in page.text
    assert f"{result.cells} leukocytes as counted by the machine alone" in page.text
    for left in result.left_out:
        assert not left.cells or re.search(rf"\b{left.cells} (seen again|rejected by|cut by|not judged)", page.text)
    assert "Blast: 1, " in page.text
    assert "Giant: 1, " in page.text
    assert page.text.count("PRELIMINARY") == 2  # across it, and in its head
    assert "For Research Use Only" in page.text
    assert SPECIMEN in page.text
    assert page.of("script") == page.of("link") == []
    assert not [attrs for _, attrs in page.tags if "style" in attrs or any(key.startswith("on") for key in attrs)]
    assert {(attrs["src"] or "")[:11] for attrs in page.of("img")} == {"data:image/"}
    assert all(attrs["alt"] for attrs in page.of("img"))
    assert all("scope" in attrs for attrs in page.of("th"))
    (policy,) = [attrs["content"] for attrs in page.of("meta") if "http-equiv" in attrs]
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    # Every flagged cell, by number and frame.
    flagged = out.read_text().partition('id="flagged"')[2].partition("</section>")[0]
    assert flagged.count("<figcaption>") == result.flagged
    assert "counts in a volume" not in page.text
    assert "10\N{SUPERSCRIPT NINE}/L" not in page.text


def test_signed_and_amended_with_what_it_replaces(folder: Path):
    before = result_of(folder)
    sign(folder, "A. Reader")
    page = page_of(folder)
    assert "SIGNED" in page.text
    assert "Signed by A. Reader" in page.text
    assert "signed although flagged cells had no label: as agreed" in page.text
    assert "PRELIMINARY" not in page.text
    assert before.weights[0].identity in page.text
    typed("amend", "monday", "--by", "B. Chief", "--reason", "two were read wrongly")
    with LedgerReader.read(folder) as ledger:
        frame = next(ledger.found_frames()).frame
    labels = folder.parent / "more.csv"
    labels.write_text(f"frame,index,label\n{frame},10,lymphocyte\n{frame},11,lymphocyte\n")
    typed("label", "monday", "--from", str(labels), "--by", "B. Chief")
    assert "AMENDED, PRELIMINARY" in page_of(folder).text
    sign(folder, "B. Chief")
    page, after = page_of(folder), result_of(folder)
    assert "AMENDED, SIGNED" in page.text
    told = {name.split(",")[0]: row for name, row in page.rows.items()}
    lymphocytes = 1 + CLASSES.index("lymphocyte")
    for name, result in (("signed by A. Reader", before), ("this reportas reviewed", after)):
        assert told[name][0] == str(result.reviewed_cells)
        assert told[name][lymphocytes].startswith(f"{result.row('lymphocyte').reviewed}")
        assert told[name][-1].startswith(f"{result.row('neutrophils').reviewed}")
    assert before.row("lymphocyte").reviewed != after.row("lymphocyte").reviewed
    assert "two were read wrongly" in page.text


def test_what_is_unlike_training_is_said(folder: Path):
    alarm = {"mark": WORDS, "drift": "since cell 7: paler", "drifted": 9, "unfamiliar": 5, "watched": 20}
    page = page_of(folder, alarm)
    reviewed = result_of(folder).row("monocyte").reviewed_share
    assert reviewed is not None
    assert page.rows["monocyte"][4] == f"{reviewed.value:.1f}?"
    for said in ("The drift alarm was on at the last cell, since cell 7: paler", "9 cells named while", f"? {WORDS}"):
        assert said in page.text
    assert "Not known: these weights do not say" in page_of(folder).text
    assert "not that the names are right" in page_of(folder, {"watched": 20}).text


def test_other_counts_stand_beside(folder: Path):
    typed("analyser", "monday", "--counts", "neutrophils=90,lymphocyte=5,monocyte=5", "--keep", "--by", "C. Clerk")
    with Ledger.open(folder) as ledger:
        ledger.append([Tallied("D. Hand", 1, 2, 1, 100, {"band": 3, "segmented": 7, "erythroblast": 1})])
    page, result = page_of(folder), result_of(folder)
    neutrophils = page.rows["neutrophils"]
    assert (neutrophils[0], neutrophils[3], neutrophils[-1]) == (str(result.row("neutrophils").reviewed), "90.0", "no")
    assert "typed in by C. Clerk" in page.text
    (tally,) = [row for name, row in page.rows.items() if name.startswith("tallied by D. Hand")]
    assert (tally[0], tally[-1]) == ("10", "10100.0 %")
    assert "beside them 1 nucleated red cell" in page.text


def test_counts_in_a_volume_are_of_a_given_count_alone(folder: Path):
    result = result_of(folder)
    known = replace(result.row("blast"), name="erythroblast", label="erythroblast", reviewed=8)
    of_100 = replace(result, reviewed_cells=100, rows=(*result.rows, known))
    corrected = leukocytes(of_100, 17.4, corrected_already=False)
    assert round(corrected.used, 3) == 16.111
    assert leukocytes(of_100, 17.4, corrected_already=True).used == 17.4
    assert MessageOptions(wbc=17.4).blood(of_100) == corrected, "a message holds the report's counts"
    assert leukocytes(replace(of_100, reviewed_cells=None), 17.4, corrected_already=False).per_100 is None
    page = page_of(folder, {"reviewed_cells": 100, "rows": of_100.rows}, wbc=17.4)
    share = result.row("lymphocyte").share
    assert share is not None
    assert share.value is not None
    assert page.rows["lymphocyte"][6].startswith(f"{16.1111 * share.value / 100:.2f} (")
    assert "17.4 \N{MULTIPLICATION SIGN} 100 / (100 + 8.0) = 16.11" in page.text
    for given, why in (("wbc=7200", "7200 in a uL are 7.2"), ("wbc=nan", "wbc"), ("wbc_corrected=true", "gives none")):
        assert why in refused("--format", "report", "--option", given)


def test_a_pdf_of_one_page_that_says_the_same(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    out = tmp_path / "report.pdf"
    words = ("export", "monday", "--format", "report", "--pdf", "--out", str(out))
    empty = tmp_path / "bin"
    empty.mkdir()
    with monkeypatch.context() as without:
        without.setenv("PATH", str(empty))
        without.setitem(sys.modules, "weasyprint", None)
        assert "install Chromium" in refused(*words[2:])
        (empty / "chromium").write_text("#!/bin/sh\nexit 3\n")
        (empty / "chromium").chmod(0o755)
        assert "chromium" in refused(*words[2:])
    assert [*tmp_path.glob("*report*")] == []
    if not any(map(shutil.which, printing._BROWSERS)) or shutil.which("pdftotext") is None:
        pytest.skip("no Chromium, or no pdftotext and pdfinfo (apt install chromium poppler-utils)")
    typed(*words)
    check_pdf(out, folder)


def test_a_pdf_without_a_browser(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    try:
        import weasyprint  # noqa: F401
    except (ImportError, OSError) as error:
        pytest.skip(f"no WeasyPrint, or no Pango (apt install libpango-1.0-0 libpangoft2-1.0-0): {error}")
    if shutil.which("pdftotext") is None:
        pytest.skip("no pdftotext and pdfinfo (apt install poppler-utils)")
    monkeypatch.setattr(printing, "_BROWSERS", ())
    out = tmp_path / "report.pdf"
    typed("export", "monday", "--format", "report", "--pdf", "--out", str(out))
    check_pdf(out, folder, sheets=r"\d")


def check_pdf(out: Path, folder: Path, sheets: str = "1") -> None:
    about = subprocess.run(["pdfinfo", out], capture_output=True, text=True, check=True).stdout
    assert re.search(rf"Pages: +{sheets}\n", about)
    assert "(A4)" in about
    text = subprocess.run(["pdftotext", "-layout", out, "-"], capture_output=True, text=True, check=True).stdout
    result = result_of(folder)
    for row in (result.row(name) for name in CLASSES):
        assert row.reviewed_share is not None
        share = row.reviewed_share
        limits = f"{share.low:.1f}\N{EN DASH}{share.high:.1f}"
        assert re.search(rf"{row.name} +{row.counted} .* {row.reviewed} +{share.value:.1f} +{limits}", text), row.name
    assert "H26-1, session monday, PRELIMINARY" in text
    assert re.search(rf"\b1 ?/ ?{sheets}\b", text)
