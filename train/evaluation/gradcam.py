"""What the ResNet looked at: Grad-CAM on its last block (Selvaraju et al., ICCV 2017), by captum."""

import cv2
import numpy as np
import torch
from captum.attr import LayerGradCam
from numpy.typing import NDArray

from smearwatch.capture.arrays import Image
from smearwatch.models.preprocess import Preprocessing, normalise, shrink, to_tensor, view
from smearwatch.models.reference_stain import ReferenceMap
from smearwatch.models.resnet import LeukocyteResNet

_STRONGEST = 0.55  # of the overlay, so that the cell stays visible under it


class GradCam:
    """Maps of attention of one ResNet on the CPU, in evaluation mode."""

    def __init__(self, resnet: LeukocyteResNet, preprocessing: Preprocessing) -> None:
        self._preprocessing = preprocessing
        self._grad_cam = LayerGradCam(lambda views: resnet(views).class_logits, resnet.body.layer4[-1])

    def attention(
        self, crop_bgr: Image, class_index: int, to_reference: ReferenceMap | None = None
    ) -> NDArray[np.float32]:
        """Find where in the view the evidence for one class lies.

        Parameters
        ----------
        crop_bgr : uint8 array of shape [750, 750, 3]
        class_index
            The class, as an index in `CLASSES`.
        to_reference
            Brings the cell to the weights' reference, see `smearwatch.models.reference_stain`.

        Returns
        -------
        float32 array of shape [h, w]
            0..1, as coarse as the last block (a thirty-second of the view); zero where nothing speaks for the class.
        """
        views = self.views(crop_bgr, to_reference)
        with torch.enable_grad():
            maps = self._grad_cam.attribute(views.requires_grad_(), target=class_index, relu_attributions=True)
        strength = np.asarray(maps.detach()[0, 0].numpy(), dtype=np.float32)
        peak = float(strength.max())
        return strength / peak if peak > 0 else strength

    def views(self, crop_bgr: Image, to_reference: ReferenceMap | None = None) -> torch.Tensor:
        """Make the ResNet's input of a crop, as `attention` does: float32 [1, 3, h, w]."""
        field = shrink(crop_bgr, self._preprocessing)
        if to_reference is not None:
            field = to_reference.apply(field)
        return normalise(to_tensor(view(field, self._preprocessing)[None]), self._preprocessing)


def crop_to_view(crop_bgr: Image, preprocessing: Preprocessing, side_px: int) -> Image:
    """Cut out of a crop what the networks see, at a size to be looked at: uint8 [side_px, side_px, 3]."""
    seen = round(preprocessing.crop_px * preprocessing.view_px / preprocessing.field_px)
    start = (preprocessing.crop_px - seen) // 2
    part = crop_bgr[start : start + seen, start : start + seen]
    return np.asarray(cv2.resize(part, (side_px, side_px), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def overlay(picture_bgr: Image, attention: NDArray[np.float32]) -> Image:
    """Lay a map of attention over a picture of the same view: warm where strong, untouched where there is none."""
    height, width = picture_bgr.shape[:2]
    soft = np.clip(cv2.resize(attention, (width, height), interpolation=cv2.INTER_CUBIC), 0.0, 1.0)
    warm = cv2.applyColorMap((soft * 255).astype(np.uint8), cv2.COLORMAP_INFERNO).astype(np.float32)
    share = (_STRONGEST * np.sqrt(soft))[..., None]
    return np.asarray(picture_bgr * (1 - share) + warm * share + 0.5, dtype=np.uint8)
