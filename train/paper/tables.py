"""The reproduction as Markdown: the paper's tables, ours beside them."""

from collections.abc import Sequence

from smearwatch.models.classes import CLASSES
from smearwatch.train.evaluation.report import RESEARCH_USE, table_row
from smearwatch.train.paper import published
from smearwatch.train.paper.results import PaperReport
from smearwatch.train.statistics import Difference

_TESTS = {
    "augmented": "its test, augmented pictures",
    "cells": "its test cells, each once",
    "fresh": "fresh cells, of no group with any cell used",
    "db1": "DB-1, before fine-tuning",
}


def markdown(report: PaperReport) -> str:
    """Write `paper.md` from what `paper.json` holds."""
    lines = ["# The paper's method on other cells", "", RESEARCH_USE, ""]
    lines += ["Shares are followed by exact 95 % limits (Clopper-Pearson) and the counts.", ""]
    lines += _worth(report) + _data(report) + _table_1(report) + _table_2(report)
    lines += ["## Figure 1", "", "![Error and cost by epoch](figure1.png)", ""]
    lines += ["## What differs from the paper", "", *(f"- {line}" for line in _differs(report))]
    return "\n".join(lines) + "\n"


def _worth(report: PaperReport) -> list[str]:
    lines = ["## What leakage is worth", ""]
    lines.append(
        "Protocol `paper` copies the cells first and then divides the copies by lot; protocol `honest` divides the "
        "cells by group first. Networks, seeds, numbers of pictures and steps are the same. The numbers are accuracy "
        "under `paper` minus the other, with 95 % limits (Newcombe 1998, method 10). They take pictures as "
        "independent; copies of one cell are not, so the limits are somewhat too narrow."
    )
    lines += ["", "| px | `honest`, same augmentation | `honest`, cells once | the same network, fresh cells |"]
    lines.append("|---|---|---|---|")
    for row in report.leakage:
        cells = [_gap(gap) for gap in (row.like_with_like, row.against_cells, row.same_network)]
        lines.append(f"| {row.px} | {' | '.join(cells)} |")
    return [*lines, ""] if report.leakage else []


def _gap(difference: Difference | None) -> str:
    return "not run" if difference is None else difference.text()


def _data(report: PaperReport) -> list[str]:
    data = report.data
    lines = ["## Cells", "", "| class | cells to start from | fresh cells |", "|---|---|---|"]
    lines += [f"| {name} | {data.cells[name]} | {data.fresh[name]} |" for name in CLASSES]
    lines.append("")
    for name, result in report.protocols.items():
        shared = result.test_pictures_of_trained_cells
        lines.append(
            f"- `{name}`: {result.train} pictures to train on, {result.test} in the test; {shared} of the test's "
            "are of a cell that is also trained on."
        )
    return [*lines, f"- Cells left out because no outline was found in the middle: {len(data.without_outline)}.", ""]


def _table_1(report: PaperReport) -> list[str]:
    results = report.protocols
    lines = ["## Table 1: one class against a mix of the other five", ""]
    columns = ["class", "paper: class/mix", "paper: accuracy"]
    for name in results:
        columns += [f"`{name}`: class/mix", f"`{name}`: accuracy"]
    lines += [table_row(columns), "|---" * len(columns) + "|"]
    for index, label in enumerate(CLASSES):
        sizes = f"{published.SPECIFIC[index]}/{published.MIXED[index]}"
        cells = [label, sizes, f"{published.TWO_CLASS_ACCURACY[index]:.3f}"]
        for result in results.values():
            entry = result.two_class.table[label]
            cells += [f"{entry.specific}/{entry.mixed}", entry.accuracy.text()]
        lines.append(table_row(cells))
    return [*lines, ""]


def _table_2(report: PaperReport) -> list[str]:
    lines = ["## Table 2: six classes", "", "| run | px | measured on | accuracy | cost |", "|---|---|---|---|---|"]
    total = sum(map(sum, published.CONFUSION))
    hits = sum(published.CONFUSION[index][index] for index in range(len(CLASSES)))
    sizes = "480, 320"
    lines.append(f"| the paper | {sizes} | its test | {published.ACCURACY} ({hits}/{total}) | {published.COST} |")
    for name, result in report.protocols.items():
        for px, six in result.six_class.items():
            for test, words in _TESTS.items():
                if test in six.tests:
                    entry = six.tests[test]
                    lines.append(f"| `{name}` | {px} | {words} | {entry.accuracy.text()} | {entry.cost:.3f} |")
    lines += ["", "Confusion of the paper:", "", *_confusion(published.CONFUSION)]
    for name, result in report.protocols.items():
        for px, six in result.six_class.items():
            lines += [f"Confusion of `{name}` at {px} px, {_TESTS['augmented']}:", ""]
            lines += _confusion(six.tests["augmented"].confusion)
    return lines


def _confusion(rows: Sequence[Sequence[int]]) -> list[str]:
    lines = [table_row(["label \\ answer", *CLASSES]), "|---" * (len(CLASSES) + 1) + "|"]
    lines += [table_row([name, *map(str, row)]) for name, row in zip(CLASSES, rows, strict=True)]
    return [*lines, ""]


def _differs(report: PaperReport) -> list[str]:
    settings, data = report.settings, report.data
    total = sum(data.cells.values())
    px = ", ".join(str(side) for side in settings.px)
    start = "random weights" if settings.init == "scratch" else "torchvision's ImageNet weights"
    labels = "all labels" if settings.disputed else "no cell whose band or segmented label is known to be disputed"
    return [
        f"Cells: {total} from the folder `{data.folder}` at {settings.um_per_px} um/px, {labels}; the paper "
        f"photographed {published.SOURCE_PICTURES} typical cells of 40 healthy adults. Nothing here tells persons "
        "apart, so even `honest` divides by near-duplicate cluster only, and cells of one person and one slide stand "
        "on both sides.",
        f"Sizes run: {px} px; {settings.per_class} pictures a class (the paper: about {published.PER_CLASS}); "
        f"{settings.epochs} epochs on DB-1 and {settings.fine_epochs} on DB-2, "
        f"{settings.verifier_epochs} for the two-class networks.",
        f"Start: {start}. The paper speaks of transfer learning and does not say from which weights.",
        "PyTorch, AdamW, a cosine rate and bfloat16 arithmetic instead of Nnabla; the paper gives no settings.",
        "Augmentation: any turn, mirroring, 1.5 um of shift and 8 % of size; the paper does not name its own.",
        "DB-1 is cut out along outlines drawn by the program; the paper does not say how its own was made.",
        f"The two-class networks: three convolutions of 5x5 with batch norm, on {settings.verifier_px // 2} px "
        "pictures of the whole crop from DB-2, the six side by side; each learns from its own pictures alone, but the "
        "normalisation sees the batch of all six.",
        "The last epoch's network is scored and nothing is chosen by the test. The curve named validation is of the "
        "test side (`honest`: its cells once), as in a division into two parts it must be.",
        f"The paper's Table 2 counts {sum(map(sum, published.CONFUSION))} test pictures: a fifth of its "
        f"{published.SOURCE_PICTURES} cells, not of its {sum(published.AUGMENTED)} augmented pictures. So its test may "
        "have held no copies; its text, which augments before it divides, is what protocol `paper` follows.",
        "Cost is the mean cross-entropy in nats.",
    ]
