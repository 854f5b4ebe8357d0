"""Where points of the patient's coordinates lie on an image, and which side of the patient is where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from pydicom.dataset import Dataset

_PLANE: Final = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")
# A point further off the slice than this was not drawn on it; half of a thick slice.
FARTHEST_MM: Final = 5.0
# PS3.3 C.7.6.2.1.1: x grows to the patient's left, y to the back, z to the head.
_SIDES: Final = (("L", "R"), ("P", "A"), ("H", "F"))


def pixel_points(points_mm: Sequence[Sequence[float]], image: Dataset) -> np.ndarray | None:
    """Points in the patient's coordinates as (column, row) on an image, shape (n, 2), in pixels.

    The centre of the first pixel is (0.5, 0.5), PS3.3 C.18.6.1.2. None where the image has no plane,
    or a point does not lie on it.
    """
    given = [image.get(name) for name in _PLANE]
    if not points_mm or any(value in (None, "") for value in given):
        return None
    corner, orientation, spacing = (np.asarray(value, dtype=float) for value in given)
    along_row, along_column = orientation[:3], orientation[3:]
    offsets = np.asarray(points_mm, dtype=float) - corner
    if np.abs(offsets @ np.cross(along_row, along_column)).max() > FARTHEST_MM:
        return None
    columns = offsets @ along_row / spacing[1] + 0.5
    rows = offsets @ along_column / spacing[0] + 0.5
    found = np.stack([columns, rows], axis=1)
    inside = (found >= 0).all() and (found <= [int(image.Columns), int(image.Rows)]).all()
    return found if inside else None


def edge_letters(image: Dataset) -> tuple[str, str]:
    """The patient's sides at the left and at the upper edge of an image, such as ("R", "A"); empty
    where the image does not say how it lies.
    """
    given = image.get("ImageOrientationPatient")
    if given in (None, "") or len(given) != 6:
        return "", ""
    orientation = np.asarray(given, dtype=float)
    return _letter(-orientation[:3]), _letter(-orientation[3:])


def _letter(direction: np.ndarray) -> str:
    axis = int(np.abs(direction).argmax())
    positive, negative = _SIDES[axis]
    return positive if direction[axis] > 0 else negative
