"""Lines on stdout as one role of a run."""

from smearwatch.clients.feed import Feed
from smearwatch.clients.lines import follow
from smearwatch.clients.stdout import close_stdout, to_stdout
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.process.role import Role


def main(plan: RunPlan, role: Role) -> None:
    """Follow the run's own session until it is finished or the parent asks for the end."""

    def stop() -> bool:
        role.beat()
        return role.stopping

    settings = plan.settings
    try:
        with Feed(settings.runtime_dir, settings.state_dir, session=plan.session, recent=0) as feed:
            follow(feed, to_stdout(), stop, as_json=plan.as_json)
    except BrokenPipeError:
        close_stdout()
