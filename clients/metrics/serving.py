"""Metrics and health over HTTP, on this computer alone."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import uvicorn
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from smearwatch.clients.metrics.cards import Cards
from smearwatch.clients.metrics.families import SmearwatchCollector
from smearwatch.clients.metrics.watching import Watching
from smearwatch.clients.web.connections import Connection
from smearwatch.clients.web.listening import listen_here
from smearwatch.clients.web.server import Server


def serve_metrics(
    runtime_dir: Path, state_dir: Path, port: int, say: Callable[[str], None], over: Callable[[], bool] | None = None
) -> None:
    """Serve ``/metrics``, ``/healthz`` and ``/readyz`` on 127.0.0.1 until it is ended.

    Parameters
    ----------
    port
        Where; 0 for any free port.
    say
        Given the address once it can be asked.
    over
        Asked ten times a second whether to end; a signal ends it, too.

    Raises
    ------
    PortTaken
        It cannot listen there.
    """
    with ExitStack() as stack:
        listening = listen_here(port)
        stack.callback(listening.close)
        watching = stack.enter_context(Watching(runtime_dir))
        cards = stack.enter_context(Cards())
        registry = CollectorRegistry()
        registry.register(SmearwatchCollector(watching, state_dir, cards))
        config = uvicorn.Config(
            _app(watching, registry),
            log_level="warning",
            log_config=None,  # what it reports becomes an entry of ours
            access_log=False,
            server_header=False,
            proxy_headers=False,
            http=Connection,
            timeout_graceful_shutdown=1,
        )
        say(f"http://127.0.0.1:{listening.getsockname()[1]}/metrics")
        Server(config, over).run(sockets=[listening])


def _app(watching: Watching, registry: CollectorRegistry) -> Starlette:
    async def metrics(_: Request) -> Response:
        text = await run_in_threadpool(generate_latest, registry)
        return Response(text, headers={"content-type": CONTENT_TYPE_LATEST})

    async def alive(_: Request) -> Response:
        return watching.is_alive().response()

    async def ready(_: Request) -> Response:
        return watching.is_ready().response()

    # Another name than this computer's own is of a page that a browser was led to from elsewhere.
    own = Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])
    routes = [Route("/metrics", metrics), Route("/healthz", alive), Route("/readyz", ready)]
    return Starlette(routes=routes, middleware=[own])
