"""The evaluation's analyses as Markdown tables."""

from typing import Any

from smearwatch.train.statistics import share_text


def neutrophil_lines(scores: dict[str, Any]) -> list[str]:
    """Band, segmented and both together, for all labels and for those that two groups of annotators agree on."""
    lines = [
        "| neutrophils | recall, all labels | recall, agreed labels | precision, all labels |",
        "|---|---|---|---|",
    ]
    every, agreed = scores["neutrophils"]["all"], scores["neutrophils"]["agreed"]
    for name, entry in every.items():
        cells = [share_text(each) for each in (entry["recall"], agreed[name]["recall"], entry["precision"])]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def analysis_lines(scores: dict[str, Any]) -> list[str]:
    """Tell what the verifiers are worth and what is let through unseen; nothing where it was not measured."""
    lines: list[str] = []
    if "risk_coverage" in scores:
        lines += [*_risk_lines(scores["risk_coverage"]), ""]
    if "verifier_gains" in scores:
        lines += [*_gain_lines(scores["verifier_gains"]), ""]
    return lines


def say_gain(gain: dict[str, Any]) -> str:
    """Write a net gain for a person: cells and limits of the rate, in percent of all cells."""
    if gain["rate"] is None:
        return "none"
    return f"{gain['net']:+d} ({gain_limits(gain)})"


def gain_limits(gain: dict[str, Any]) -> str:
    """Write the limits of a net gain's rate."""
    return "no cells" if gain["rate"] is None else f"{100 * gain['low']:+.2f} to {100 * gain['high']:+.2f} %"


def _risk_lines(risks: dict[str, Any]) -> list[str]:
    lines = ["| left unflagged | wrong among them, all labels | agreed labels |", "|---|---|---|"]
    every, agreed = risks["all"], risks["agreed"]
    for one, two in zip(every["doubt"]["at"], agreed["doubt"]["at"], strict=True):
        lines.append(
            f"| the surest {one['coverage']:.0%} | {share_text(one['errors'])} | {share_text(two['errors'])} |"
        )
    for key, words in (("errors", "as the policy decides"), ("by_doubt", "as many, by doubt alone")):
        lines.append(f"| {words} | {share_text(every['policy'][key])} | {share_text(agreed['policy'][key])} |")
    coverage = f"The policy leaves unflagged: {share_text(every['policy']['coverage'])}."
    areas = " and ".join(
        f"{risk['doubt']['aurc']:.5f} ({name})" for name, risk in risks.items() if risk["doubt"]["aurc"] is not None
    )
    return [*lines, "", f"{coverage} Area under the risk-coverage curve by doubt: {areas}."]


def _gain_lines(gains: dict[str, Any]) -> list[str]:
    lines = [
        "| verifier | wrong answers it notices | right ones it challenges | missed cells it claims |"
        " mended | spoilt | net, 95 % limits | net, agreed labels |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, entry in gains["all"].items():
        gain = entry["overruling"]
        noticed = [share_text(entry[key]) for key in ("errors_noticed", "right_challenged", "missed_claimed")]
        net = [say_gain(gain), say_gain(gains["agreed"][name]["overruling"])]
        lines.append(f"| {name} | {' | '.join([*noticed, str(gain['fixed']), str(gain['broken']), *net])} |")
    how = (
        "Mended, spoilt and net: if this verifier alone (together: all six) were allowed to put its class, claimed at "
        "0.5 or more, in the place of an answer whose own verifier disagrees. Limits of the net rate, in percent of "
        "all cells: Tango's score method for paired cells (1998)."
    )
    return [*lines, "", how]
