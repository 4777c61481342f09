"""What the screens of cells say: the list, what is known of the chosen cell, and the results below each other."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, Final

from textual.content import Content

from smearwatch.clients.reviewing.cells import Cell
from smearwatch.clients.terminal.differential import DIM
from smearwatch.clients.terminal.keys import class_keys
from smearwatch.clients.wording import MARK, ROWS, limits_text, percent_text, share_of
from smearwatch.daemon.corrected_text import adjusted, adjusted_says
from smearwatch.daemon.key_layout import KeyLayout
from smearwatch.daemon.record.classes import CLASSES, UNDIVIDED
from smearwatch.daemon.share_text import NOT_JUDGED, label_text, verdict_text

SIGNS: Final = {"confirmed": "●", "corrected": "◆", "flagged": "▲", "rejected": "✕"}
COLOURS: Final = {"confirmed": "$success", "corrected": "$secondary", "flagged": "$warning", "rejected": "$error"}
_LABELLED: Final = "✓"
_SHORT: Final = {"segmented": "segm", "eosinophil": "eos", "lymphocyte": "lymph", "neutrophils": "neutr"}
_ROW, _COLUMN = 12, 8


def list_lines(cells: Sequence[Cell], chosen: int | None, columns: int, rows: int) -> list[Content]:
    """Return the part of a list around the chosen cell, and how many are above and below it.

    Parameters
    ----------
    chosen
        Its place in the list, None where none is chosen.
    columns, rows
        The room that there is.
    """
    room = rows if len(cells) <= rows else max(1, rows - 2)
    first = min(max(0, (chosen or 0) - room // 2), max(0, len(cells) - room))
    lines = [_list_line(cell, columns, marked=first + at == chosen) for at, cell in enumerate(cells[first:][:room])]
    if len(cells) > rows:
        above, below = first, len(cells) - first - room
        lines.insert(0, Content.styled(f"{above} more above" if above else "", DIM))
        lines.append(Content.styled(f"{below} more below" if below else "", DIM))
    return lines


def shortened(text: str, room: int) -> str:
    """Return a text in so much room, with an ellipsis for what has none."""
    return text if len(text) <= room else f"{text[: max(0, room - 1)]}\N{HORIZONTAL ELLIPSIS}"


def _list_line(cell: Cell, columns: int, *, marked: bool) -> Content:
    labelled = cell.label is not None
    sign, colour = (_LABELLED, "$success") if labelled else (SIGNS[cell.verdict], COLOURS[cell.verdict])
    name = label_text(cell.label) if cell.label else cell.cls
    share = "" if labelled else f"{cell.probability:.0%}"
    room = max(0, columns - 2 - 5 - len(share) - 1)
    line = Content.assemble(
        (f"{sign} ", colour),
        (f"{cell.number:>4} ", DIM),
        (f"{shortened(name, room):<{room}} ", "$foreground"),
        (share, DIM),
    )
    return line.stylize("bold $foreground on $primary 35%") if marked else line


def name_line(cell: Cell) -> Content:
    """Return which cell it is, what the machine says, and what a person says."""
    parts = [
        (f"cell {cell.number}: ", DIM),
        (cell.cls, "bold $foreground"),
        (f"  {SIGNS[cell.verdict]} {_said(cell)}", COLOURS[cell.verdict]),
    ]
    if cell.label is not None:
        parts.append((f"  ✓ {label_text(cell.label)}, says {cell.by}", "bold $success"))
    return Content.assemble(*parts)


def _said(cell: Cell) -> str:
    if cell.cls == NOT_JUDGED:
        return "rejected: it could not be judged"
    return "rejected: not one of the six" if cell.verdict == "rejected" else verdict_text(cell.verdict)


def fact_lines(known: Mapping[str, Any], columns: int, rows: int) -> Content:
    """Return what is known of a cell, in the room that there is; what has none is counted in the last line.

    Parameters
    ----------
    known : mapping
        From `smearwatch.clients.reviewing.gallery.Gallery.cell`.
    """
    lines = [Content.styled(_fact("", "prob.", "verifier"), DIM)]
    for name, share in known["probabilities"].items():
        check = known["verifiers"].get(name)
        weight = "bold $foreground" if name == known["class"] else "$foreground 75%"
        lines.append(Content.styled(_fact(name, f"{share:.1%}", "" if check is None else f"{check:.1%}"), weight))
    lines.append(Content.styled(_fact("none of six", f"{known['reject_score']:.1%}", ""), "$foreground 75%"))
    for text, colour in _remarks(known):
        lines += [Content.styled(line, colour) for line in textwrap.wrap(text, max(8, columns))]
    if len(lines) > rows:
        left = len(lines) - max(0, rows - 1)
        lines = [*lines[: rows - 1], Content.styled(f"{left} more lines: larger window", "$warning")]
    return Content("\n").join(lines)


def _fact(name: str, share: str, check: str) -> str:
    return f"{name:<11}{share:>6}{check:>9}"


def _remarks(known: Mapping[str, Any]) -> list[tuple[str, str]]:
    remarks = [(f"why flagged: {known['why']}", "$warning")] if known["why"] else []
    if known["class"] == NOT_JUDGED:
        remarks.append(("why rejected: judging it ended, hung or failed each time; name it by what you see", "$error"))
    elif known["verdict"] == "rejected":
        remarks.append(("why rejected: it looks like none of the six, so it is not counted", "$error"))
    remarks.append((f"frame: {known['frame_name']}", DIM))
    remarks += [(f"labelled {label_text(label)} by {by}", DIM) for label, by, _ in known["labels"][-2:]]
    if len(known["views"]) > 1:
        frames = ", ".join(str(view["number"]) for view in known["views"])
        remarks.append((f"seen in frames {frames}, counted once", DIM))
    if known["nucleus"]:
        nucleus = known["nucleus"]
        wide = (
            f"{nucleus['narrowest_um']:.1f} to {nucleus['widest_um']:.1f} µm wide, {nucleus['length_um']:.1f} µm long"
        )
        lobes = f"{nucleus['lobes']} {'lobe' if nucleus['lobes'] == 1 else 'lobes'}"
        remarks.append((f"nucleus: {wide}, {lobes}", DIM))
    return remarks


def key_words(rows: int, layout: KeyLayout) -> Content:
    """Return the keys that name a class, one below the other, in so many rows."""
    lines = [Content.assemble((f"{key}  ", "$secondary"), name) for name, key in _keys(layout).items()]
    return Content("\n").join([*lines[: max(0, rows - 1)], Content.styled("?  all keys", DIM)])


def result_lines(tally: Mapping[str, Any], layout: KeyLayout) -> Content:
    """Return the keys of the classes over all results in percent, and what was set aside and is still to be seen."""
    lines = [_headings(layout), _shares("as counted", tally, "$foreground 75%")]
    if tally["reviewed"] is None:
        lines.append(Content.styled(f"{'as reviewed':<{_ROW}}{'nobody has labelled a cell yet':>{_COLUMN * 4}}", DIM))
    else:
        lines.append(_shares("as reviewed", tally["reviewed"], "bold $foreground"))
    if (shares := adjusted(tally)) is not None:
        lines += _adjusted(shares)
    return Content("\n").join([*lines, Content.styled(_remainder(tally), DIM)])


def signed_lines(tally: Mapping[str, Any], layout: KeyLayout) -> Content:
    """Return the one result that is signed, with limits: as reviewed, or as counted where nobody labelled a cell."""
    reviewed = tally["reviewed"]
    title, result = ("as counted", tally) if reviewed is None else ("as reviewed", reviewed)
    said = _remainder(tally) if reviewed else "nobody has labelled a cell: the machine's names stand"
    lines = [_headings(layout), _shares(title, result, "bold $foreground"), _limits("95 % limits", result)]
    return Content("\n").join([*lines, Content.styled(said, DIM)])


def adjusted_lines(shares: Mapping[str, Any], layout: KeyLayout) -> Content:
    """Return the adjusted result alone, with its limits."""
    return Content("\n").join([_headings(layout), *_adjusted(shares)])


def adjusted_words(tally: Mapping[str, Any], only: str | None, columns: int, rows: int | None = None) -> str:
    """Return what the adjusted result holds and what would bring it nearer; how much of it has no room is said.

    Parameters
    ----------
    only
        The one share that is to be known so near, None for all.
    columns, rows
        The room that there is; all rows that it takes, where that is None.
    """
    says = adjusted_says(tally["corrected"], only, signed=bool(tally.get("signed")))
    lines = textwrap.wrap(f"adjusted: {'; '.join(says)}", max(20, columns))
    if rows is not None and len(lines) > rows:
        left = len(lines) - rows + 1
        lines = [*lines[: rows - 1], f"{left} more lines: larger window, or smearwatch sessions show"]
    return "\n".join(lines)


def _adjusted(shares: Mapping[str, Any]) -> list[Content]:
    return [_shares("adjusted", shares, "$secondary"), _limits("95 % limits", shares)]


def _keys(layout: KeyLayout) -> dict[str, str]:
    return {**class_keys(layout), "neutrophils": next(k for k, label in layout.terminal.items() if label == UNDIVIDED)}


def _headings(layout: KeyLayout) -> Content:
    keys = _keys(layout)
    heads = "".join(f"{keys.get(row, '') + ' ' + _SHORT.get(row, row[:4]):>{_COLUMN}}" for row in ROWS)
    return Content.styled(f"{'key, class':<{_ROW}}{heads}{'cells':>{_COLUMN}}", DIM)


def _shares(title: str, result: Mapping[str, Any], style: str) -> Content:
    marked = result.get("mark") is not None
    shares = "".join(f"{percent_text(share_of(result, row), marked=marked):>{_COLUMN}}" for row in ROWS)
    return Content.styled(f"{title:<{_ROW}}{shares}{result.get('cells', ''):>{_COLUMN}}", style)


def _limits(title: str, result: Mapping[str, Any]) -> Content:
    shares = "".join(f"{limits_text(share_of(result, row)):>{_COLUMN}}" for row in ROWS)
    return Content.styled(f"{title:<{_ROW}}{shares}", DIM)


def _remainder(tally: Mapping[str, Any]) -> str:
    reviewed = tally["reviewed"]
    open_ = tally if reviewed is None else reviewed
    parts = [f"still to be seen: {open_['flagged']} flagged, {open_['rejected']} rejected"]
    if open_["mark"] is not None:
        parts.append(f"{MARK}: the first screen says why (Esc)")
    if reviewed is None:
        return "; ".join(parts)
    parts.insert(0, f"{reviewed['labelled']} labelled, {reviewed['changed']} of them renamed")
    if reviewed["neutrophils_undivided"]:
        parts.append(f"{reviewed['neutrophils_undivided']} neutrophils: band or segmented not told")
    for name, n in reviewed["counts"].items():
        if name not in CLASSES:
            parts.append(f"{label_text(name)}: {n}, {percent_text(reviewed['percent'][name])} % of the leukocytes")
    for name, n in reviewed["others"].items():
        parts.append(f"{label_text(name)}: {n}, {reviewed['others_per_100'][name] or 0:.1f} for each 100")
    if reviewed["set_aside"]:
        parts.append(f"set aside: {', '.join(f'{n} {label_text(name)}' for name, n in reviewed['set_aside'].items())}")
    return "; ".join(parts)
