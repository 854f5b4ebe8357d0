"""A small picture of a frame. Pure."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from server.prepared.codec import Layout
from server.prepared.metadata import JsonDataset, numbers_of

LONGEST_SIDE = 256  # pixels
QUALITY = 85
_DARKEST, _BRIGHTEST = 1.0, 99.0  # percentiles, where the instance names no window


def thumbnail(pixels: NDArray[Any], layout: Layout, dataset: JsonDataset) -> bytes:
    """A JPEG of at most 256 x 256. `pixels` as `codec.decoded` gives them.

    Grey is windowed by the instance's own VOI window (PS3.3 C.11.2), else by percentiles of its values.
    """
    if pixels.ndim == 3:
        shown = pixels if pixels.dtype == np.uint8 else (pixels >> 8).astype(np.uint8)
        picture = Image.fromarray(np.ascontiguousarray(shown), "RGB")
    else:
        picture = Image.fromarray(_windowed(pixels, layout, dataset), "L")
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.BOX)
    file = BytesIO()
    picture.save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


def _windowed(pixels: NDArray[Any], layout: Layout, dataset: JsonDataset) -> NDArray[np.uint8]:
    values = pixels.astype(np.float32)
    if layout.BitsStored < layout.BitsAllocated and layout.PixelRepresentation == 0:
        values = (pixels & ((1 << layout.BitsStored) - 1)).astype(np.float32)
    slope = (numbers_of(dataset, "00281053") or [1.0])[0]
    intercept = (numbers_of(dataset, "00281052") or [0.0])[0]
    values = values * slope + intercept
    low, high = _window(values, dataset)
    scaled = np.clip((values - low) / max(high - low, 1e-6), 0.0, 1.0)
    if layout.PhotometricInterpretation == "MONOCHROME1":
        scaled = 1.0 - scaled
    shown: NDArray[np.uint8] = (scaled * 255.0 + 0.5).astype(np.uint8)
    return shown


def _window(values: NDArray[np.float32], dataset: JsonDataset) -> tuple[float, float]:
    """The values that become black and white."""
    centre, width = numbers_of(dataset, "00281050"), numbers_of(dataset, "00281051")
    if centre and width and width[0] >= 1:
        return centre[0] - width[0] / 2, centre[0] + width[0] / 2
    low, high = np.percentile(values, (_DARKEST, _BRIGHTEST))
    return float(low), float(high)
