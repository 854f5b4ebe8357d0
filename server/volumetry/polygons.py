"""Filling outlines drawn on a slice, exactly: a pixel belongs when its centre lies inside."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


def filled(outline: Points, rows: int, columns: int) -> NDArray[np.bool_]:
    """The pixels whose centres lie inside a closed outline, bool of shape (rows, columns).

    `outline` is (n, 2) as (column, row) in pixels, whole numbers being pixel centres; its last
    point joins its first. Where the outline crosses itself the even-odd rule decides. A centre
    exactly on a left or upper edge is inside, on a right or lower edge outside, so that two regions
    sharing an edge share no pixel.
    """
    mask = np.zeros((rows, columns), bool)
    if len(outline) < 3:
        return mask
    begin, end = outline, np.roll(outline, -1, axis=0)
    first = max(0, int(np.ceil(outline[:, 1].min())))
    last = min(rows - 1, int(np.floor(outline[:, 1].max())))
    if last < first:
        return mask
    lines = np.arange(first, last + 1)
    crossing = (begin[:, 1] <= lines[:, None]) != (end[:, 1] <= lines[:, None])
    row, edge = np.nonzero(crossing)
    (x1, y1), (x2, y2) = begin[edge].T, end[edge].T
    at = x1 + (lines[row] - y1) * (x2 - x1) / (y2 - y1)
    # The first centre at or right of each crossing changes sides.
    places = np.clip(np.ceil(at), 0, columns).astype(np.int64)
    width = columns + 1
    changes = np.bincount(row * width + places, minlength=len(lines) * width)
    odd = np.cumsum(changes.reshape(len(lines), width)[:, :columns], axis=1) % 2 == 1
    mask[first : last + 1] = odd
    return mask
