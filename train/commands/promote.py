"""`smearwatch promote`: use new weights from now on, after a comparison with those in use."""

import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smearwatch.daemon.config import Settings, load_settings
from smearwatch.daemon.hinted import Hinted
from smearwatch.daemon.own_output import write_output
from smearwatch.train.commands.dataset_options import parse_dataset_spec, person
from smearwatch.train.commands.shared_options import (
    CROPS,
    CacheOption,
    DataOption,
    DeviceOption,
    FieldsOption,
    FieldsScaleOption,
    ForceScaleOption,
    ProgressOption,
    ScaleOption,
    SessionOption,
)

if TYPE_CHECKING:
    from smearwatch.train.data.crop_cache import Progress
    from smearwatch.train.promotion.listing import ListedWeights
    from smearwatch.train.promotion.promote import PromotionRequest
    from smearwatch.train.statistics import Paired

app = typer.Typer(add_completion=False)

_EPILOG = "Example: smearwatch promote adapted --session tuesday --data cells --um-per-px 0.095"


@app.command(epilog=_EPILOG)
def promote(
    weights: Annotated[Path | None, typer.Argument(metavar="DIR", help="The new weights.")] = None,
    data: DataOption = None,
    um_per_px: ScaleOption = None,
    fields: FieldsOption = None,
    fields_um_per_px: FieldsScaleOption = None,
    session: SessionOption = None,
    force: Annotated[
        bool, typer.Option("--force", help="Use them even if they score worse, or write over a card.")
    ] = False,
    force_scale: ForceScaleOption = False,
    back: Annotated[bool, typer.Option("--back", help="Go back to the previous weights.")] = False,
    list_all: Annotated[bool, typer.Option("--list", help="List the weights there are.")] = False,
    card: Annotated[
        Path | None, typer.Option("--card", metavar="DIR", help="Only write the model card of a weights folder.")
    ] = None,
    by: Annotated[str | None, typer.Option("--by", metavar="WHO", help="Who wants it; kept in the record.")] = None,
    device: DeviceOption = "auto",
    progress: ProgressOption = "text",
    cache: CacheOption = CROPS,
    config: Annotated[Path | None, typer.Option(help="Another settings file (TOML).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line on stdout.")] = False,
) -> None:
    """Use these weights from now on, unless they score worse than those in use.

    Both name the same labelled cells; cells that either has seen in training are left out. The new ones are promoted
    where the lower 95 % limit of the difference in accuracy lies above -0.01, and no class, no set, no rejection of
    what is none of the six falls, nor do rejected true cells or silent errors rise, significantly (exact McNemar test,
    two-sided p < 0.05). That takes at least 381 cells, or fewer that show a clear gain. Otherwise they are refused: one
    line, exit status 1, and the weights in use stay in use.

    Promoted weights are copied; run, replay, classify and evaluate use them unless other weights are named. The
    previous ones are kept, and --back returns to them.
    """
    if sum((weights is not None, back, list_all, card is not None)) != 1:
        raise typer.BadParameter("give one of DIR, --back, --list and --card")
    who = None if by is None else person(by)
    settings = load_settings(config)
    if card is not None:
        _write_card(card, force=force, as_json=as_json)
    elif list_all:
        _list(settings, as_json=as_json)
    elif back:
        _back(settings, who, as_json=as_json)
    elif weights is not None:
        if not weights.is_dir():
            raise Hinted(f"{weights}: no such folder", "name a folder that `smearwatch train` wrote")
        cells = parse_dataset_spec(
            ("--data", data, "--um-per-px", um_per_px),
            ("--fields", fields, "--fields-um-per-px", fields_um_per_px),
            session or [],
            settings.state_dir,
            force_scale=force_scale,
        )

        from smearwatch.train.progress import progress_for
        from smearwatch.train.promotion.promote import PromotionRequest

        request = PromotionRequest(weights, cells, force, device, cache, who)
        _promote(request, settings, progress_for(progress), as_json=as_json)


def _promote(request: "PromotionRequest", settings: Settings, progress: "Progress", *, as_json: bool) -> None:
    from smearwatch.train.data.sessions import to_stderr
    from smearwatch.train.promotion.promote import PromotionRefused, promote
    from smearwatch.train.promotion.report import comparison_lines

    record = promote(request, settings, progress, to_stderr)
    if settings.weights is not None and record.promoted:
        to_stderr(f"the settings name weights of their own ({settings.weights}), and the daemon uses those")
    if as_json:
        says = [] if record.already else list(comparison_lines(record))
        sys.stdout.write(json.dumps({**record.to_json(), "says": says}) + "\n")
    elif record.already:
        sys.stdout.write(f"these weights are in use already: {record.weights_id}\n")
    else:
        sys.stdout.write("".join(f"{line}\n" for line in comparison_lines(record)))
        if record.promoted:
            sys.stdout.write(f"promoted: {record.folder}\n")
    sys.stdout.flush()
    if record.objections and not record.promoted:
        raise PromotionRefused("; ".join(record.objections), "the weights in use stay; --force overrides")


def _back(settings: Settings, by: str | None, *, as_json: bool) -> None:
    from smearwatch.train.data.sessions import to_stderr
    from smearwatch.train.promotion.store import Store

    store = Store(settings.state_dir)
    # Where nothing was ever promoted there is nothing to go back to, and nothing to lock.
    with store.locked() if store.root.exists() else nullcontext():
        identity, skipped = store.back(by)
    for each in skipped:
        to_stderr(f"passed over {each}: damaged")
    if as_json:
        sys.stdout.write(json.dumps({"weights": identity, "passed_over": skipped}) + "\n")
    else:
        sys.stdout.write(f"in use now: {identity or 'the weights that come with smearwatch'}\n")


def _list(settings: Settings, *, as_json: bool) -> None:
    from smearwatch.train.promotion.listing import describe
    from smearwatch.train.promotion.store import Store

    for entry in describe(Store(settings.state_dir)):
        sys.stdout.write((json.dumps(entry.to_json()) if as_json else _list_line(entry)) + "\n")


def _list_line(entry: "ListedWeights") -> str:
    mark, weights = "*" if entry.current else " ", str(entry.weights)[:16]
    if entry.fault:
        return f"{mark} {weights:<16}  damaged: {entry.fault}"
    when = f"{entry.how} {entry.at}" if entry.at else entry.origin
    when += f" by {entry.by}" if entry.by else ""
    return f"{mark} {weights}  {entry.name}  {when}{_accuracy(entry.accuracy)}"


def _accuracy(change: "Paired | None") -> str:
    if change is None or change.difference is None:
        return ""
    gap = change.difference
    limits = f"{gap.value:+.4f}, {gap.low:+.4f} to {gap.high:+.4f}"
    return f"  accuracy {change.after.value:.4f} on {change.n} cells ({limits})"


def _write_card(folder: Path, *, force: bool, as_json: bool) -> None:
    from smearwatch.train.promotion.card import CARD_FILE, render_card
    from smearwatch.train.promotion.known import read_known
    from smearwatch.train.promotion.store import StoreFailed

    text = render_card(read_known(folder))
    try:
        write_output(folder / CARD_FILE, text.encode(), force=force)
    except OSError as error:
        raise StoreFailed(f"{folder / CARD_FILE}: {(error.strerror or str(error)).lower()}") from error
    path = str(folder / CARD_FILE)
    sys.stdout.write((json.dumps({"card": path}) if as_json else path) + "\n")
