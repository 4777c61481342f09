"""Which engine judges here: one that answers as the reference does, tried at the start on cells that come with it.

The reference is PyTorch's own layers, one after the other. Another engine is taken only where its answers to these
cells are the same: the class, the verdict, and each number to a hundredth. By itself one is taken unless another is
clearly quicker, so that the workers of a count, which measure beside each other, choose the same. What was found is for
the log.
"""

import importlib.resources
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from smearwatch.models.engine import Engine, EngineKind, is_here
from smearwatch.models.outputs import Outputs
from smearwatch.models.verdict import Decision, decide

EngineName: TypeAlias = Literal["auto", EngineKind]
WITHIN: Final = 0.01
"""How far a probability, a verifier's answer or a reject score may be from the reference's."""

_BY_ITSELF: Final[dict[str, tuple[EngineKind, ...]]] = {"cpu": ("openvino", "onnx", "fused"), "cuda": ()}
"""What is tried without being asked for, the quickest on most computers first: a later one, and at last the reference,
has to be clearly quicker than the one that is taken until then."""
_CLEARLY: Final = 1.1  # times as quick, by the processor's time for one cell
_CELLS_FILE: Final = (
    "check_cells.png"  # side by side, as `shrink` gives them; drawn by the simulated slide, seeds 0, 2, 4, 5
)
_DECIMALS: Final = 6


class EngineUnusable(RuntimeError):
    """An engine that was asked for and does not answer as the reference does, or cannot run here."""

    hint = "set engine to auto or eager"

    def __init__(self, kind: str, why: str) -> None:
        super().__init__(f"the engine {kind} cannot be used here: {why}")


@dataclass(frozen=True, slots=True)
class Trial:
    """What was found of one engine: how many times as quick as the reference, and why it must not be used, if so.

    ``name`` is what stands in the record: for an extra, with its version.
    """

    kind: EngineKind
    times_as_quick: float | None = None
    refused: str | None = None
    name: str | None = None


def preferred(trials: Sequence[Trial]) -> EngineKind:
    """Return which of the engines that were tried in their order is to judge.

    Each that may be used stays unless a later one, or at last the reference, is clearly quicker: measured beside other
    work, engines that are nearly as quick as each other would else change places from one start to the next.
    """
    chosen: EngineKind = "eager"
    quickest: float | None = None
    for trial in trials:
        if trial.times_as_quick is not None and (quickest is None or trial.times_as_quick >= _CLEARLY * quickest):
            chosen, quickest = trial.kind, trial.times_as_quick
    return "eager" if quickest is None or _CLEARLY * quickest <= 1.0 else chosen


def choose_engine(
    weights_dir: Path, *, device: str = "auto", engine: EngineName = "auto"
) -> tuple[Engine, list[Trial]]:
    """Load weights into the engine that was asked for, or into the one that pays here.

    Parameters
    ----------
    weights_dir
        Folder with manifest and tensors.
    device
        As for `Engine.load`.
    engine
        Its name. "auto" is the reference on a graphics card, and on a processor what pays there of the engines that
        are installed.

    Returns
    -------
    Engine, list of Trial
        And what was tried, for the log.

    Raises
    ------
    EngineUnusable
        The engine that was named must not be used here.
    WeightsUnusable, DeviceMissing
        As for `Engine.load`.
    """
    reference = Engine.load(weights_dir, device=device)
    if engine == "eager":
        return reference, []
    if engine != "auto":
        tried, trial = try_engine(reference, engine)
        if tried is None:
            raise EngineUnusable(engine, str(trial.refused))
        return tried, [trial]
    trials: list[Trial] = []
    engines: dict[EngineKind, Engine] = {"eager": reference}
    for kind in _BY_ITSELF[reference.device]:
        if not is_here(kind):
            continue
        tried, trial = try_engine(reference, kind)
        trials.append(trial)
        if tried is not None:
            engines[kind] = tried
    return engines[preferred(trials)], trials


