"""The page's report of a session: the same page of HTML as `smearwatch sessions export --format report` writes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from smearwatch.clients.auditing import note_export
from smearwatch.clients.exports.fold import read_result
from smearwatch.clients.exports.format import Export, read_options
from smearwatch.clients.exports.report import FORMAT, ReportOptions, report_html
from smearwatch.clients.progress import Advance
from smearwatch.clients.web.guard import visitor_of
from smearwatch.daemon.log import get_logger
from smearwatch.daemon.plugin_options import OptionUnusable
from smearwatch.daemon.record.reading import LedgerReader

# The report holds its pictures and its style; its own policy, in the page, names the one style by its hash.
_POLICY: Final = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


class ReportOfSession:
    """The report of one session."""

    def __init__(self, folder: Path, state_dir: Path) -> None:
        self._folder = folder
        self._state_dir = state_dir

    def routes(self) -> list[Route]:
        """Return what a browser asks for here; options are given as ``report?wbc=7.2&paper=letter``."""
        return [Route("/report", self._report)]

    async def _report(self, request: Request) -> Response:
        try:
            options = read_options("report", FORMAT, dict(request.query_params))
        except OptionUnusable as unusable:
            raise HTTPException(400, f"{unusable} ({unusable.hint})") from None
        assert isinstance(options, ReportOptions)
        if options.kind != "html":
            raise HTTPException(400, "this is the HTML: print it from the browser")
        text = await run_in_threadpool(self._made, options, visitor_of(request).name)
        return HTMLResponse(text, headers={"content-security-policy": _POLICY})

    def _made(self, options: ReportOptions, by: str | None) -> str:
        with LedgerReader.read(self._folder) as ledger, ledger.at_one_moment():
            export = Export(read_result(ledger, self._state_dir), ledger, self._state_dir, _silent)
            text: str = report_html(export, options)[0]
            if not_told := note_export(ledger, "report", "a browser", by=by):
                get_logger().warning(not_told)
            return text


@contextmanager
def _silent(what: str, total: int) -> Iterator[Advance]:
    yield lambda done: None
