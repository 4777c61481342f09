"""What the page sends: read, checked, or refused in one line."""

from typing import Final, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

_MOST_BYTES: Final = 1 << 20


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
    """Return what a request asks for; raises `HTTPException`.

    Where accounts are used, whatever is said `by` somebody is said by who is logged in.
    """
    try:
        wanted = kind.model_validate_json(await _body(request))
    except ClientDisconnect:
        raise HTTPException(400, "the request broke off") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where, what = ".".join(str(part) for part in first["loc"]), first["msg"].removeprefix("Value error, ")
        raise HTTPException(400, f"{where}: {what}") from error
    name, by = request.state.visitor.name, getattr(wanted, "by", None)
    if name is not None and by is not None and by != name:
        raise HTTPException(403, f"{name} is logged in, and nobody else says anything here: load the page again")
    return wanted


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise HTTPException(413, "more than the page ever sends")
    return bytes(body)
