"""A web server that ends when it is asked to."""

from collections.abc import Callable

import uvicorn


class Server(uvicorn.Server):
    """Ends when it is asked to from outside, too.

    Parameters
    ----------
    config
        What is served, and how.
    over
        Asked ten times a second whether to end.
    """

    def __init__(self, config: uvicorn.Config, over: Callable[[], bool] | None) -> None:
        super().__init__(config)
        self._over = over

    async def on_tick(self, counter: int) -> bool:
        """Return whether to end."""
        return (self._over is not None and self._over()) or await super().on_tick(counter)
