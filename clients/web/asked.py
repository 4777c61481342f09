"""What the page sends: read, checked, or refused in one line."""

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request


class Asked(BaseModel):
    """What a request may hold: the values that are named, and no other."""

    model_config = ConfigDict(extra="forbid", strict=True, str_strip_whitespace=True)


_Asked = TypeVar("_Asked", bound=Asked)


async def asked(request: Request, kind: type[_Asked]) -> _Asked:
    """Return what a request asks for; raises `HTTPException`."""
    try:
        return kind.model_validate_json(await request.body())
    except ClientDisconnect:
        raise HTTPException(400, "the request broke off") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise HTTPException(400, f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}") from error
