"""A laboratory message as FHIR: a bundle of one report, its observations, and what they are of and by."""

import json
import uuid
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from smearwatch.clients.exports.format import Export, Format, Written
from smearwatch.clients.exports.laboratory import (
    LOINC,
    PANEL,
    PANEL_TEXT,
    MessageInvalid,
    MessageOptions,
    Numbers,
    PackageMissing,
    absolute,
    begun_at,
    code_of,
    issued_at,
    notes_of,
    numbers_of,
    percent,
    persons,
    share_note,
    stand_of,
)
from smearwatch.clients.exports.result import Row, SessionResult, Share

_UCUM: Final = "http://unitsofmeasure.org"
_V2: Final = "http://terminology.hl7.org/CodeSystem/v2-0074"
_CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/observation-category"
_NAMES: Final = uuid.UUID("4f3fb0e4-3a0f-5f0c-9d0e-2f0b8c1a6d57")
"""Of this program: from it and a session's beginning each resource has the same identity in every export."""


def bundle_of(result: SessionResult, options: MessageOptions) -> dict[str, Any]:
    """Return the bundle of a session as plain values; raises what `numbers_of` does."""
    return _Bundle(result, options, numbers_of(result, options)).json()


class _Bundle:
    def __init__(self, result: SessionResult, options: MessageOptions, numbers: Numbers) -> None:
        self._result = result
        self._options = options
        self._blood = options.blood(result)
        self._numbers = numbers
        # Of report and observations alike.
        self._same: dict[str, Any] = {
            "status": stand_of(result),
            "effectiveDateTime": _time(begun_at(result)),
            "issued": _time(issued_at(result)),
        }
        if names := persons(result):
            self._same["performer"] = [{"display": name} for name in names]
        if numbers.order is not None:
            order = {"type": "ServiceRequest", "identifier": {"value": numbers.order}}
            self._same["basedOn"] = [order]

    def json(self) -> dict[str, Any]:
        observations = [*self._observations()]
        resources = [self._report([each["id"] for each in observations]), *observations]
        if self._numbers.specimen is not None:
            resources.append(self._specimen(self._numbers.specimen))
        resources.append(self._device())
        return {
            "resourceType": "Bundle",
            "type": "collection",
            "timestamp": _time(issued_at(self._result)),
            "entry": [{"fullUrl": f"urn:uuid:{each['id']}", "resource": each} for each in resources],
        }

    def _id(self, what: str) -> str:
        """Return the identity of a resource: the report's stays when the session is signed, amended, signed again."""
        return str(uuid.uuid5(_NAMES, f"{self._result.session}\0{begun_at(self._result).timestamp()}\0{what}"))

    def _identifier(self, what: str) -> list[dict[str, str]]:
        return [{"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{self._id(what)}"}]

    def _refers_to(self, what: str) -> dict[str, str]:
        return {"reference": f"urn:uuid:{self._id(what)}"}

    def _report(self, observations: list[str]) -> dict[str, Any]:
        notes = notes_of(self._result, self._options)
        return {
            "resourceType": "DiagnosticReport",
            "id": self._id("report"),
            "identifier": self._identifier("report"),
            "category": [{"coding": [{"system": _V2, "code": "HM"}]}],
            "code": {"coding": [{"system": LOINC, "code": PANEL}], "text": PANEL_TEXT},
            **self._same,
            **self._of_specimen("specimen", several=True),
            "result": [{"reference": f"urn:uuid:{each}"} for each in observations],
            "conclusion": "\n".join(notes),
        }

    def _observations(self) -> Iterator[dict[str, Any]]:
        for row in self._result.rows:
            if row.kind == "per_100":
                if row.per_100 is not None:
                    value = _quantity(f"{row.per_100:.2f}", "per 100 leukocytes", "/100{WBCs}")
                    yield self._observation(row, "share", None, value, [*_counts(row, self._result)])
                continue
            if row.share is None:
                continue  # a class that neither the machine nor a person named
            code = code_of(row)
            value = _quantity(percent(row.share), "%", "%")
            parts = [*_counts(row, self._result), *_limits("95 % limit", row.share)]
            if row.corrected is not None:
                parts += _limits("95 % limit, corrected for the machine's errors", row.corrected)
                if row.corrected.value is not None:
                    corrected = _quantity(percent(row.corrected), "%", "%")
                    parts.append(_part("share corrected for the machine's errors", corrected))
            yield self._observation(row, "share", code.share, value, parts)
            if self._blood is not None and code.absolute is not None:
                value = _quantity(absolute(row.share, self._blood), "10*9/L", "10*9/L")
                yield self._observation(row, "absolute", code.absolute, value, [])

    def _observation(
        self, row: Row, what: str, code: str | None, value: dict[str, Any], parts: list[dict[str, Any]]
    ) -> dict[str, Any]:
        coded: dict[str, Any] = {"text": code_of(row).text}
        if code is not None:
            coded = {"coding": [{"system": LOINC, "code": code}], **coded}
        observation = {
            "resourceType": "Observation",
            "id": self._id(f"{row.label} {what}"),
            "identifier": self._identifier(f"{row.label} {what}"),
            "category": [{"coding": [{"system": _CATEGORY, "code": "laboratory"}]}],
            "code": coded,
            **self._same,
            "valueQuantity": value,
            "note": [{"text": share_note(row, self._result)}],
            **self._of_specimen("specimen", several=False),
            "device": self._refers_to("device"),
        }
        return observation | ({"component": parts} if parts else {})

    def _of_specimen(self, what: str, *, several: bool) -> dict[str, Any]:
        if self._numbers.specimen is None:
            return {}
        return {what: [self._refers_to(what)] if several else self._refers_to(what)}

    def _specimen(self, number: str) -> dict[str, Any]:
        return {
            "resourceType": "Specimen",
            "id": self._id("specimen"),
            "identifier": [{"value": number}],
            "type": {"text": "Blood smear"},
        }

    def _device(self) -> dict[str, Any]:
        weights = [{"type": {"text": "weights"}, "value": each.identity} for each in self._result.weights]
        return {
            "resourceType": "Device",
            "id": self._id("device"),
            "deviceName": [{"name": "smearwatch", "type": "model-name"}],
            "version": [{"type": {"text": "smearwatch"}, "value": self._result.version}, *weights],
        }


