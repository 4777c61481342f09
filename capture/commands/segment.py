"""`smearwatch segment`: find the leukocytes in pictures of fields, without a daemon."""

import json
import sys
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import typer

from smearwatch.capture.commands.records import NOTHING_KNOWN, found_record, plain_line, poor_record
from smearwatch.capture.scale.claims import ScaleClaim, ScaleDisputed, ScaleMissing, ScaleSource
from smearwatch.daemon.alone import made
from smearwatch.daemon.columns import write_line
from smearwatch.daemon.one_line import say
from smearwatch.daemon.regular_file import read_regular
from smearwatch.daemon.scale_rule import typed_scale_or_auto

if TYPE_CHECKING:
    from smearwatch.capture.scale.policy import ScalePolicy, ScaleWarning

app = typer.Typer(add_completion=False)

_EPILOG = "Example: smearwatch segment field.jpg --um-per-px 0.09 --overlay marked --json"
_POOR_FIELDS = ("underexposed", "overexposed", "empty", "not_a_smear", "out_of_focus", "moving", "too_small")
_PROGRESS_AFTER_S = 1.0


class PictureUnusable(Exception):
    """A picture that could not be searched, or whose mask or overlay could not be written; `hint` says how to mend it.

    ``record`` is what was found in it, None where it was not searched.
    """

    def __init__(self, file: Path, reason: str, detail: str, hint: str) -> None:
        super().__init__(detail if detail.startswith(str(file)) else f"{file}: {detail}")
        self.reason = reason
        self.hint = hint
        self.record: dict[str, Any] | None = None


