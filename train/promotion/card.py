"""The model card: everything in it is read from the weights, their report and the comparison they were promoted on."""

from collections.abc import Iterator
from importlib.metadata import version
from typing import Any, Final

from smearwatch.daemon.notices import RESEARCH_USE
from smearwatch.models.classes import CLASSES
from smearwatch.models.manifest import Manifest
from smearwatch.train.promotion.known import CardScores, Known
from smearwatch.train.promotion.report import comparison_lines

CARD_FILE: Final = "MODEL_CARD.md"
_FEW_CELLS: Final = 50
_DIGEST_SHOWN: Final = 16


def render_card(known: Known) -> str:
    """Write the card as Markdown."""
    manifest = known.manifest
    lines = [
        f"# Model card: weights `{manifest.name}`",
        "",
        RESEARCH_USE,
        "",
        f"- Identity: `{manifest.weights_id()}` (SHA-256 over all that decides a verdict)",
        f"- Written by smearwatch {version('smearwatch')}; every number is read from the weights' own files.",
        "",
        *_what(manifest),
        *_data(manifest),
        *_scores(known),
        *_promotion(known),
        *_limits(known),
        "## Going back",
        "",
        "`smearwatch promote --back` puts the weights in use before these back; `smearwatch promote --list` shows all.",
    ]
    return "\n".join(lines) + "\n"


def _what(manifest: Manifest) -> Iterator[str]:
    view, policy = manifest.preprocessing, manifest.policy
    yield from ("## What they are", "")
    yield f"- A ResNet-18 ({manifest.norm} norm) for six classes and a reject score; six LeNets, one for each class, as"
    yield "  verifiers."
    yield f"- Classes: {', '.join(manifest.classes)}."
    yield f"- Band rule: {manifest.band_rule}"
    yield f"- Input: a crop of {view.crop_um:g} um in {view.crop_px} px, background made a fixed white, shrunken to"
    yield f"  {view.field_px} px ({view.um_per_px:.4f} um/px), of which the middle {view.view_px} px are seen."
    if view.stain:
        yield "- Stain: optical density, each channel divided by that of the cell's darkest part."
    if view.stain == "red_cells":
        yield "  Each channel is then bent until the red cells around the cell stand where they always do."
    if (stain := view.reference_stain) is not None:
        nucleus, red = (", ".join(f"{value:g}" for value in each) for each in (stain.nucleus_bgr, stain.red_cells_bgr))
        yield "- Before that each cell is brought from its session's stain to a reference, by optical density in blue,"
        yield f"  green and red: nuclei {nucleus}; red cells {red}."
        if stain.red_cell_um is not None:
            yield f"- And it is enlarged or shrunken until the session's red cells measure {stain.red_cell_um:g} um."
    yield f"- Calibrated by the temperature {manifest.temperature:g}; rejected from a score of {policy.reject_at:g} on."
    if policy.doubtful_from is not None:
        yield f"- Flagged as perhaps none of the classes from a reject score of {policy.doubtful_from:g} on."
    if policy.doubt_five_below is not None:
        yield f"- Flagged below a probability of {policy.doubt_five_below:g}, band and segmented taken together."
    agreed = ", ".join(f"{name} {at:g}" for name, at in zip(CLASSES, policy.agree_at, strict=True))
    yield f"- A verifier confirms from: {agreed}."
    pairs = ", ".join(f"{CLASSES[rule.instead]} over {CLASSES[rule.said]}" for rule in policy.overrules)
    yield f"- Verifiers that may overrule: {pairs or 'none'}."
    if policy.unfamiliar_beyond is not None:
        yield f"- Flagged as unfamiliar: cells that look more than {policy.unfamiliar_beyond:g} times beyond the limits"
        yield "  of every kind of pictures trained on."
    use = manifest.session_statistics
    if use is not None:
        yield f"- Where more than {use.unfamiliar_share:.0%} of a session's cells are unfamiliar,"
        less = "" if use.near is None else f", less below a distance of {use.far:g} and not at all below {use.near:g}"
        yield f"  the first {use.stages} stages go {use.share:g} of the way to the session's own statistics{less}."
    yield ""


