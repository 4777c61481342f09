"""The review page as one role of a run: it shows the session that is counted, and goes on to the next."""

from smearwatch.clients.web.app import ReadAs
from smearwatch.clients.web.links import shown
from smearwatch.clients.web.listening import Place
from smearwatch.clients.web.serving import Served, serve
from smearwatch.daemon.one_line import say
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.process.role import Role


def main(plan: RunPlan, role: Role) -> None:
    """Serve the page until the parent asks for the end."""

    def over() -> bool:
        role.beat()
        return role.stopping

    settings = plan.settings
    place = None
    if settings.review_listen is not None:
        place = Place(settings.review_listen, settings.review_tls_cert, settings.review_tls_key)
    served = Served(settings, None, ReadAs(), settings.review_port, place)
    serve(served, lambda address, how: say(f"review page: {shown(address)} ({how})"), over)
