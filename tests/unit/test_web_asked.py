"""What the page sends is refused where a letter in it cannot be seen: it could hide what stands beside it."""

import pytest
from pydantic import Field, ValidationError

from smearwatch.clients.web.asked import Asked


class _Sent(Asked):
    by: str = Field(min_length=1)
    reasons: dict[str, str] = Field(default_factory=dict)


@pytest.mark.parametrize("sent", ["A\u200b", "\u202eA", "A\x1b[2K", "A\0", "A\nB"])
def test_no_letter_that_cannot_be_seen(sent):
    with pytest.raises(ValidationError, match="by: a letter in it cannot be seen"):
        _Sent(by=sent)
    with pytest.raises(ValidationError, match="reasons: a letter in it cannot be seen"):
        _Sent(by="A", reasons={"target": sent})
    assert _Sent(by=" Ä. Reader ", reasons={"target": "zu wenige Zellen: Ł, 字"}).by == "Ä. Reader"
