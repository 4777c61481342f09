"""Grad-CAM of one judged cell of a session, under the very weights, stain and statistics by which it was judged."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from smearwatch.daemon.hinted import Hinted
from smearwatch.daemon.record.events import Counted
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.session_statistics import StatisticsFold
from smearwatch.models import checkpoint
from smearwatch.models.checkpoint import Networks, WeightsUnusable
from smearwatch.models.classes import CLASSES
from smearwatch.models.reference_stain import reference_map
from smearwatch.models.session_statistics import FirstStages
from smearwatch.train.data.session_frames import counted_crop
from smearwatch.train.data.stains import as_model
from smearwatch.train.evaluation.gradcam import GradCam

_SIDE_PX = 384
_STRONGEST = 0.8
_NEAR = 0.02  # a graphics card and a processor differ in the fourth decimal


class NotExplained(Hinted):
    """A cell that cannot be shown as the networks saw it."""


@dataclass(frozen=True, slots=True)
class Explained:
    """What spoke for the class.

    Attributes
    ----------
    map_png
        Where it lies: a PNG of the square that the network saw, clear where nothing spoke for the class.
    side_um
        How wide that square is on the slide; the cell is in its middle.
    cls, probability
        The class that is explained, and how probable the ResNet takes it to be.
    coarse_um
        How wide what the last block tells apart is on the slide.
    says_nothing
        Whether nothing in the picture spoke for it.
    """

    map_png: bytes
    side_um: float
    cls: str
    probability: float
    coarse_um: float
    says_nothing: bool


def find_weights(identity: str, folders: list[Path]) -> Networks:
    """Load the weights of an identity, wherever they are; raises `NotExplained` where they are not at hand."""
    for folder in folders:
        try:
            if checkpoint.read_manifest(folder).weights_id() == identity:
                return checkpoint.load(folder)
        except WeightsUnusable:
            continue
    what = f"the weights that named this cell ({identity[:12]}) are not on this computer, or are damaged"
    raise NotExplained(what, "set weights to their folder")


def explain(ledger: LedgerReader, counted: Counted, networks: Networks) -> Explained:
    """Compute what the ResNet looked at when it gave a verdict.

    Raises
    ------
    NotExplained
        The networks say something else now than is recorded.
    DataUnusable
        The frame is damaged or gone.
    """
    crop = counted_crop(ledger, counted.frame, counted.index)
    preprocessing, at = networks.manifest.preprocessing, CLASSES.index(counted.cls)
    reference, stain = preprocessing.reference_stain, as_model(counted.stain)
    to_reference = None if reference is None or stain is None else reference_map(stain, reference)
    grad_cam = GradCam(networks.resnet, preprocessing)
    with _statistics(ledger, counted, networks):
        with torch.inference_mode():
            logits = networks.resnet(grad_cam.views(crop, to_reference)).class_logits.double()
        probability = float((logits / networks.manifest.temperature).softmax(dim=1)[0, at])
        if abs(probability - counted.probabilities[at]) > _NEAR:
            then = counted.probabilities[at]
            what = f"computed again it is {counted.cls} with {probability:.3f}, and {then:.3f} is recorded"
            raise NotExplained(what, "`smearwatch sessions verify` says whether the session is damaged")
        strength = grad_cam.attention(crop, at, to_reference)
    side_um = preprocessing.um_per_px * preprocessing.view_px / (1.0 if to_reference is None else to_reference.zoom)
    coarse_um = side_um / strength.shape[1]
    return Explained(_as_png(strength), side_um, counted.cls, probability, coarse_um, not strength.any())


def _statistics(ledger: LedgerReader, counted: Counted, networks: Networks) -> AbstractContextManager[None]:
    """Give the network the session's statistics for a while, where it judged the cell by these."""
    use = networks.manifest.session_statistics
    if counted.statistics is None or use is None:
        return nullcontext()
    fold = StatisticsFold(ledger.moments)
    for recorded in ledger.events():
        event = recorded.event
        if isinstance(event, Counted) and _rests_on_what_was_before(event, counted):
            break
        fold.apply(event)
    first = fold.first_cells() if counted.anew else None
    known = fold.at(counted.frame, counted.index) if first is None else first.statistics
    if known is None:
        raise NotExplained("the session's statistics at this cell are not known", "restore the session from a copy")
    values = np.frombuffer(known.moments, dtype="<f4").reshape(2, -1).astype(np.float32)
    return FirstStages(networks.resnet, use).using(values)


def _rests_on_what_was_before(event: Counted, counted: Counted) -> bool:
    """Return whether this is the verdict, or one of those that were given anew together with it."""
    if counted.anew:
        return event.anew is True
    return (event.frame, event.index) == (counted.frame, counted.index)


def _as_png(strength: NDArray[np.float32]) -> bytes:
    """Return a map as a picture that is laid over another one: warm and covering where strong, clear where nothing."""
    soft = np.clip(cv2.resize(strength, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_CUBIC), 0.0, 1.0)
    colours = cv2.applyColorMap((soft * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
    alpha = (255 * _STRONGEST * soft).astype(np.uint8)
    _, png = cv2.imencode(".png", np.dstack([colours, alpha]))
    return png.tobytes()
