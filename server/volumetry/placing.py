"""Where a voxel lies in the patient, also on a tilted stack.

The planes of a series need not lie straight above each other: with the gantry tilted each one is moved
sideways, so that the way from plane to plane is not the slice normal. Every plane is therefore taken
from its own ImagePositionPatient (PS3.3 C.7.6.2.1.1), and one of which there is no image from its
neighbours.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from server.dicom.geometry import SeriesGeometry


def origins_mm(images: SeriesGeometry) -> NDArray[np.float64]:
    """The centre of the first voxel of every plane of the grid, float64 of shape (depth, 3), mm."""
    known = np.array([images.index_of(plane.distance_mm) for plane in images.planes])
    there = np.array([plane.position_mm for plane in images.planes])
    every = np.arange(images.depth)
    return np.stack([np.interp(every, known, there[:, axis]) for axis in range(3)], axis=1)


def steps_mm(images: SeriesGeometry) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """One step from row to row, and one from column to column: vectors in mm, float64 of shape (3,)."""
    down = np.array(images.column_cosines) * images.row_spacing_mm
    across = np.array(images.row_cosines) * images.column_spacing_mm
    return down, across


def positions_mm(indices: NDArray[np.int64], images: SeriesGeometry) -> NDArray[np.float64]:
    """Where voxels lie: indices (plane, row, column) of shape (n, 3) to mm of the same shape."""
    down, across = steps_mm(images)
    return (
        origins_mm(images)[indices[:, 0]]
        + indices[:, 1:2] * down[None, :]
        + indices[:, 2:3] * across[None, :]
    )


def plane_at(point_mm: NDArray[np.float64], images: SeriesGeometry) -> float:
    """On which plane a point (mm, shape (3,)) lies, as a fraction: 0.0 on the lowest."""
    distance = float(point_mm @ np.array(images.normal))
    return (distance - images.planes[0].distance_mm) / (images.slice_spacing_mm or 1.0)


def in_plane_mm(points_mm: NDArray[np.float64], images: SeriesGeometry) -> NDArray[np.float64]:
    """How far points lie along the rows and along the columns: (n, 3) to (n, 2), in mm."""
    axes = np.stack([np.array(images.row_cosines), np.array(images.column_cosines)], axis=1)
    found: NDArray[np.float64] = points_mm @ axes
    return found


def pixels_of(
    within_mm: NDArray[np.float64], origin_mm: NDArray[np.float64], images: SeriesGeometry
) -> NDArray[np.float64]:
    """(column, row) on the plane whose first voxel lies at `origin_mm`, of points `in_plane_mm`."""
    away = within_mm - in_plane_mm(origin_mm[None, :], images)
    found: NDArray[np.float64] = away / np.array([images.column_spacing_mm, images.row_spacing_mm])
    return found


def voxel_of(point_mm: NDArray[np.float64], images: SeriesGeometry) -> tuple[int, int, int] | None:
    """The voxel (plane, row, column) in which a point lies; None outside the images."""
    plane = round(plane_at(point_mm, images))
    if not 0 <= plane < images.depth:
        return None
    column, row = pixels_of(
        in_plane_mm(point_mm[None, :], images), origins_mm(images)[plane], images
    )[0]
    if not (-0.5 <= row < images.rows - 0.5 and -0.5 <= column < images.columns - 0.5):
        return None
    return plane, round(float(row)), round(float(column))
