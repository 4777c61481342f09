"""A page as PDF: by a Chromium that is installed, in its own sandbox, or by WeasyPrint."""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Final

_BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
_ARGUMENTS: Final = (
    "--headless", "--no-pdf-header-footer", "--disable-gpu", "--disable-extensions", "--disable-sync", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage", "--disable-breakpad",
    "--no-default-browser-check", "--host-resolver-rules=MAP * ~NOTFOUND",
)  # fmt: skip
LONGEST_S: Final = 120.0
_NOBODY: Final = 65534
_SAID: Final = 200


class NoPrinter(Exception):
    """Nothing is installed that makes a PDF."""

    hint = (
        "install Chromium or Google Chrome, or `pip install 'smearwatch[pdf]'`; or export the report without --pdf and "
        "print it from a browser"
    )

    def __init__(self) -> None:
        super().__init__("no PDF can be made: there is no Chromium, Google Chrome or WeasyPrint")


class NotPrinted(Exception):
    """A browser is installed, and made no PDF."""

    hint = (
        "export the report without --pdf and print it from a browser; a browser that came as a snap needs TMPDIR to be "
        "a folder in your home"
    )


def print_pdf(text: str, out: Path) -> None:
    """Write an HTML page, whose style says how large the paper is, as PDF.

    A browser runs in its own sandbox, without a network and, for a superuser, as the user nobody: it is never started
    without one.

    Raises
    ------
    NoPrinter
        See there.
    NotPrinted
        The browser failed, or took longer than `LONGEST_S`.
    """
    browser = next((found for name in _BROWSERS if (found := shutil.which(name))), None)
    if browser is not None:
        _by_browser(browser, text, out)
        return
    try:
        from weasyprint import HTML
    except (ImportError, OSError) as error:  # OSError: Pango is missing
        raise NoPrinter from error
    HTML(string=text).write_pdf(out)


def _by_browser(browser: str, text: str, out: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="smearwatch-", ignore_cleanup_errors=True) as folder:
        page, pdf = Path(folder) / "report.html", Path(folder) / "report.pdf"
        page.write_text(text, encoding="utf-8")
        as_nobody: dict[str, Any] = {}
        if os.geteuid() == 0:
            as_nobody = {"user": _NOBODY, "group": _NOBODY, "extra_groups": ()}
            for path in (Path(folder), page):
                os.chown(path, _NOBODY, _NOBODY)
        homes = dict.fromkeys(("XDG_CONFIG_HOME", "XDG_CACHE_HOME", *(("HOME",) if as_nobody else ())), folder)
        command = [browser, *_ARGUMENTS, f"--user-data-dir={folder}/user", f"--print-to-pdf={pdf}", page.as_uri()]
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env={**os.environ, **homes},
                cwd=folder,
                start_new_session=True,
                **as_nobody,
            )
        except OSError as error:
            raise NotPrinted(f"{browser} cannot be started: {error.strerror or error}") from error
        try:
            _, said = process.communicate(timeout=LONGEST_S)
        except subprocess.TimeoutExpired:
            raise NotPrinted(f"{browser} made no PDF within {LONGEST_S:.0f} s") from None
        finally:
            _end(process)
        if process.returncode or not pdf.is_file() or not _is_whole(pdf):
            last = next(reversed(said.decode(errors="replace").strip().splitlines()), "it said nothing")
            raise NotPrinted(f"{browser} made no PDF (status {process.returncode}): {last[-_SAID:]}")
        shutil.copyfile(pdf, out)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End the browser with all that it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def _is_whole(pdf: Path) -> bool:
    data = pdf.read_bytes()
    return data.startswith(b"%PDF-") and data.rstrip().endswith(b"%%EOF")
