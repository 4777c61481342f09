"""What the page sends: read, checked, or refused in one line."""

from typing import Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request


class Asked(BaseModel):
    """What a request may hold: the values that are named, and no other."""

    model_config = ConfigDict(extra="forbid", strict=True, str_strip_whitespace=True)

    @model_validator(mode="after")
    def _can_be_seen(self) -> Self:
        """Refuse letters that a screen does not show: they could hide what stands beside them, or who it is."""
        for name, value in self:
            texts = [value] if isinstance(value, str) else value.values() if isinstance(value, dict) else ()
            if not all(text.isprintable() for text in texts if isinstance(text, str)):
                raise ValueError(f"{name}: a letter in it cannot be seen")
        return self


_Asked = TypeVar("_Asked", bound=Asked)


async def asked(request: Request, kind: type[_Asked]) -> _Asked:
    """Return what a request asks for; raises `HTTPException`."""
    try:
        return kind.model_validate_json(await request.body())
    except ClientDisconnect:
        raise HTTPException(400, "the request broke off") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where, what = ".".join(str(part) for part in first["loc"]), first["msg"].removeprefix("Value error, ")
        raise HTTPException(400, f"{where}: {what}") from error
