"""Messages to a laboratory's system: read back by other programs, they say what `sessions show` says."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.core import Group, Message, Segment
from hl7apy.parser import parse_message

from smearwatch.clients.exports.hl7 import check_message
from smearwatch.clients.exports.laboratory import MessageInvalid
from smearwatch.daemon.config import load_settings
from smearwatch.daemon.record.band_rules import WORDS
from smearwatch.daemon.record.classes import CLASSES
from smearwatch.daemon.record.events import Opened
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.sessions import session_folder
from smearwatch.daemon.record.signing import sign
from tests.astm_records import read_astm
from tests.documented import ROOT
from tests.integration.test_exports import folder, recorded, shown, typed
from tests.integration.test_exports_out import refused
from tests.reviewed import close, record

pytestmark = pytest.mark.integration

__all__ = ["folder", "recorded"]

LOINC = dict(
    zip(
        (*CLASSES, "neutrophils"),
        ("26508-2", "26505-8", "26450-7", "30180-4", "26485-3", "26478-8", "26511-6"),
        strict=True,
    )
)
HOSTILE = r"H26|1^2&3~4"
NOTE = r"a \F\ b | c" + "\N{LINE SEPARATOR}MSH|^~"
STANDS = {"preliminary": "P", "final": "F", "corrected": "C"}


def export(*words: str) -> str:
    return typed("export", "monday", "--format", *words).stdout_bytes.decode()


def hl7(text: str) -> Message:
    message = parse_message(text, validation_level=VALIDATION_LEVEL.STRICT, find_groups=True)
    assert message.validate()
    return message


def segments(text: str, name: str) -> list[Segment]:
    def within(parent: Any) -> Iterator[Segment]:
        for each in parent.children:
            yield from within(each) if isinstance(each, Group) else [each]

    return [each for each in within(hl7(text)) if each.name == name]


def unescaped(text: str) -> str:
    """Read a text as HL7 says, one sequence after the other."""
    parts = text.split("\\")
    codes = dict(zip("FSTRE", "|^&~\\", strict=True))
    return "".join(codes[part] if at % 2 else part for at, part in enumerate(parts))


def fhir(*words: str) -> tuple[Bundle, dict[str, Any]]:
    text = export("fhir", *words)
    return Bundle.model_validate_json(text), json.loads(text)


def resources(bundle: dict[str, Any], kind: str) -> Iterator[dict[str, Any]]:
    return (each["resource"] for each in bundle["entry"] if each["resource"]["resourceType"] == kind)


def sign_it(folder: Path, by: str = "B. Chief") -> None:
    sign(folder, by=by, overruled={"flagged": "x", "rejected": "y", "target": "z"})


def test_hl7_says_what_is_shown(folder: Path):
    for kind, structure in (("oul", "OUL_R22"), ("oru", "ORU_R01")):
        text = export("hl7", "--option", f"message={kind}", "--option", "wbc=5")
        assert hl7(text).name == structure
        assert text.endswith("\r")
        assert "\n" not in text
        said, reviewed = shown(), shown()["reviewed"]
        results = {each.obx_3.obx_3_1.value: each for each in segments(text, "OBX")}
        assert len(results) == 1 + 2 * len(LOINC) + 3
        lines = text.split("\r")
        for name, code in LOINC.items():
            row = next(at for at, line in enumerate(lines) if line.startswith("OBX|") and f"|{code}^" in line)
            cells = reviewed["neutrophils"] if name == "neutrophils" else reviewed["counts"][name]
            assert lines[row + 1].startswith(f"NTE|1|L|{cells} of {reviewed['cells']} leukocytes, 95 % limits ")
            share = 100 * cells / reviewed["cells"]
            assert (results[code].obx_5.value, results[code].obx_6.obx_6_1.value) == (f"{share:.2f}", "%")
            assert (results[code].obx_3.obx_3_3.value, results[code].obx_11.value) == ("LN", "P")
        lymphocytes = reviewed["counts"]["lymphocyte"] / reviewed["cells"] * 5
        assert (results["26474-7"].obx_5.value, results["26474-7"].obx_6.obx_6_1.value) == (
            f"{lymphocytes:.3f}",
            "10*9/L",
        )
        assert results["leukocytes_counted"].obx_5.value == str(reviewed["cells"])
        assert (results["hairy_cell"].obx_3.obx_3_3.value, results["hairy_cell"].obx_6.obx_6_1.value) == ("L", "%")
        giant = results["giant"]
        assert giant.obx_5.value == f"{reviewed['others_per_100']['per_100:giant']:.2f}"
        assert giant.obx_6.obx_6_1.value == "/100{WBCs}"
        assert {each.obx_16.obx_16_2.value for each in results.values()} == {"A. Reader"}
        (specimen,) = segments(text, "SPM")
        assert specimen.spm_2.value == said["specimen"] == "H26-1"
        assert "PID" not in {line[:3] for line in lines}
        notes = [unescaped(each.nte_3.value) for each in segments(text, "NTE")]
        labelled = 11 - 1 - 2  # without the artefact, and the two beside the leukocytes
        alone = reviewed["cells"] - labelled
        assert any(note.startswith(f"Named by the machine alone: {alone} of {reviewed['cells']}") for note in notes)
        assert notes[0] == "For Research Use Only. Not for use in diagnostic procedures."
        assert any("It was not corrected for 4.3 blast, 4.3 giant per 100 leukocytes" in note for note in notes)


def test_fhir_says_what_is_shown(folder: Path):
    bundle, plain = fhir("--option", "wbc=5")
    assert bundle.type == "collection"
    reviewed = shown()["reviewed"]
    observations = [*resources(plain, "Observation")]
    coded = {each["code"].get("coding", [{"code": each["code"]["text"]}])[0]["code"]: each for each in observations}
    assert len(coded) == len(observations) == 2 * len(LOINC) + 3
    for name, code in LOINC.items():
        cells = reviewed["neutrophils"] if name == "neutrophils" else reviewed["counts"][name]
        value = coded[code]["valueQuantity"]
        assert (value["value"], value["code"]) == (round(100 * cells / reviewed["cells"], 2), "%")
        parts = {each["code"]["text"]: each["valueQuantity"]["value"] for each in coded[code]["component"]}
        assert (parts["cells"], parts["leukocytes counted"]) == (cells, reviewed["cells"])
        share = reviewed["percent"][name]
        assert (parts["lower 95 % limit"], parts["upper 95 % limit"]) == (
            round(share["low"], 2),
            round(share["high"], 2),
        )
        assert coded[code]["code"]["coding"][0]["system"] == "http://loinc.org"
    assert coded["26474-7"]["valueQuantity"]["code"] == "10*9/L"
    assert "coding" not in coded["hairy cell"]["code"]
    assert coded["giant"]["valueQuantity"]["code"] == "/100{WBCs}"
    (report,) = resources(plain, "DiagnosticReport")
    assert report["code"]["coding"][0]["code"] == "69738-3"
    named = {each["fullUrl"]: each["resource"] for each in plain["entry"]}
    assert [named[each["reference"]] for each in report["result"]] == observations
    assert named[report["specimen"][0]["reference"]]["identifier"] == [{"value": "H26-1"}]
    assert named[observations[0]["device"]["reference"]]["resourceType"] == "Device"
    assert "Research Use Only" in report["conclusion"]
    assert not {"subject", "Patient"} & {*report, *(each["resourceType"] for each in named.values())}
    for name in ("effectiveDateTime", "issued"):
        assert report[name][-6] in "+-"  # the offset


def test_astm_says_what_is_shown(folder: Path):
    typed("describe", "monday", "--specimen", HOSTILE, "--by", "A")
    header = read_astm(typed("export", "monday", "--format", "astm", "--option", "wbc=5").stdout_bytes)
    (patient, end) = header.holds
    (order,) = patient.holds
    results = {each.repeats(3)[0][3]: each for each in order.holds}
    assert len(results) == len(order.holds) == 1 + 2 * len(LOINC) + 3
    said, reviewed = shown(), shown()["reviewed"]
    for name, code in LOINC.items():
        cells = reviewed["neutrophils"] if name == "neutrophils" else reviewed["counts"][name]
        result = results[code]
        assert (result.text(4), result.text(5)) == (f"{100 * cells / reviewed['cells']:.2f}", "%")
        assert (result.text(9), result.repeats(11)) == ("P", [["A. Reader"]])
        assert result.comments[0].startswith(f"{cells} of {reviewed['cells']} leukocytes, 95 % limits ")
    lymphocytes = reviewed["counts"]["lymphocyte"] / reviewed["cells"] * 5
    assert (results["26474-7"].text(4), results["26474-7"].text(5)) == (f"{lymphocytes:.3f}", "10*9/L")
    assert results["leukocytes_counted"].text(4) == str(reviewed["cells"])
    assert results["giant"].text(4) == f"{reviewed['others_per_100']['per_100:giant']:.2f}"
    assert (order.text(3), order.text(26), end.text(3)) == (HOSTILE, "P", "N")
    assert said["specimen"] == HOSTILE
    assert order.comments[0] == "For Research Use Only. Not for use in diagnostic procedures."
    assert header.repeats(5)[0][0] == "smearwatch"


def test_the_strict_reader_of_astm_takes_nothing_else(folder: Path):
    message = typed("export", "monday", "--format", "astm").stdout_bytes
    read_astm(message)
    for right, wrong in (
        (b"\rL|1|N\r", b"\r"),
        (b"\rP|1\r", b"\r"),
        (b"\rR|2|", b"\rR|3|"),
        (b"\rC|2|", b"\rC|3|"),
        (b"|P||A. Reader|", b"|?||A. Reader|"),
        (b"For Research", b"For & Research"),
        (b"|^^^26508-2|", b"|26508-2|"),
        (b"\r", b"\n"),
    ):
        assert right in message
        with pytest.raises(AssertionError):
            read_astm(message.replace(right, wrong, 1))


def test_the_status_is_that_of_the_signature_and_the_same_message_comes_again(folder: Path):
    def stands(status: str) -> list[str]:
        texts = [export("hl7"), export("fhir"), export("astm")]
        assert texts == [export("hl7"), export("fhir"), export("astm")]
        letter = STANDS[status]
        assert {each.obx_11.value for each in segments(texts[0], "OBX")} == {letter}
        assert [each.obr_25.value for each in segments(texts[0], "OBR")] == [letter]
        parsed = json.loads(texts[1])
        reports = [*resources(parsed, "DiagnosticReport"), *resources(parsed, "Observation")]
        assert {each["status"] for each in reports} == {status}
        assert next(record.split("|")[8] for record in texts[2].split("\r") if record.startswith("R|")) == letter
        ids.append((segments(texts[0], "MSH")[0].msh_10.value, reports[0]["id"]))
        return texts

    ids: list[tuple[str, str]] = []
    stands("preliminary")
    sign_it(folder)
    signed = stands("final")
    with Ledger.open(folder) as ledger:  # an entry that changes nothing of the result
        ledger.append([Opened(ledger.epoch, 1, "test", "monday", 100, 33.0, WORDS["filament"], {}, None, None)])
    close(folder)
    assert stands("final")[0] == signed[0]
    assert segments(signed[0], "OBX")[0].obx_16.obx_16_2.value == "B. Chief"
    typed("amend", "monday", "--by", "B", "--reason", "a|b")
    for name in ("hl7", "fhir", "astm"):  # or a preliminary result would come after a final one
        assert refused("--format", name).startswith(
            "session monday was signed and opened again, and nobody answers for its result now (sign it again first"
        )
    sign_it(folder, "C. Chief")
    assert r"a\F\b" in stands("corrected")[0]
    controls, reports = zip(*ids, strict=True)
    assert len({*controls}) == 3
    assert controls[1] == controls[2]
    assert len({*reports}) == 1  # a system knows the corrected report as the one that it has


def test_hostile_texts_stay_texts(folder: Path):
    typed("describe", "monday", "--specimen", HOSTILE, "--note", NOTE.split("\N{LINE SEPARATOR}")[0], "--by", "A")
    text = export("hl7")
    assert unescaped(segments(text, "SPM")[0].spm_2.value) == HOSTILE
    assert any(unescaped(each.nte_3.value) == r"Note: a \F\ b | c" for each in segments(text, "NTE"))
    assert len(segments(text, "MSH")) == 1
    long = "&" * 200
    sign_it(folder, long)
    observer = segments(export("hl7"), "OBX")[0].obx_16.obx_16_2.value
    assert set(unescaped(observer).removesuffix("...")) == {"&"}
    (_, plain) = fhir()
    assert next(resources(plain, "DiagnosticReport"))["performer"] == [{"display": long}]
    assert next(resources(plain, "Specimen"))["identifier"] == [{"value": HOSTILE}]


def test_what_is_signed_is_opened_again_before_its_number_is_said(folder: Path):
    typed("describe", "monday", "--specimen", "", "--by", "A")
    sign_it(folder, "A")
    assert "(open it again with: smearwatch sessions amend monday; then say it" in refused("--format", "hl7")


def test_a_message_that_nobody_can_match_is_not_written(folder: Path):
    typed("describe", "monday", "--specimen", "", "--by", "A")
    for name in ("hl7", "fhir", "astm"):
        line = refused("--format", name)
        assert line.startswith("session monday has no specimen or order number, so nobody can match its message (")
        assert "\n" not in line
        assert "(say it with: smearwatch sessions describe monday " in line
    assert "SAC" not in {line[:3] for line in export("hl7", "--option", "unmatched=yes").split("\r")}
    text = export("hl7", "--option", "order=O 7", "--option", "facility=A|B")
    assert segments(text, "OBR")[0].obr_2.value == "O 7"
    assert segments(text, "MSH")[0].msh_4.value == r"A\F\B"
    typed("describe", "monday", "--specimen", "O7", "--by", "A")
    text = export("hl7", "--option", "number=order")
    assert (segments(text, "OBR")[0].obr_2.value, segments(text, "SPM")[0].spm_2.value) == ("O7", "")
    (_, plain) = fhir("--option", "number=order")
    assert next(resources(plain, "DiagnosticReport"))["basedOn"][0]["identifier"] == {"value": "O7"}
    assert [*resources(plain, "Specimen")] == []
    twice = ("--option", "number=order", "--option", "order=8")
    typed("export", "monday", "--format", "hl7", *twice, code=1)


def test_what_is_no_message_is_refused(folder: Path):
    text = export("hl7")
    check_message(text)
    for right, wrong in (("|BLD^Whole blood^HL70487|", "||"), ("\rOBR|1|", "\rOBR|x|"), ("\rSPM|", "\rXXX|")):
        with pytest.raises(MessageInvalid):
            check_message(text.replace(right, wrong))


def test_a_session_without_leukocytes_has_no_message(tmp_path: Path):
    where = session_folder(load_settings().state_dir, "monday")
    record(where, 0)
    assert refused("--format", "hl7").startswith("session monday has no leukocytes")


def test_the_examples_in_the_documentation_are_of_the_program(folder: Path):
    """Times, identities and versions apart."""
    sign_it(folder)
    hl7_text, astm_text = export("hl7"), export("astm")
    _, plain = fhir()
    observation = next(resources(plain, "Observation"))
    examples = {
        "hl7": hl7_text.replace("\r", "\n"),
        "astm": astm_text.replace("\r", "\n"),
        "json": json.dumps(observation, indent=2) + "\n",
    }
    page = (ROOT / "docs" / "messages.md").read_text()
    found = dict(re.findall(r"^```(hl7|astm|json)\n(.*?)^```", page, re.MULTILINE | re.DOTALL))
    assert {kind: as_in_the_page(text) for kind, text in examples.items()} == {
        kind: as_in_the_page(text) for kind, text in found.items()
    }


def as_in_the_page(text: str) -> str:
    """Put one word for each time, identity and version."""
    for what, one in (
        (r"\d{14}(?!\.)", "20260413093000"),
        (r"\d{14}\.\d{3}[+-]\d{4}", "20260413093000.000+0200"),
        (r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d", "2026-04-13 09:30:00"),
        (r"20\d\d-\d\d-\d\dT[\d:.]+[+-]\d\d:\d\d", "2026-04-13T09:30:00.000+02:00"),
        (r"\b[0-9A-F]{20}\b", "5C0E5F7A3B1D2E4F6A80"),
        (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "0b1c2d3e-4f50-5617-8293-a4b5c6d7e8f9"),
        (r"(smearwatch[ ^])\d+\.\d+\.\d+", r"\g<1>0.5.0"),
    ):
        text = re.sub(what, one, text)
    return text