def _data(manifest: Manifest) -> Iterator[str]:
    yield from ("## Cells they were made from", "")
    others = dict(manifest.data)
    counts = others.pop("counts", None)
    if isinstance(counts, dict) and counts and all(isinstance(part, dict) for part in counts.values()):
        yield f"| source | {' | '.join(counts)} |"
        yield "|---" * (len(counts) + 1) + "|"
        for source in sorted({source for part in counts.values() for source in part}):
            yield f"| {source} | {' | '.join(str(part.get(source, 0)) for part in counts.values())} |"
        yield f"| all | {' | '.join(str(sum(part.values())) for part in counts.values())} |"
        yield ""
    elif counts is not None:
        others["counts"] = counts
    for name, value in {**others, **{f"split {name}": value for name, value in manifest.split.items()}}.items():
        yield f"- {name}: {_short(value)}"
    if not manifest.data:
        yield "- The manifest does not record them."
    yield from (f"- Credit and licence: {licence}" for licence in manifest.licences)
    if not manifest.licences:
        yield "- Credit and licence: none stated."
    yield ""


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{name} {_short(inner)}" for name, inner in value.items())
    text = str(value)
    hexadecimal = len(text) == 64 and set(text) <= set("0123456789abcdef")
    return f"`{text[:_DIGEST_SHOWN]}`…" if hexadecimal else text


def _sets(known: Known) -> dict[str, CardScores]:
    return {} if known.report is None else known.report.sets


def _scores(known: Known) -> Iterator[str]:
    yield from ("## Scores", "")
    sets = _sets(known)
    if not sets:
        yield "No report of these very weights lies beside them."
        for name, summary in known.manifest.metrics.items():
            yield f"- {name} (manifest, no intervals): {_short(summary)}"
        yield ""
        return
    yield "Shares with exact 95 % limits (Clopper-Pearson) and counts, before verifiers and rejection. ECE is the"
    yield "expected calibration error; AUROC that of the reject score for what is none of the six."
    yield ""
    yield "| cells | six classes | agreed labels | band and segmented as one | true cells rejected | ECE | AUROC |"
    yield "|---|---|---|---|---|---|---|"
    for name, scores in sets.items():
        shares = (scores.accuracy, scores.agreed, scores.five_class, scores.true_cells_rejected)
        columns = [each.text() if each else "none" for each in shares]
        columns += [_number(scores.ece), _number(scores.auroc)]
        yield f"| {name} | {' | '.join(columns)} |"
    yield ""
    yield f"| recall | {' | '.join(sets)} |"
    yield "|---" * (len(sets) + 1) + "|"
    for cls in CLASSES:
        yield f"| {cls} | {' | '.join(scores.recall[cls].text() for scores in sets.values())} |"
    yield ""


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.4f}"


def _promotion(known: Known) -> Iterator[str]:
    yield from ("## Comparison with the weights before", "")
    if known.promotion is None:
        yield "These weights were not promoted from this folder."
    else:
        yield from comparison_lines(known.promotion)
    yield ""


def _limits(known: Known) -> Iterator[str]:
    yield from ("## Limits", "")
    for name, scores in _sets(known).items():
        few = {cls: scores.recall[cls].n for cls in CLASSES if scores.recall[cls].n < _FEW_CELLS}
        if few:
            listed = ", ".join(f"{cls} {count}" for cls, count in few.items())
            yield f"- {name}: classes with fewer than {_FEW_CELLS} test cells, of which little is known: {listed}."
    notes = known.report.notes if known.report else []
    yield from (f"- {note}" for note in notes if not note.startswith("Weights "))
    yield "- Intervals say how far chance may go on cells like these; another laboratory's stain or microscope may lie"
    yield "  outside them. Compare on labelled cells of your own before relying on a share."
    yield "- A class's share in a count has the uncertainty of the cells counted besides; both are preliminary until a"
    yield "  person has verified them."
    yield ""
