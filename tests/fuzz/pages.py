"""The review page asked in any way there is, without a network between: what it answers, and what it raises."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route

from smearwatch.clients.web.access import LinkAccess
from smearwatch.clients.web.app import FORESEEN, ReadAs
from smearwatch.clients.web.guard import guarded
from smearwatch.clients.web.logins import Logins
from smearwatch.clients.web.sessions import SessionPages
from smearwatch.daemon.config import Settings

_NO_PROCESS = ("/weights/adapt", "/weights/back", "/weights/promote", "/weights/changes", "/start")
"""What begins a command of its own; for these no body is right."""


@dataclass(frozen=True)
class Asked:
    """A request."""

    method: str
    path: str
    query: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Pages:
    """The pages of a state folder, and the way in."""

    def __init__(self, settings: Settings, session: Path) -> None:
        self.pages = SessionPages(settings, ReadAs("A. Reader"), session)
        logins = Logins(None, 3600.0)
        self.app: Starlette = guarded(self.pages.routes(), LinkAccess(8765, logins), FORESEEN)
        cookie = f"smearwatch-8765={logins.add()}"
        self.known = [(b"host", b"127.0.0.1:8765"), (b"cookie", cookie.encode()), (b"x-smearwatch", b"1")]

    @property
    def routes(self) -> list[tuple[str, str]]:
        """Every path that there is, and how it is asked."""
        return sorted(set(_routes(self.pages.routes())))

    async def ask(self, asked: Asked) -> tuple[int, dict[str, str], bytes]:
        """Return the answer's status, headers and text; whatever the application raises comes out."""
        sent: list[dict[str, Any]] = []
        came = [{"type": "http.request", "body": asked.body, "more_body": False}]

        async def receive() -> dict[str, Any]:
            if came:
                return came.pop()
            await asyncio.sleep(3600)  # the browser stays
            raise AssertionError

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": asked.method, "scheme": "http",
            "path": asked.path, "raw_path": asked.path.encode("utf-8", "replace"), "query_string": asked.query,
            "root_path": "", "headers": [*asked.headers, *self.known], "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 8765),
        }  # fmt: skip
        await self.app(scope, receive, send)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in sent[0]["headers"]}
        return sent[0]["status"], headers, b"".join(each.get("body", b"") for each in sent[1:])


def _routes(routes: list[BaseRoute]) -> list[tuple[str, str]]:
    found = []
    for route in routes:
        if isinstance(route, Route):
            found += [(method, route.path) for method in route.methods or () if method != "HEAD"]
        elif isinstance(route, Mount):
            found.append(("GET", f"{route.path}/"))
    return found


_WORDS = st.sampled_from(
    ["", "0", "1", "-1", "9" * 30, "monday", "..", "../../etc/passwd", "%2e%2e", "a" * 64, "\0", "{x}"]
)
_TEXTS = _WORDS | st.text(max_size=12)
_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=8,
)
_FIELDS = (
    "by", "labels", "event", "drawn", "action", "note", "reason", "overrule", "place", "specimen", "operator", "target",
    "session", "sessions", "candidate", "force", "counts", "order", "frame", "marks", "index", "leukocyte", "title",
)  # fmt: skip


def requests(pages: Pages, frame: str) -> st.SearchStrategy[Asked]:
    """Return what draws requests: real paths with any parts, and bodies from rubbish to nearly right."""
    parts = _TEXTS | st.just(frame)

    @st.composite
    def draw_one(draw: st.DrawFn) -> Asked:
        method, path = draw(st.sampled_from(pages.routes))
        while "{" in path:
            head, _, tail = path.partition("{")
            path = head + draw(parts) + tail.partition("}")[2]
        path = (
            draw(st.sampled_from(["", "/session/monday", "/session/other"]))
            + path
            + draw(st.sampled_from(["", "", "/", "/x"]))
        )
        fields = st.dictionaries(st.sampled_from(_FIELDS), _VALUES, max_size=6)
        bodies = st.binary(max_size=40) | (fields | _VALUES).map(
            lambda body: json.dumps(body).encode("utf-8", "replace")
        )
        body = draw(st.just(b"[" * 5000) | bodies)
        if path.endswith(_NO_PROCESS):
            body = b"{" + body
        query = draw(
            st.sampled_from(
                [b"", b"after=0", b"after=" + b"9" * 5000, b"find=%00", b"field=exact", b"wbc=nan", b"%ff=%"]
            )
            | st.binary(max_size=12)
        )
        names = st.sampled_from(
            [b"accept", b"origin", b"content-length", b"transfer-encoding", b"range", b"if-none-match", b"x"]
        )
        headers = draw(st.lists(st.tuples(names, st.binary(max_size=12)), max_size=2))
        return Asked(
            draw(st.sampled_from([method, method, "GET", "POST", "HEAD", "DELETE"])), path, query, headers, body
        )

    return draw_one()
