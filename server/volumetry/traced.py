"""Outlines that programs trace around a mask: through the centres of its outermost pixels.

What such an outline encloses is half a pixel smaller all around than the mask it was made from, and an
isolated pixel has an outline of one point. Where outlines are recognised as traced, the pixels they run
through belong to the region, which gives the mask back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from server.volumetry.polygons import Points

# How far, in pixels, a point may lie from the centre it means: writers round millimetres.
_AT_CENTRE: Final = 0.02


def on_centres(outlines: Iterable[Points]) -> bool:
    """Whether every outline runs from pixel centre to pixel centre, across, down or diagonally.

    An outline is (n, 2) as (column, row) in pixels, whole numbers being pixel centres.
    """
    for outline in outlines:
        if np.abs(outline - np.round(outline)).max() > _AT_CENTRE:
            return False
        steps = np.abs(_steps(outline))
        straight = (steps == 0).any(axis=1) | (steps[:, 0] == steps[:, 1])
        if not straight.all():
            return False
    return True


def has_diagonal(outlines: Sequence[Points]) -> bool:
    """Whether a step between neighbouring pixels is diagonal, as the tracing of a rounded mask has it
    and a rectangle drawn in round millimetres has not."""
    return any(bool((np.abs(_steps(one)).min(axis=1) > 0).any()) for one in outlines)


def pixels_on(outline: Points, rows: int, columns: int) -> NDArray[np.bool_]:
    """The pixels that an outline on centres runs through, bool of shape (rows, columns)."""
    mask = np.zeros((rows, columns), bool)
    corners = np.round(outline).astype(np.int64)
    for (column, row), step in zip(corners, _steps(outline), strict=True):
        length = int(np.abs(step).max())
        along = np.arange(length + 1)
        across = column + along * int(np.sign(step[0]))
        down = row + along * int(np.sign(step[1]))
        inside = (across >= 0) & (across < columns) & (down >= 0) & (down < rows)
        mask[down[inside], across[inside]] = True
    return mask


def _steps(outline: Points) -> NDArray[np.int64]:
    """From each point to the next one and from the last to the first, in whole pixels."""
    corners = np.round(outline).astype(np.int64)
    return np.roll(corners, -1, axis=0) - corners
