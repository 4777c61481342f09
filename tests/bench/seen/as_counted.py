"""The search of a session's fields with what the finder knows by then: the scales of the fields before."""

from collections.abc import Callable, Collection

from smearwatch.capture.finder.beside import HERE, Beside
from smearwatch.capture.finder.field import FieldFound, FieldRejected, find

_KEPT = 25  # estimates that are looked at; more no longer move their median


class SearchAsCounted:
    """Searches one field after the other as a count does, which checks each one's scale.

    Parameters
    ----------
    um_per_px
        The scale given for all of them; None takes it from their red cells.
    beside
        As of `smearwatch.capture.finder.field.find`.
    """

    def __init__(self, um_per_px: float | None, beside: Beside = HERE) -> None:
        self._um_per_px = um_per_px
        self._beside = beside
        self._estimates: list[float] = []
        self._sizes: list[tuple[int, int]] = []

    def find(
        self, file: bytes, wanted: Callable[[FieldFound], Collection[int]] | None = None
    ) -> FieldFound | FieldRejected:
        """Search the next field; `wanted` is that of `smearwatch.capture.finder.field.find`."""
        result = find(
            file,
            um_per_px=self._um_per_px,
            um_per_px_source=None if self._um_per_px is None else "configured",
            session_estimates=tuple(self._estimates[:_KEPT]),
            session_sizes=tuple(self._sizes[:_KEPT]),
            check_scale=True,
            wanted=wanted,
            beside=self._beside,
        )
        if isinstance(result, FieldFound) and result.um_per_px_estimate is not None:
            self._estimates.append(result.um_per_px_estimate)
            self._sizes.append((result.width_px, result.height_px))
        return result
