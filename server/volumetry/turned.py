"""A Segmentation on the very lattice of the images, whose rows or columns run the other way.

Programs that draw on a volume of their own (NIfTI counts from the patient's other side) write such
frames; the voxels are the same ones, counted from another corner. Nothing is resampled.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from server.dicom.geometry import COSINE_TOLERANCE, SeriesGeometry, Vector
from server.volumetry.frames import Segmentation


def turned_to(segmentation: Segmentation, images: SeriesGeometry) -> Segmentation:
    """The Segmentation counted in the direction of the images' rows and columns.

    One that runs in the same direction, or in none of the images' two, is given back as it is.
    """
    grid = segmentation.grid
    along_rows = _sign(grid.row_cosines, images.row_cosines)
    along_columns = _sign(grid.column_cosines, images.column_cosines)
    if 0 in (along_rows, along_columns) or (along_rows, along_columns) == (1, 1):
        return segmentation
    # From the corner that comes first in the file to the one that comes first in the images.
    corner = np.zeros(3)
    if along_rows < 0:
        corner += (grid.columns - 1) * grid.column_spacing_mm * np.array(grid.row_cosines)
    if along_columns < 0:
        corner += (grid.rows - 1) * grid.row_spacing_mm * np.array(grid.column_cosines)
    frames = []
    for frame in segmentation.frames:
        x, y, z = (float(value) for value in np.array(frame.position_mm) + corner)
        frames.append(replace(frame, position_mm=(x, y, z)))
    return replace(
        segmentation,
        grid=replace(grid, row_cosines=images.row_cosines, column_cosines=images.column_cosines),
        frames=tuple(frames),
        turned=(along_columns < 0, along_rows < 0),
    )


def _sign(one: Vector, other: Vector) -> int:
    """1 where two directions are the same, -1 where they are opposite, else 0."""
    for sign in (1, -1):
        if np.allclose(np.array(one) * sign, other, atol=COSINE_TOLERANCE):
            return sign
    return 0
