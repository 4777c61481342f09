"""The evaluation's analyses as Markdown tables."""

from collections.abc import Mapping

from smearwatch.train.evaluation.analysis import AGREED, ALL
from smearwatch.train.evaluation.risk_coverage import RiskCoverage
from smearwatch.train.evaluation.scores import Scores
from smearwatch.train.evaluation.verifier_gains import VerifierGain
from smearwatch.train.statistics import NetGain


def neutrophil_lines(scores: Scores) -> list[str]:
    """Write band, segmented and both together, for all labels and for those that two groups of annotators agree on."""
    lines = [
        "| neutrophils | recall, all labels | recall, agreed labels | precision, all labels |",
        "|---|---|---|---|",
    ]
    every, agreed = scores.neutrophils["all"], scores.neutrophils["agreed"]
    for name, each in every.items():
        lines.append(f"| {name} | {each.recall.text()} | {agreed[name].recall.text()} | {each.precision.text()} |")
    return lines


def risk_lines(risks: Mapping[str, RiskCoverage]) -> list[str]:
    """Write what is let through unseen, and how much of it is wrong."""
    lines = ["| left unflagged | wrong among them, all labels | agreed labels |", "|---|---|---|"]
    every, agreed = risks[ALL], risks[AGREED]
    for one, two in zip(every.doubt.at, agreed.doubt.at, strict=True):
        lines.append(f"| the surest {one.coverage:.0%} | {one.errors.text()} | {two.errors.text()} |")
    by_policy, by_policy_agreed = every.policy, agreed.policy
    lines.append(f"| as the policy decides | {by_policy.errors.text()} | {by_policy_agreed.errors.text()} |")
    lines.append(f"| as many, by doubt alone | {by_policy.by_doubt.text()} | {by_policy_agreed.by_doubt.text()} |")
    coverage = f"The policy leaves unflagged: {by_policy.coverage.text()}."
    areas = " and ".join(
        f"{risk.doubt.aurc:.5f} ({name})" for name, risk in risks.items() if risk.doubt.aurc is not None
    )
    return [*lines, "", f"{coverage} Area under the risk-coverage curve by doubt: {areas}."]


def gain_lines(gains: Mapping[str, Mapping[str, VerifierGain]]) -> list[str]:
    """Write what the verifiers are worth."""
    lines = [
        "| verifier | wrong answers it notices | right ones it challenges | missed cells it claims |"
        " mended | spoilt | net, 95 % limits | net, agreed labels |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, each in gains[ALL].items():
        gain = each.overruling
        cells = [share.text() for share in (each.errors_noticed, each.right_challenged, each.missed_claimed)]
        net = [gain_text(gain), gain_text(gains[AGREED][name].overruling)]
        lines.append(f"| {name} | {' | '.join([*cells, str(gain.fixed), str(gain.broken), *net])} |")
    how = (
        "Mended, spoilt and net: if this verifier alone (together: all six) were allowed to put its class, claimed at "
        "0.5 or more, in the place of an answer whose own verifier disagrees. Limits of the net rate, in percent of "
        "all cells: Tango's score method for paired cells (1998)."
    )
    return [*lines, "", how]


def gain_text(gain: NetGain) -> str:
    """Format a net gain for a person: cells and limits of the rate, in percent of all cells."""
    return "none" if gain.rate is None else f"{gain.net:+d} ({gain_limits(gain)})"


def gain_limits(gain: NetGain) -> str:
    """Format the limits of a net gain's rate."""
    return "no cells" if gain.rate is None else f"{100 * gain.rate.low:+.2f} to {100 * gain.rate.high:+.2f} %"
