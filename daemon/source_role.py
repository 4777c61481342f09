"""The role that frames come from: whichever installed source the plan names."""

from smearwatch.daemon.known_sources import find_source, load, load_check
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.role import Role


def main(plan: RunPlan, role: Role) -> None:
    """Load the plan's source and hand over to it."""
    load(find_source(plan.source))(plan, role)


def check(plan: RunPlan, role: Role) -> None:
    """Have the plan's source say what speaks against the run, and begin nothing; one without a check says nothing."""
    with role.loading():
        says = load_check(find_source(plan.source))
    if says is not None:
        says(plan)
