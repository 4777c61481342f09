"""Where messages to the laboratory's system are put by themselves when a session is signed, and which."""

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from smearwatch.daemon.place_setting import whole_path

MessageFormat: TypeAlias = Literal["hl7", "fhir", "astm"]
_Name: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]


class Messages(BaseModel):
    """A message of each format for each signature, put into a folder that the laboratory's system watches.

    Attributes
    ----------
    number
        What the number is that people say of a session: that of the specimen or of the order.
    message
        Which HL7 message.
    facility, receiver, receiving_facility
        What an HL7 message calls the two ends.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Annotated[Path, AfterValidator(whole_path)]
    formats: tuple[MessageFormat, ...] = Field(("hl7",), min_length=1)
    number: Literal["specimen", "order"] = "specimen"
    message: Literal["oul", "oru"] = "oul"
    facility: _Name | None = None
    receiver: _Name | None = None
    receiving_facility: _Name | None = None
