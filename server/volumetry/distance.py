"""The shortest way from a tumour to what remains, in mm between the centres of voxels.

On a straight stack by a distance map (Maurer and others 2003, in SimpleITK), computed only as far as
the nearest remnant can lie. On a tilted one the axes of the grid are not perpendicular and no distance
map holds, so the edges' voxels are compared where they lie in the patient.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from server.dicom.geometry import POSITION_TOLERANCE_MM, SeriesGeometry
from server.volumetry.masks import Volume, as_image, box_of
from server.volumetry.placing import positions_mm

_BLOCK_MM: Final = 8.0
_AT_ONCE: Final = 4_000_000  # pairs of voxels compared in one go

Points = NDArray[np.float64]


def margin_mm(tumour: Volume, remnant: Volume, images: SeriesGeometry) -> float | None:
    """The shortest distance in mm between voxel centres of tumour and remnant; None if either is
    empty, 0.0 where they share a voxel. Masks are uint8 of 0 and 1, shape (depth, rows, columns).
    """
    if not tumour.any() or not remnant.any():
        return None
    if shared_voxels(tumour, remnant):
        return 0.0
    if images.shear_mm > POSITION_TOLERANCE_MM:
        return _between(_edge_mm(tumour, images), _edge_mm(remnant, images))
    return _by_map(tumour, remnant, images)


def shared_voxels(one: Volume, other: Volume) -> int:
    """How many voxels are drawn in both; quick where `one` is small."""
    if not one.any():
        return 0
    box = box_of(one)
    return int(np.count_nonzero(one[box] & other[box]))


def nearest_of(
    regions: Sequence[Volume], part: Volume, images: SeriesGeometry
) -> NDArray[np.uint8]:
    """For each voxel of `part` which of the regions lies nearest, counted from 1, and 0 elsewhere: uint8 of
    the shape of `part`, which all regions have.

    Regions that do not come near the part are not looked for, and slices count as straight above
    each other: this says whose a voxel is, not how far away.
    """
    found = np.zeros(part.shape, np.uint8)
    box = tuple(slice(max(one.start - 2, 0), one.stop + 2) for one in box_of(part))
    inside, least_mm = part[box] > 0, np.full(part[box].shape, np.inf)
    for number, region in enumerate(regions, start=1):
        if region[box].any():
            away_mm = _distances_mm(region[box], images)
            found[box][inside & (away_mm < least_mm)] = number
            least_mm = np.minimum(least_mm, away_mm)
    return found


def _distances_mm(region: Volume, images: SeriesGeometry) -> NDArray[np.float32]:
    """How far each voxel lies from a region, below zero inside it."""
    distance = SimpleITK.SignedMaurerDistanceMap(
        as_image(np.ascontiguousarray(region), images),
        insideIsPositive=False,
        squaredDistance=False,
        useImageSpacing=True,
    )
    values: NDArray[np.float32] = SimpleITK.GetArrayFromImage(distance)
    return values


def _by_map(tumour: Volume, remnant: Volume, images: SeriesGeometry) -> float:
    spacing = np.array(
        [images.slice_spacing_mm or 1.0, images.row_spacing_mm, images.column_spacing_mm]
    )
    pads = np.ceil(_reach_mm(tumour, remnant, spacing) / spacing).astype(int) + 1
    box = tuple(
        slice(max(one.start - int(pad), 0), min(one.stop + int(pad), most))
        for one, pad, most in zip(box_of(tumour), pads, tumour.shape, strict=True)
    )
    return float(_distances_mm(tumour[box], images)[remnant[box] > 0].min())


def _reach_mm(tumour: Volume, remnant: Volume, spacing: NDArray[np.float64]) -> float:
    """A distance that the nearest pair certainly does not exceed: that of some pair."""
    ones, others = _some(tumour, 400) * spacing, _some(remnant, 4000) * spacing
    return float(_apart(ones, others).min())


def _some(volume: Volume, about: int) -> NDArray[np.int64]:
    """About so many of a region's voxels, as indices, from all over it."""
    step = 32
    while step > 1:
        found = np.argwhere(volume[::step, ::step, ::step])
        if len(found) >= about // 8:
            return found[:: max(1, len(found) // about)] * step
        step //= 2
    found = np.argwhere(volume)
    return found[:: max(1, len(found) // about)]


def _edge_mm(volume: Volume, images: SeriesGeometry) -> Points:
    """Where the voxels lie that have a neighbour outside, float64 of shape (voxels, 3), in mm.

    The nearest voxel of a region is one of its edge: from one that is surrounded, some neighbour
    lies nearer. On a tilted grid that needs the diagonal neighbours too.
    """
    padded = np.pad(volume, 1)
    inner = padded.astype(bool)
    for axis in range(3):
        inner = inner & np.roll(inner, 1, axis) & np.roll(inner, -1, axis)
    edge = padded.astype(bool) & ~inner
    return positions_mm(np.argwhere(edge) - 1, images)


def _between(ones: Points, others: Points) -> float:
    """The shortest distance between two sets of points, by blocks first."""
    kept, kept_others = _near(ones, others)
    best = np.inf
    step = max(1, _AT_ONCE // len(kept_others))
    for start in range(0, len(kept), step):
        best = min(best, float(_apart(kept[start : start + step], kept_others).min()))
    return best


def _near(ones: Points, others: Points) -> tuple[Points, Points]:
    """The points of those blocks that can hold the nearest pair."""
    (centres, radius, block), (there, there_radius, there_block) = _blocks(ones), _blocks(others)
    apart = _apart(centres, there)
    reach = radius[:, None] + there_radius[None, :]
    can = apart - reach <= (apart + reach).min()
    return ones[can.any(axis=1)[block]], others[can.any(axis=0)[there_block]]


def _blocks(points: Points) -> tuple[Points, NDArray[np.float64], NDArray[np.int64]]:
    """Middle and radius of each block in mm, and the block of each point."""
    cells = np.floor(points / _BLOCK_MM).astype(np.int64)
    _, block = np.unique(cells, axis=0, return_inverse=True)
    block = block.reshape(-1)
    count = np.bincount(block)
    middle = np.stack([np.bincount(block, points[:, axis]) / count for axis in range(3)], axis=1)
    away = np.linalg.norm(points - middle[block], axis=1)
    radius = np.zeros(len(count))
    np.maximum.at(radius, block, away)
    return middle, radius, block


def _apart(ones: Points, others: Points) -> NDArray[np.float64]:
    return np.asarray(np.linalg.norm(ones[:, None, :] - others[None, :, :], axis=2))