def try_engine(reference: Engine, kind: EngineKind) -> tuple[Engine | None, Trial]:
    """Hold the answers of an engine with the reference's weights against its; None where it must not be used."""
    try:
        tried = reference.of_kind(kind)
        return _compare(reference, tried, check_cells(reference))
    except Exception as error:  # noqa: BLE001  # whatever a library fails with: the reference is there
        return None, Trial(kind, refused=str(error).split("\n")[0][:300] or type(error).__name__)


def check_cells(engine: Engine) -> NDArray[np.uint8]:
    """Return drawn cells at the networks' scale: uint8 [n, field_px, field_px, 3]."""
    content = (importlib.resources.files("smearwatch.models") / _CELLS_FILE).read_bytes()
    strip = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert strip is not None
    side = engine.preprocessing.field_px
    cells = np.split(strip, strip.shape[1] // strip.shape[0], axis=1)
    return np.stack([cv2.resize(each, (side, side), interpolation=cv2.INTER_AREA) for each in cells]).astype(np.uint8)


def _compare(reference: Engine, tried: Engine, fields: NDArray[np.uint8]) -> tuple[Engine | None, Trial]:
    tried.outputs_of_fields(fields[:1])  # the first time takes longer
    # Beside other work a processor's own time is what counts; a card's is waited for.
    # That of all its threads: a runtime may have its own.
    clock = time.process_time if tried.device == "cpu" else time.perf_counter
    took_s: dict[EngineKind, list[float]] = {reference.kind: [], tried.kind: []}
    for field in fields:
        pair = []
        for engine in (reference, tried):
            began_s = clock()
            pair.append(engine.outputs_of_fields(field[None]))
            took_s[engine.kind].append(clock() - began_s)
        if (apart := difference(reference, *pair)) is not None:
            return None, Trial(tried.kind, refused=apart, name=tried.recorded_as)
    if (apart := _in_a_session(reference, tried, fields[:1])) is not None:
        return None, Trial(tried.kind, refused=apart, name=tried.recorded_as)
    # The least of each: what else the computer does only ever adds.
    quicker = min(took_s[reference.kind]) / min(took_s[tried.kind])
    return tried, Trial(tried.kind, times_as_quick=quicker, name=tried.recorded_as)


def _in_a_session(reference: Engine, tried: Engine, fields: NDArray[np.uint8]) -> str | None:
    """Compare in a session as strange as can be, where the weights would use its statistics."""
    session, other = reference.session_of(fields), tried.session_of(fields)
    if session is None or other is None:
        return None
    if not np.allclose(other.values, session.values, rtol=WITHIN, atol=WITHIN):
        return "it measures other statistics of a cell"
    values = session.values * np.float32(2.0)  # no session is as far from what was trained on
    strange = replace(session, values=values, cells=100, unfamiliar=100)
    return difference(reference, *(each.outputs_of_fields(fields, strange) for each in (reference, tried)))


def difference(reference: Engine, expected: Outputs, found: Outputs) -> str | None:
    """Return how an engine's answers to n cells differ from the reference's; None where they may be used for them."""
    apart = np.abs(_numbers(expected) - _numbers(found)).max()
    if not apart <= WITHIN:  # so that what is no number is refused, too
        return f"an answer is {apart:.3f} from the reference's"
    for index in range(len(expected.reject_scores)):
        wanted, given = (_decision(reference, each, index) for each in (expected, found))
        if wanted != given:
            return f"a cell is {given.verdict}, and {wanted.verdict} by the reference"
    return None


def _numbers(outputs: Outputs) -> NDArray[np.float64]:
    return np.column_stack([outputs.probabilities, outputs.verifiers, outputs.reject_scores])


def _decision(engine: Engine, outputs: Outputs, index: int) -> Decision:
    rows = (outputs.probabilities[index], outputs.verifiers[index])
    probabilities, verifiers = ([round(float(value), _DECIMALS) for value in row] for row in rows)
    score = round(float(outputs.reject_scores[index]), _DECIMALS)
    return decide(probabilities, verifiers, score, engine.manifest.policy)
