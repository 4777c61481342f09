"""A laboratory message as HL7 version 2.5.1: OUL^R22, as an instrument sends results, or ORU^R01."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

from smearwatch.clients.exports.format import Export, Format, Written
from smearwatch.clients.exports.laboratory import (
    PANEL,
    PANEL_TEXT,
    Given,
    MessageInvalid,
    MessageOptions,
    Numbers,
    PackageMissing,
    Stand,
    absolute,
    begun_at,
    code_of,
    identity_of,
    issued_at,
    notes_of,
    numbers_of,
    percent,
    persons,
    share_note,
    stand_of,
)
from smearwatch.clients.exports.result import Row, SessionResult

_STATUS: Final[Mapping[Stand, str]] = {"preliminary": "P", "final": "F", "corrected": "C"}
_ESCAPED: Final = str.maketrans({"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\"})
_LONGEST: Final = 199
"""Letters of a text in a field, as it is written; hl7apy refuses longer ones."""
_PERCENT: Final = "%^percent^UCUM"
_PER_100: Final = "/100{WBCs}^per 100 leukocytes^UCUM"
_PER_LITRE: Final = "10*9/L^10*9/L^UCUM"
_CELLS: Final = "{cells}^cells^UCUM"


class Hl7Options(MessageOptions):
    """Which message, and what the laboratory calls the two ends."""

    message: Literal["oul", "oru"] = "oul"
    facility: Given | None = None
    receiver: Given | None = None
    receiving_facility: Given | None = None


def message_of(result: SessionResult, options: Hl7Options) -> str:
    """Return the message of a session, its segments ended by carriage returns; raises what `numbers_of` does."""
    numbers = numbers_of(result, options)
    return "".join(f"{line}\r" for line in _Message(result, options, numbers).lines())


class _Message:
    def __init__(self, result: SessionResult, options: Hl7Options, numbers: Numbers) -> None:
        self._result = result
        self._options = options
        self._blood = options.blood(result)
        self._numbers = numbers
        self._status = _STATUS[stand_of(result)]
        self._begun, self._issued = _time(begun_at(result)), _time(issued_at(result))
        self._observers = "~".join(f"^{_fitting(name)}" for name in persons(result))
        weights = [f"weights {_fitting(each.identity)}" for each in result.weights]
        self._equipment = "~".join([f"smearwatch {_text(result.version)}", *weights])

    def lines(self) -> Iterator[str]:
        """Yield the segments. There is none of a patient: this program knows of none."""
        yield self._msh()
        specimen, order = self._spm(), [self._obr(), self._orc()]
        if self._options.message == "oul":
            yield specimen
            if self._numbers.specimen is not None:
                yield _segment("SAC", {3: _text(self._numbers.specimen)})
            yield from order
        else:
            yield from reversed(order)
        yield from _notes(notes_of(self._result, self._options))
        for number, (fields, note) in enumerate(self._results(), 1):
            yield _segment("OBX", {1: str(number), **fields, **self._of_each_result()})
            yield from _notes([note] if note else [])
        if self._options.message == "oru":
            yield specimen

    def _msh(self) -> str:
        options = self._options
        kind = "OUL^R22^OUL_R22" if options.message == "oul" else "ORU^R01^ORU_R01"
        fields = {
            2: "^~\\&",
            3: "smearwatch",
            4: _text(options.facility),
            5: _text(options.receiver),
            6: _text(options.receiving_facility),
            7: self._issued,
            9: kind,
            10: identity_of(self._result, kind, *(str(value) for _, value in options)),
            11: "P",
            12: "2.5.1",
            18: "UNICODE UTF-8",
        }
        return _segment("MSH", fields, first=2)  # the first is the bar itself

    def _spm(self) -> str:
        fields = {1: "1", 2: _text(self._numbers.specimen), 4: "BLD^Whole blood^HL70487", 11: "P^Patient^HL70369"}
        return _segment("SPM", fields)

    def _obr(self) -> str:
        fields = {
            1: "1",
            2: _text(self._numbers.order),
            3: _text(self._result.session),
            4: f"{PANEL}^{_text(PANEL_TEXT)}^LN",
            7: self._begun,
            22: self._issued,
            24: "HM",
            25: self._status,
        }
        return _segment("OBR", fields)

    def _orc(self) -> str:
        control = "SC" if self._options.message == "oul" else "RE"
        state = "IP" if self._status == "P" else "CM"
        return _segment("ORC", {1: control, 2: _text(self._numbers.order), 3: _text(self._result.session), 5: state})

    def _results(self) -> Iterator[tuple[dict[int, str], str]]:
        """Yield the fields of each result, and the note below it."""
        result = self._result
        yield {3: _local("leukocytes_counted", "Leukocytes counted"), 5: str(result.denominator), 6: _CELLS}, ""
        for row in result.rows:
            note = share_note(row, result)
            if row.kind == "per_100":
                if row.per_100 is not None:
                    yield {3: self._code(row, None), 5: f"{row.per_100:.2f}", 6: _PER_100}, note
                continue
            if row.share is None:
                continue  # a class that neither the machine nor a person named
            code = code_of(row)
            yield {3: self._code(row, code.share), 5: percent(row.share), 6: _PERCENT}, note
            if self._blood is not None and code.absolute is not None:
                fields = {3: self._code(row, code.absolute), 5: absolute(row.share, self._blood), 6: _PER_LITRE}
                yield fields, ""

    def _code(self, row: Row, code: str | None) -> str:
        text = code_of(row).text
        return _local(row.name, text) if code is None else f"{code}^{_text(text)}^LN"

    def _of_each_result(self) -> dict[int, str]:
        return {
            2: "NM",
            11: self._status,
            14: self._begun,
            16: self._observers,
            18: self._equipment,
            19: self._begun,
        }


def _local(name: str, text: str) -> str:
    """Return a code that is of this program or laboratory alone, which HL7 marks by L."""
    return f"{_text(name)}^{_text(text)}^L"


def _segment(name: str, fields: Mapping[int, str], first: int = 1) -> str:
    return "|".join([name, *(fields.get(at, "") for at in range(first, max(fields) + 1))])


def _notes(lines: list[str]) -> Iterator[str]:
    """Yield a comment for each line: a line break within one would end the segment."""
    broken = [line for text in lines for line in text.splitlines() if line.strip()]
    for number, line in enumerate(broken, 1):
        yield _segment("NTE", {1: str(number), 2: "L", 3: _text(line)})


def _text(text: str | None) -> str:
    """Return a text with nothing in it that would be read as a delimiter, or as the end of a segment."""
    if text is None:
        return ""
    return "".join(letter if letter.isprintable() else " " for letter in text).translate(_ESCAPED)


def _fitting(text: str) -> str:
    """Return a text for a field that has a longest one; what is cut off is marked."""
    if len(_text(text)) <= _LONGEST:
        return _text(text)
    while len(_text(text)) > _LONGEST - 3:
        text = text[:-1]
    return f"{_text(text)}..."


def _time(at: datetime) -> str:
    return f"{at:%Y%m%d%H%M%S}.{at.microsecond // 1000:03d}{at:%z}"


def check_message(message: str) -> None:
    """Let `hl7apy` read a message as strictly as it can.

    Raises
    ------
    PackageMissing
        `hl7apy` is not installed.
    MessageInvalid
        It is no message of HL7 2.5.1.
    """
    try:
        from hl7apy.consts import VALIDATION_LEVEL
        from hl7apy.exceptions import HL7apyException
        from hl7apy.parser import parse_message
    except ImportError as error:
        raise PackageMissing("HL7", "hl7apy") from error
    try:
        parse_message(message, validation_level=VALIDATION_LEVEL.STRICT, find_groups=True).validate()
    except (HL7apyException, ValueError) as error:
        raise MessageInvalid(f"the message is no HL7 2.5.1: {type(error).__name__}: {error}") from error


def _write(export: Export, path: Path, options: Any) -> Written:
    message = message_of(export.result, options)
    check_message(message)
    path.write_bytes(message.encode())
    results = message.count("\rOBX|")
    return Written(f"a {stand_of(export.result)} message of {results} results")


FORMAT: Final = Format("a message in HL7 2.5.1, from an instrument or to a record", _write, Hl7Options)
