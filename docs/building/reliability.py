"""Write ``docs/reliability.md`` from the figures in ``docs/reliability/``, which `make torture` and `make soak` write.

Its text is ``docs/building/reliability.jinja``; the tables are made here. Run it from the repository's root:
``.venv/bin/python -m docs.building.reliability``.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tests.torture.sampling import BLOCKS, WARM_UP_SHARE
from tests.torture.sampling import slope as fitted

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reliability.md"
FIGURES = ROOT / "docs" / "reliability"
NONE = "\N{EN DASH}"

Json = dict[str, Any]
Slope = tuple[float, float]

HOWS = ("killed", "stopped for a moment", "stopped for good")
COMPARED = {
    "frames": "frames there",
    "cells": "cells judged",
    "frames_lost": "frames lost",
    "frames_twice": "frames there twice",
    "frames_without_outcome": "frames neither counted nor rejected",
    "cells_missing": "cells missing",
    "cells_more": "cells too many",
    "cells_doubled": "cells counted twice",
    "cells_without_verdict": "cells without a verdict",
    "cells_set_aside": "cells set aside as poisoned",
    "frames_in_other_order": "frames in another order",
    "cells_judged_otherwise": "cells with another verdict, to the byte",
    "faults": "faults that `sessions verify` finds",
}
LEFT = {
    "least": "only what fsync had confirmed",
    "some": "that, and of the rest any sectors and entries of folders, at random",
    "most": "everything that was written",
}
ORDERED = {
    "leukocytes": "leukocytes counted",
    "leukocytes_not_counted_once": "leukocytes found and not counted exactly once",
    "leukocytes_in_one_only": "leukocytes counted in one of the two orders only",
    "frames_searched_otherwise": "frames with other cells, outlines or stain",
    "judged_by_another_view": "leukocytes of which another view counts",
    "named_otherwise": "leukocytes with another name",
    "named_otherwise_by_the_same_view": "with another name though the same view counts",
    "frames_with_another_scale_estimate": "frames whose red cells were measured in one of the two orders only",
}
NUMBERS = ("none", "one", "two", "three")


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def total(rows: Iterable[Json], name: str) -> int:
    """Return a sum over rows."""
    return sum(int(row[name]) for row in rows)


def equal(rows: Sequence[Json]) -> str:
    """Return in how many of the rows the counts are those of the undisturbed run."""
    return f"{sum(row['counts_equal'] for row in rows)} of {len(rows)}"


def made(figures: Json) -> str:
    """Return with which command, when and how long."""
    took = f", {figures['seconds'] / 60:.0f} minutes" if "seconds" in figures else ""
    return f"`{figures['command']}` ({figures['made']}, Python {figures['python']}{took})"


def deeds(torture: Json) -> str:
    """Return the table of what was ended how often, and how."""
    done: Counter[str] = Counter()
    for each in torture["sessions"]:
        done.update(each["deeds"])
    whom = sorted({deed.partition(": ")[0] for deed in done})
    return table(["what", *HOWS], ([who, *(done[f"{who}: {how}"] or NONE for how in HOWS)] for who in whom))


def compared(torture: Json, continued: Sequence[Json]) -> str:
    """Return the table of what came out."""
    sessions = torture["sessions"]
    rows = [[text, total(sessions, name), total(continued, name)] for name, text in COMPARED.items()]
    last = ["sessions whose counts are those of the undisturbed run", equal(sessions), equal(continued)]
    return table(["", "after the kills", "copies, continued"], [*rows, last])


def left(power: Json) -> str:
    """Return the table of what a loss of power left."""
    return table(["left on the disk", "cuts"], ([text, power["by_what_was_left"][mode]] for mode, text in LEFT.items()))


def ordered(orders: Json) -> str:
    """Return the table of what other orders changed."""
    rows = ([row["order"], *(row[name] for name in ORDERED)] for row in orders["orders"])
    return table(["order", *ORDERED.values()], rows)


def held(growth: Json) -> str:
    """Return the table of memory without a worker."""
    rows = [
        [role, *(f"{of[name]:.1f}" for name in ("first", "last", "most")), slope(of, "an_hour")]
        for role, of in growth.items()
        if of is not None
    ]
    return table(["process", "MB at first", "MB at last", "MB at most", "MB an hour, 95 %"], rows)


def troubled(troubles: Json) -> str:
    """Return the table of what troubles came to."""
    rows = []
    for row in troubles["troubles"]:
        said = "; ".join(f"*{text.removeprefix('smearwatch: ')}*" for text in row["said"] + row["ended_with"])
        goes_on = "yes" if row["went_on_by_itself"] else "the next run does"
        rows.append([row["trouble"], said or NONE, goes_on, "; ".join(row["flaws"]) or "nothing"])
    return table(["", "said", "goes on by itself", "lost, doubled or otherwise"], rows)


def missed(orders: Json) -> str:
    """Return how many of the true leukocytes were not counted, and whether they are the same in all orders."""
    most = max(orders["true_leukocytes"] - row["leukocytes"] for row in orders["orders"])
    alike = not any(row["leukocytes_in_one_only"] for row in orders["orders"])
    how_many = NUMBERS[most] if most < len(NUMBERS) else str(most)
    were = "was" if most == 1 else "were"
    return f"{how_many} {were} missed, {'in every order alike' if alike else 'at most; not the same in all orders'}"


def grown(soak: Json) -> str:
    """Return the table of what grew in a long run."""
    rows = []
    for role, of in soak["growth"].items():
        memory, others = of["rss_mb"], (of["descriptors"], of["threads"])
        if memory is None:
            continue
        sizes = [f"{memory[name]:.0f}" for name in ("first", "last", "most")]
        from_to = [f"{each['first']:.0f} to {each['last']:.0f}" for each in others]
        rows.append([role, *sizes, *map(limits, growth_by_frames(soak, role)), *from_to])
    head = [
        "process",
        "MB at first",
        "MB at last",
        "MB at most",
        "MB per 1,000 frames, 95 %",
        "in the second half alone",
    ]
    return table([*head, "descriptors", "threads"], rows)


def growth_by_frames(soak: Json, role: str) -> list[Slope | None]:
    """Return by how many MB per 1,000 frames a process grew: in all that is looked at, and in its second half."""
    rows = [row for row in soak["samples"] if role in row["held"]]
    rows = rows[round(len(rows) * WARM_UP_SHARE) :]
    return [
        fitted([row["frames"] / 1000 for row in part], [row["held"][role]["rss_mb"] for row in part])
        if len(part) >= 2 * BLOCKS
        else None
        for part in (rows, rows[len(rows) // 2 :])
    ]


def still_growing(soak: Json) -> str:
    """Return which processes grew in all and in the second half, too, the largest growth first, and by how much."""
    grew = {}
    for role in soak["growth"]:
        whole, late = growth_by_frames(soak, role)
        if whole and late and whole[0] > whole[1] and late[0] > late[1]:
            grew[role] = late[0]
    largest_first = sorted(grew.items(), key=lambda each: -each[1])
    return ", ".join(f"{role} by {by:.1f} MB" for role, by in largest_first) or "none"


def limits(of: Slope | None) -> str:
    """Return a slope with its limits, a dash where there are too few samples for one."""
    return NONE if of is None else f"{of[0]:+.2f} ± {of[1]:.2f}"


def slope(of: Json, name: str) -> str:
    """Return a slope that the figures have, with its limits."""
    return limits((of[name], of[name + "_within"]))


def page(figures: dict[str, Json]) -> str:
    """Return the page."""
    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=loader, undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)  # noqa: S701  # Markdown
    copies = [copy for each in figures["torture"]["sessions"] for copy in each["copies"]]
    tools = (made, total, equal, deeds, compared, left, ordered, missed, held, troubled, grown, still_growing)
    return environment.get_template("reliability.jinja").render(
        **figures,
        **{tool.__name__: tool for tool in tools},
        copies=copies,
        continued=[copy["continued"] for copy in copies if "continued" in copy],
    )


def read() -> dict[str, Json]:
    """Return the figures by the names of their files."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FIGURES.glob("*.json"))}


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(read()), encoding="utf-8")
    print(f"written: {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