def _counts(row: Row, result: SessionResult) -> Iterator[dict[str, Any]]:
    yield _part("cells", _quantity(str(row.cells or 0), "cells", "{cells}"))
    yield _part("leukocytes counted", _quantity(str(result.denominator), "cells", "{cells}"))


def _limits(of: str, share: Share) -> list[dict[str, Any]]:
    parts = (("lower", share.low), ("upper", share.high))
    return [_part(f"{which} {of}", _quantity(f"{value:.2f}", "%", "%")) for which, value in parts]


def _part(text: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"code": {"text": text}, "valueQuantity": value}


def _quantity(value: str, unit: str, code: str) -> dict[str, Any]:
    return {"value": Decimal(value), "unit": unit, "system": _UCUM, "code": code}


def _time(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")


def checked_bundle(bundle: dict[str, Any]) -> str:
    """Return a bundle as JSON text, as it was after `fhir.resources` found that it is FHIR R4B.

    Raises
    ------
    PackageMissing
        `fhir.resources` is not installed.
    MessageInvalid
        It is none.
    """
    try:
        from fhir.resources.R4B.bundle import Bundle
    except ImportError as error:
        raise PackageMissing("FHIR", "fhir.resources") from error
    try:
        Bundle.model_validate(bundle)
    except ValueError as error:
        raise MessageInvalid(f"the bundle is no FHIR: {' '.join(str(error).split())}") from error
    return json.dumps(bundle, indent=2, ensure_ascii=False, default=_number) + "\n"


def _number(value: Any) -> float:
    assert isinstance(value, Decimal)
    return int(value) if value == value.to_integral_value() else float(value)


def _write(export: Export, path: Path, options: MessageOptions) -> Written:
    bundle = bundle_of(export.result, options)
    path.write_text(checked_bundle(bundle), encoding="utf-8")
    observations = sum(each["resource"]["resourceType"] == "Observation" for each in bundle["entry"])
    return Written(f"a {stand_of(export.result)} report of {observations} observations")


FORMAT: Final = Format("a message in FHIR: a report with its observations (JSON)", _write, MessageOptions)
