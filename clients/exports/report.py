"""The report of a count, as a laboratory files it: one page of HTML that holds everything, or a PDF of it."""

import base64
import hashlib
from datetime import datetime
from math import ceil
from pathlib import Path
from typing import Any, Final, Literal

from smearwatch.clients.exports import report_beside as beside
from smearwatch.clients.exports import report_words as words
from smearwatch.clients.exports.cell_pictures import without_picture
from smearwatch.clients.exports.format import Export, Format, Makes, Written
from smearwatch.clients.exports.leukocytes import UNIT, BloodOptions, Leukocytes
from smearwatch.clients.exports.printing import print_pdf
from smearwatch.clients.exports.result import SessionResult
from smearwatch.daemon.share_text import DASH

_MARGIN: Final = "11mm 12mm 13mm"


class ReportOptions(BloodOptions):
    """How a report is made."""

    kind: Literal["html", "pdf"] = "html"
    paper: Literal["a4", "letter"] = "a4"

    def makes(self) -> Makes:
        """Return what is written."""
        return "bytes" if self.kind == "pdf" else "text"


def report_html(export: Export, options: ReportOptions) -> tuple[str, int]:
    """Return a session's report as one page of HTML, and how many of its cells have no picture."""
    from jinja2 import Environment, PackageLoader, select_autoescape

    from smearwatch.clients.exports.report_cells import SIDE_UM, shown_cells

    result = export.result
    blood = options.blood(result)
    shown = shown_cells(export)
    style = _style(result, options)
    pages = Environment(
        loader=PackageLoader("smearwatch.clients", "exports"), autoescape=select_autoescape(default=True)
    )
    known = {
        "result": result,
        "title": f"{result.specimen or result.session}: leukocyte differential, {_standing(result).lower()}",
        "style": style,
        "style_hash": f"sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}",
        "made": words.when(datetime.now().astimezone()),
        "dash": DASH,
        "unit": UNIT,
        "standing": _standing(result),
        "ident": [*words.ident_pairs(result)],
        "mark": words.mark_words(result),
        "of_what": words.result_text(result),
        "limits": words.limits_words(result),
        "rule": words.rule_words(result),
        "targets": words.target_words(result),
        "reviewed": result.review is not None,
        "adjusted": result.corrected is not None and not result.corrected.few,
        "blood": blood,
        "shown": shown,
        "side_um": f"{SIDE_UM:g}",
        "field": result.field_um,
        "frames": words.frame_words(result),
        "scales": [*words.scale_words(result)],
        "elsewhere": words.elsewhere_words(result),
        "familiar": [*words.familiar_words(result)],
        "left_out": [*words.left_out_rows(result)],
        "other_names": beside.NAMES,
        "analysers": [*beside.analyser_tables(export)],
        "share_text": words.share_text,
        "limits_text": words.limits_text,
    }
    text = pages.get_template("report.html.jinja").render(
        **known, **_differential(result, blood), **_others(export), **_map(export)
    )
    return text, shown.missing


def _standing(result: SessionResult) -> str:
    amended = "AMENDED, " if result.amendments else ""
    return f"{amended}{'SIGNED' if result.signature else 'PRELIMINARY'}"


def _style(result: SessionResult, options: ReportOptions) -> str:
    """Return the style, with what stands below each printed page."""
    css = (Path(__file__).parent / "report.css").read_text(encoding="utf-8")
    of = ", ".join(text for text in (result.specimen, f"session {result.session}", _standing(result)) if text)
    small = 'font: 7pt "Liberation Sans", Arial, Helvetica, sans-serif; color: #333;'
    pages = 'counter(page) " / " counter(pages)'
    return (
        f"{css}@page {{ size: {options.paper} portrait; margin: {_MARGIN}; "
        f"@bottom-left {{ {small} content: {_css_string(of)}; }} @bottom-right {{ {small} content: {pages}; }} }}\n"
    )


def _css_string(text: str) -> str:
    """Return a text as a string of CSS; whatever could mean something in CSS or HTML is written as its number."""
    safe = (each if each.isascii() and each.isalnum() else f"\\{ord(each):x} " for each in text)
    return f'"{"".join(safe)}"'


def _differential(result: SessionResult, blood: Leukocytes | None) -> dict[str, Any]:
    rows = [row for row in result.rows if row.kind != "per_100"]
    shares = [share for row in rows for share in (row.counted_share, row.reviewed_share, row.corrected)]
    highest = max((each.high for each in shares if each is not None and each.value is not None), default=100.0)
    most = min(100, 20 * ceil(highest / 20))
    return {
        "rows": [(row, words.row_text(row), None if blood is None else blood.absolute(row.share)) for row in rows],
        "per_100": [(row, words.row_text(row).capitalize()) for row in result.rows if row.kind == "per_100"],
        "most": most,
        "ticks": range(0, most + 1, 20),
        "x": lambda percent: f"{100 * min(percent, most) / most:.2f}",
    }


def _others(export: Export) -> dict[str, Any]:
    now = beside.now_row(export.result)
    told = {"earlier": [*beside.earlier_rows(export)], "tallies": [*beside.tally_rows(export.result)]}
    return {name: [*rows, now] if rows else [] for name, rows in told.items()}


def _map(export: Export) -> dict[str, Any]:
    from smearwatch.clients.quality.coverage import coverage_of
    from smearwatch.clients.quality.coverage_lines import NO_OVERLAP, NOT_REGISTERED, area_text, route_text
    from smearwatch.clients.quality.map_svg import legend, map_svg
    from smearwatch.clients.quality.slide_map import read_slide_map

    slide = read_slide_map(export.ledger)
    report = coverage_of(export.result.session, slide).report
    by_label = legend(slide)
    forms = by_label | {label.rpartition(":")[2]: form for label, form in by_label.items()}
    if not report["parts"]:
        why = NO_OVERLAP if report["registered"] else NOT_REGISTERED
        return {"forms": forms, "drawing": "", "no_map": why, "coverage": []}
    return {
        "forms": forms,
        "drawing": map_svg(slide, None),
        "coverage": [words.as_sentence(text(report)) for text in (area_text, route_text)],
    }


def _write(export: Export, path: Path, options: ReportOptions) -> Written:
    text, missing = report_html(export, options)
    if options.kind == "pdf":
        print_pdf(text, path)
    else:
        path.write_text(text, encoding="utf-8")
    return Written(f"the report of {words.several(export.result.denominator, 'leukocyte')}", without_picture(missing))


FORMAT: Final = Format(
    "the report of a count, one HTML page (--pdf; --option paper=letter, wbc=7.2 for counts in a volume)",
    _write,
    ReportOptions,
    ReportOptions.makes,
)
