"""The role that frames come from: whichever installed source the plan names."""

from smearwatch.daemon.known_sources import find_source, load
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.role import Role


def main(plan: RunPlan, role: Role) -> None:
    """Load the plan's source and hand over to it."""
    load(find_source(plan.source))(plan, role)
