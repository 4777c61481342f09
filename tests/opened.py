"""A session in every format, each opened by what reads it outside: so they can be held against `sessions show`."""

import csv
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pandas
from fhir.resources.R4B.bundle import Bundle
from hl7apy.core import Group
from PIL import Image

from smearwatch.clients.exports.format import format_lines
from smearwatch.daemon.record.classes import CLASSES
from tests.astm_records import read_astm
from tests.integration.test_exports import typed
from tests.integration.test_messages import LOINC, hl7
from tests.integration.test_report import Page


def shown(session: str) -> dict[str, Any]:
    """Return what `sessions show` says."""
    return json.loads(typed("show", session, "--json").stdout)  # type: ignore[no-any-return]


def exported(out: Path, session: str, name: str, *words: str) -> Path:
    """Export a session in a format, and return where it was written."""
    typed("export", session, "--format", name, *words, "--out", str(out))
    return out


def _of_rows(rows: list[Mapping[str, Any]]) -> Counter[str]:
    named = [row["reviewed_as"] for row in rows if str(row["counted_reviewed"]) == "True"]
    return Counter(named) + Counter(leukocytes=len(named))


def _of_classes(rows: list[Mapping[str, Any]]) -> Counter[str]:
    return Counter({row["class"]: int(row["cells"]) for row in rows}) + Counter(leukocytes=int(rows[0]["of"]))


_TABLES: Final[Mapping[str, Callable[[list[Mapping[str, Any]]], Counter[str]]]] = {
    "cells": _of_rows,
    "differential": _of_classes,
}


def _of_tables(session: str, where: Path) -> Iterator[tuple[str, Counter[str]]]:
    for name, count in _TABLES.items():
        with exported(where / f"{name}.csv", session, name).open(newline="", encoding="utf-8") as file:
            yield f"{name} as CSV", count([*csv.DictReader(file)])
        lines = exported(where / f"{name}.jsonl", session, name, "--json").read_text().splitlines()
        yield f"{name} as JSON", count([json.loads(line) for line in lines])
        table = pandas.read_parquet(exported(where / f"{name}.parquet", session, name, "--parquet"))
        yield f"{name} as Parquet", count([row.to_dict() for _, row in table.iterrows()])


def _of_pictures(session: str, where: Path) -> Iterator[tuple[str, Counter[str]]]:
    crops: Counter[str] = Counter()
    for file in exported(where / "crops", session, "crops").rglob("*.png"):
        with Image.open(file) as crop:
            crop.load()
        crops[file.parent.name] += 1
    yield "crops", crops
    page = exported(where / "sheet.html", session, "sheet").read_text()
    headings = re.findall(r"<h2>(\w+) <small>(\d+) cells?; (\d+) of (\d+) leukocytes", page)
    assert all(shown == of_row for _, shown, of_row, _ in headings)
    yield "sheet", Counter({name: int(n) for name, n, *_ in headings} | {"leukocytes": int(headings[0][-1])})


def _of_messages(session: str, where: Path) -> Iterator[tuple[str, Counter[str]]]:
    codes = {code: name for name, code in LOINC.items()}
    message = hl7(exported(where / "m.hl7", session, "hl7", "--option", "unmatched=yes").read_bytes().decode())
    counts, about = Counter[str](), ""
    for segment in _within(message):
        if segment.name == "OBX":
            about = codes.get(segment.obx_3.obx_3_1.value, "")
            if segment.obx_3.obx_3_1.value == "leukocytes_counted":
                counts["leukocytes"] = int(segment.obx_5.value)
        elif segment.name == "NTE" and about:
            counts[about] = int(segment.nte_3.value.split(" of ")[0])
            about = ""
    yield "hl7", counts
    text = exported(where / "m.json", session, "fhir", "--option", "unmatched=yes").read_text()
    bundle: Any = Bundle.model_validate_json(text)
    counts = Counter()
    for each in (entry.resource for entry in bundle.entry):
        for part in (each.component or ()) if each.get_resource_type() == "Observation" else ():
            if part.code.text == "cells" and each.code.coding:
                counts[codes[each.code.coding[0].code]] = int(part.valueQuantity.value)
            elif part.code.text == "leukocytes counted":
                counts["leukocytes"] = int(part.valueQuantity.value)
    yield "fhir", counts
    header = read_astm(exported(where / "m.astm", session, "astm", "--option", "unmatched=yes").read_bytes())
    results = {each.repeats(3)[0][3]: each for each in header.holds[0].holds[0].holds}
    counts = Counter(leukocytes=int(results["leukocytes_counted"].text(4)))
    counts |= Counter({name: int(results[code].comments[0].split(" of ")[0]) for name, code in LOINC.items()})
    yield "astm", counts


def _within(parent: Any) -> Iterator[Any]:
    for each in parent.children:
        yield from _within(each) if isinstance(each, Group) else [each]


def counts_of_each_format(session: str, where: Path) -> Iterator[tuple[str, Counter[str]]]:
    """Export a session in every format, open it by what reads it, and yield its counts of the result that stands."""
    yield from _of_tables(session, where)
    yield from _of_pictures(session, where)
    yield from _of_messages(session, where)
    page = Page(exported(where / "report.html", session, "report").read_text())
    column = 3 if "as reviewed by a person" in page.text else 0
    yield "report", Counter({name: int(page.rows[name][column]) for name in CLASSES})
    archive = exported(where / "session.smearwatch", session, "archive")
    typed("import", str(archive), "--as", "taken-in", "--by", "A")
    said = shown("taken-in")
    result = said if said["reviewed"] is None else said["reviewed"]
    yield "archive", Counter(result["counts"]) + Counter(leukocytes=result["cells"])


def check_counts_of_each_format(session: str, where: Path) -> None:
    """Check that every format has the counts of `sessions show`, and that none was forgotten."""
    said = shown(session)
    stands = said if said["reviewed"] is None else said["reviewed"]
    wanted = {name: stands["counts"][name] for name in CLASSES}
    assert sum(wanted.values()) > 0
    seen = set()
    for name, counts in counts_of_each_format(session, where):
        assert {each: counts[each] for each in CLASSES} == wanted, name
        assert counts["leukocytes"] in ({0, stands["cells"]} if name in ("crops", "report") else {stands["cells"]}), (
            name
        )
        seen.add(name.split()[0])
    assert seen == {line.partition(":")[0] for line in format_lines()}
