"""A picture within a page."""

import base64
import io
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from PIL import Image

_QUALITY: Final = 88


def picture_data(picture: "Image.Image") -> str:
    """Return a picture as the address of an `img`, which holds it as JPEG."""
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(data.getvalue()).decode('ascii')}"
