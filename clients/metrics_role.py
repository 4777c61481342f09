"""Metrics as one role of a run: a client like any other, so that whoever scrapes never holds up the count."""

from smearwatch.clients.metrics.serving import serve_metrics
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.process.role import Role
from smearwatch.daemon.process.telling import tell


def main(plan: RunPlan, role: Role) -> None:
    """Serve metrics and health until the parent asks for the end."""

    def over() -> bool:
        role.beat()
        return role.stopping

    settings = plan.settings
    assert settings.metrics_port is not None
    serve_metrics(
        settings.runtime_dir, settings.state_dir, settings.metrics_port, lambda where: tell(f"metrics: {where}"), over
    )