@app.command(epilog=_EPILOG)
def segment(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE", help="Pictures: JPEG, PNG, BMP, TIFF or CZI.")],
    um_per_px: Annotated[
        str,
        typer.Option(
            "--um-per-px", metavar="X|auto", help="Scale; auto takes the file's own, or else measures its red cells."
        ),
    ] = "auto",
    scale_from: Annotated[
        str,
        typer.Option(
            "--scale-from",
            metavar="SOURCE",
            help="Use only metadata, configured or red_cells; auto compares all of them.",
        ),
    ] = "auto",
    search_stain: Annotated[
        Literal["as_photographed", "red_cells"],
        typer.Option(
            "--search-stain",
            metavar="STAIN",
            help="as_photographed, or red_cells: search pale pictures as if their stain were normal.",
        ),
    ] = "as_photographed",
    masks: Annotated[
        Path | None,
        typer.Option(
            "--masks", metavar="DIR", help="Write a PNG for each picture: 0 background, 128 cytoplasm, 255 nucleus."
        ),
    ] = None,
    overlay: Annotated[
        Path | None,
        typer.Option(
            "--overlay", metavar="DIR", help="Write a JPEG for each picture with boxes, outlines and a scale bar."
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Let --masks and --overlay write over files that are there.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one object per picture.")] = False,
) -> None:
    """Find the leukocytes in pictures of whole fields.

    A picture that cannot be read is named on stderr, the others are still searched, and the exit status is 1. So is a
    mask or overlay that cannot be written; what was found in its picture is printed all the same.
    A picture of poor quality is no error: it is reported as not searched, with the reason.
    """
    policy = _scale_policy(um_per_px, scale_from)
    targets = [_names(images, masks, ".png"), _names(images, overlay, ".jpg")]
    _refuse_inputs(images, *(target for names in targets for target in names.values()))
    progress = _Progress(len(images))
    failed = False
    with ExitStack() as stack:
        for option, folder in (("--masks", masks), ("--overlay", overlay)):
            _make(option, folder, stack)
        for number, file in enumerate(images, start=1):
            try:
                restain = search_stain == "red_cells"
                record = _search(file, policy, *(names.get(number) for names in targets), restain=restain, force=force)
            except PictureUnusable as unusable:
                failed = True
                progress.clear()
                say(f"{unusable} ({unusable.hint})")
                record = {**(unusable.record or NOTHING_KNOWN), "file": str(file), "reason": unusable.reason}
                if unusable.record is None and not as_json:
                    continue
            if as_json:
                sys.stdout.write(json.dumps(record) + "\n")
            else:
                named = {what: Path(record[what]) for what in ("mask", "overlay") if what in record}
                others = [f"{what} {path.name}" for what, path in named.items() if path.stem != file.stem]
                write_line(sys.stdout, ", ".join([plain_line(record), *others]))
            sys.stdout.flush()
            progress.show(number)
        progress.clear()
    if failed:
        raise typer.Exit(1)


def _scale_policy(um_per_px: str, scale_from: str) -> "ScalePolicy":
    from smearwatch.capture.scale.policy import ScalePolicy, ScaleProvider
    from smearwatch.capture.scale.providers import MetadataProvider

    trusted: dict[str, ScaleSource | None] = {"auto": None, **{name: name for name in get_args(ScaleSource)}}
    if scale_from not in trusted or scale_from == "micrometer":
        hint = "give auto, metadata, configured or red_cells"
        say(f"--scale-from {scale_from}: not possible here ({hint})")
        raise typer.Exit(2)
    providers: list[ScaleProvider] = [MetadataProvider(_print_warning)]
    if (value := typed_scale_or_auto(um_per_px)) is not None:
        claim = ScaleClaim("configured", value, "--um-per-px")
        providers.append(lambda _: claim)
    return ScalePolicy(providers, trusted=trusted[scale_from], warn=_print_warning)


def _print_warning(warning: "ScaleWarning") -> None:
    text = warning.why
    if warning.event != "scales differ":
        text = f"scale in its metadata not used: {text} ({warning.hint})"
    say(f"{f'{warning.where}: ' if warning.where else ''}{text}")


def _make(option: str, folder: Path | None, stack: ExitStack) -> None:
    if folder is None:
        return
    try:
        stack.enter_context(made(folder))
    except OSError as error:
        say(f"{option} {folder}: {error.strerror} (give a folder that can be written)")
        raise typer.Exit(1) from None


def _names(images: list[Path], folder: Path | None, suffix: str) -> dict[int, Path]:
    """Return a file for each picture by its number; those of one name in two folders do not overwrite each other."""
    if folder is None:
        return {}
    times: Counter[str] = Counter()
    used: set[str] = set()
    names = {}
    for number, file in enumerate(images, start=1):
        name = file.stem
        while name in used:
            times[file.stem] += 1
            name = f"{file.stem}-{times[file.stem] + 1}"
        used.add(name)
        names[number] = folder / f"{name}{suffix}"
    return names


def _refuse_inputs(images: list[Path], *targets: Path) -> None:
    """Refuse to write over a picture that is to be searched, whatever is forced."""
    inputs = {image.resolve() for image in images}
    for target in targets:
        if target.resolve() in inputs:
            say(f"{target} would be written over, and it is a picture to search (give another folder)")
            raise typer.Exit(2)


def _search(
    file: Path,
    policy: "ScalePolicy",
    mask_file: Path | None,
    overlay_file: Path | None,
    *,
    restain: bool,
    force: bool,
) -> dict[str, Any]:
    from smearwatch.capture.finder.field import FieldRejected, find
    from smearwatch.capture.formats.decode import decode, describe, hint_for
    from smearwatch.capture.formats.unusable import in_plain_words

    data, claim = _read(file, policy)
    um_per_px, source = (None, None) if claim is None else (claim.um_per_px, claim.source)
    result = find(data, um_per_px=um_per_px, um_per_px_source=source, restain=restain)
    note = describe(data).note
    if isinstance(result, FieldRejected):
        if result.reason not in _POOR_FIELDS:
            unknown = result.reason == "scale_unknown"
            hint = "`smearwatch calibrate` measures it" if unknown else hint_for(result.reason)
            words = in_plain_words(result.reason, result.detail, data)
            raise PictureUnusable(file, result.reason, f"{words}; {note}" if note and result.width_px else words, hint)
        return poor_record(file, result) | ({} if note is None else {"note": note})
    if claim is not None:
        _compare_with_red_cells(policy, claim, file, data)
    record = found_record(file, result)
    if result.unsearched_percent:
        record["unsearched_percent"] = result.unsearched_percent
    if note is not None:
        record["note"] = note
    try:
        if mask_file is not None:
            _write(file, "mask", mask_file, result.segmentation.mask(), force=force)
            record["mask"] = str(mask_file)
        if overlay_file is not None:
            from smearwatch.capture.vision.overlay import draw_overlay

            found = result.segmentation
            picture = draw_overlay(
                decode(data), found.cells, found.mask(), result.um_per_px, plain_line(record, short=True)
            )
            _write(file, "overlay", overlay_file, picture, force=force)
            record["overlay"] = str(overlay_file)
    except PictureUnusable as unusable:
        unusable.record = record  # what was found is told all the same
        raise
    return record


def _read(file: Path, policy: "ScalePolicy") -> tuple[bytes, ScaleClaim | None]:
    """Return a picture's bytes and the claim to search it by; None where its red cells have to decide."""
    from smearwatch.capture.formats.metadata import side_file_for
    from smearwatch.capture.frame import SourceFrame

    try:
        data = read_regular(file)
        beside = side_file_for(file)
        side_file = None if beside is None else read_regular(beside)
        return data, policy.choose(SourceFrame(str(file), data, captured_at_ns=0, side_file=side_file))
    except OSError as error:
        detail = error.strerror or type(error).__name__
        raise PictureUnusable(file, "unreadable", detail, "give a picture file that can be read") from None
    except (ScaleDisputed, ScaleMissing) as unsettled:
        raise PictureUnusable(file, "scale_disputed", str(unsettled), unsettled.hint) from None


def _compare_with_red_cells(policy: "ScalePolicy", claim: ScaleClaim, file: Path, data: bytes) -> None:
    """Compare the first pictures' scale with their red cells; what is printed already can only be warned of.

    One picture alone is warned of where they differ so much that a run would be refused; three by a tenth.
    """
    from smearwatch.capture.formats.decode import decode
    from smearwatch.capture.scale.policy import ENOUGH_FIELDS
    from smearwatch.capture.scale.red_cells import estimate_um_per_px

    if policy.measured == ENOUGH_FIELDS:
        return
    is_far_off = policy.compare(claim, estimate_um_per_px(decode(data)))
    enough = policy.measured == ENOUGH_FIELDS
    if (enough or is_far_off) and (pair := policy.against_red_cells("picture")) is not None:
        policy.warn("" if enough else str(file), *pair)


def _write(file: Path, what: str, target: Path, picture: Any, *, force: bool) -> None:
    import cv2

    from smearwatch.daemon.own_output import NotOurs, write_output

    encoded, data = cv2.imencode(target.suffix, picture)
    try:
        if not encoded:
            raise OSError("it could not be encoded")
        write_output(target, data.tobytes(), force=force)
    except NotOurs as refused:
        raise PictureUnusable(file, f"{what}_not_written", f"{what}: {refused}", refused.hint) from None
    except OSError as error:
        detail = f"{what} {target}: {error.strerror or error}"
        raise PictureUnusable(file, f"{what}_not_written", detail, "give a folder that can be written") from None


class _Progress:
    """A counter on stderr, where a person waits and the lines on stdout do not show the progress already."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._began = time.monotonic()
        self._wanted = sys.stderr.isatty() and not sys.stdout.isatty()
        self._shown = False

    def show(self, done: int) -> None:
        if self._wanted and time.monotonic() - self._began > _PROGRESS_AFTER_S:
            sys.stderr.write(f"\r{done}/{self._total} pictures")
            sys.stderr.flush()
            self._shown = True

    def clear(self) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            self._shown = False
