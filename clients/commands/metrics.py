"""``smearwatch metrics``: numbers for Prometheus and health, beside whatever is counted."""

from pathlib import Path
from typing import Annotated

import typer

from smearwatch.daemon.config import load_settings
from smearwatch.daemon.one_line import say

app = typer.Typer(add_completion=False)

USUAL_PORT = 9765


@app.command()
def metrics(
    port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            metavar="N",
            help=f"Port on 127.0.0.1, 0 for a free one. [default: metrics_port of the settings, else {USUAL_PORT}]",
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="Settings file (TOML) instead of the usual one.", dir_okay=False)
    ] = None,
) -> None:
    """Serve /metrics, /healthz and /readyz on this computer alone, whether a count runs or not. Ctrl-C ends it.

    A count does so itself where the setting metrics_port names a port.

    Example: smearwatch metrics --port 9765
    """
    settings = load_settings(config, metrics_port=port)
    from smearwatch.clients.metrics.serving import serve_metrics
    from smearwatch.daemon.log import configure

    configure(settings.log_level, role="metrics", log_format=settings.log_format)
    where = USUAL_PORT if settings.metrics_port is None else settings.metrics_port
    serve_metrics(settings.runtime_dir, settings.state_dir, where, lambda address: say(f"metrics: {address}"))
