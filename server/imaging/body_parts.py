"""Body, lungs, bones and the spine of a CT volume: what everything else is found by.

Works on a coarse grid of about 4 mm in the plane. Arrays are in the order (slices from the feet,
rows from the front, columns from the patient's right), as in `Volume`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from server.imaging.read_volume import Volume

Mask = NDArray[np.bool_]
Floats = NDArray[np.float32]

# [UNPUB] Bounds in HU between kinds of tissue; by the definition of the unit, air is -1000 and
# water 0.
OUTSIDE_BODY_BELOW_HU: Final = -300
AIR_BELOW_HU: Final = -400
GAS_BELOW_HU: Final = -930
BONE_FROM_HU: Final = 180
# The inside of a vertebra is softer than that.
_VERTEBRA_FROM_HU: Final = 135
# [UNPUB] Less air than this is bowel gas or a trachea, not a lung.
_LEAST_LUNG_ML: Final = 60.0
_SURELY_LUNG_ML: Final = 900.0
# [UNPUB] From the tip of a spinous process to the front of its vertebral body, in mm.
_SPINE_DEPTH_MM: Final = (25.0, 105.0)
_CANAL_MM: Final = 24.0


@dataclass(frozen=True)
class Coarse:
    """The volume at about 4 mm in the plane: `hu` (float32) and `spacing_mm` per axis; `step` is how
    many fine pixels one coarse pixel is wide.
    """

    hu: Floats
    spacing_mm: tuple[float, float, float]
    step: int

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel in mL."""
        return float(np.prod(self.spacing_mm)) / 1000.0

    def mm(self, axis: int) -> Floats:
        """Positions in mm along an axis, from its first voxel."""
        return np.arange(self.hu.shape[axis], dtype=np.float32) * np.float32(self.spacing_mm[axis])


@dataclass(frozen=True)
class Spine:
    """Per slice, in mm from the first column and row: the middle of the spine and the front of its
    vertebral body. NaN where there is no spine.
    """

    x_mm: Floats
    front_mm: Floats

    @property
    def found(self) -> Mask:
        """In which slices."""
        return np.isfinite(self.x_mm)


def coarsened(volume: Volume) -> Coarse:
    """The volume with 2 x 2 pixels averaged where they are finer than 3 mm."""
    hu = volume.hu.astype(np.float32)
    if min(volume.spacing_mm[1:]) >= 3.0 or min(hu.shape[1:]) < 16:
        return Coarse(hu, volume.spacing_mm, 1)
    rows, columns = hu.shape[1] // 2 * 2, hu.shape[2] // 2 * 2
    hu = hu[:, :rows, :columns]
    total = hu[:, ::2, ::2] + hu[:, 1::2, ::2] + hu[:, ::2, 1::2] + hu[:, 1::2, 1::2]
    z, y, x = volume.spacing_mm
    return Coarse((total / 4).astype(np.float32), (z, 2 * y, 2 * x), 2)


def as_image(array: NDArray[Any], spacing_mm: tuple[float, float, float]) -> SimpleITK.Image:
    """An array as a SimpleITK image with its spacing."""
    image = SimpleITK.GetImageFromArray(array.astype(np.uint8) if array.dtype == bool else array)
    image.SetSpacing(tuple(float(one) for one in reversed(spacing_mm)))
    return image


def depth_mm(mask: Mask, spacing_mm: tuple[float, float, float]) -> Floats:
    """How deep in mm each voxel lies inside the mask (0 outside). The ends of the stack do not
    count as a surface.
    """
    if not mask.any():
        return np.zeros(mask.shape, np.float32)
    padded = np.pad(mask, ((0, 0), (1, 1), (1, 1)))
    distance = SimpleITK.SignedMaurerDistanceMap(
        as_image(padded, spacing_mm), insideIsPositive=True, squaredDistance=False,
        useImageSpacing=True,
    )  # fmt: skip
    found: Floats = SimpleITK.GetArrayFromImage(distance)[:, 1:-1, 1:-1]
    return np.maximum(found, 0)


def away_mm(mask: Mask, spacing_mm: tuple[float, float, float]) -> Floats:
    """How far in mm each voxel lies from the mask (0 inside; infinite where the mask is empty)."""
    if not mask.any():
        return np.full(mask.shape, np.inf, np.float32)
    distance = SimpleITK.SignedMaurerDistanceMap(
        as_image(mask, spacing_mm), insideIsPositive=False, squaredDistance=False,
        useImageSpacing=True,
    )  # fmt: skip
    found: Floats = SimpleITK.GetArrayFromImage(distance)
    return np.maximum(found, 0)


def components(mask: Mask) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Labels of the connected parts of a mask, the largest being 1, and the voxels of each (index 0
    is the background).
    """
    labels = SimpleITK.ConnectedComponent(SimpleITK.GetImageFromArray(mask.astype(np.uint8)), True)
    found: NDArray[np.int32] = SimpleITK.GetArrayFromImage(
        SimpleITK.RelabelComponent(labels, sortByObjectSize=True)
    ).astype(np.int32)
    return found, np.bincount(found.ravel()).astype(np.int64)


def largest(mask: Mask) -> Mask:
    """The largest connected part of a mask."""
    if not mask.any():
        return mask
    return np.asarray(components(mask)[0] == 1)


def find_body(coarse: Coarse) -> Mask:
    """The trunk with what it contains; table, arms and clothing left out where they stand apart."""
    solid = coarse.hu > OUTSIDE_BODY_BELOW_HU
    # A table top is a thin shell: what does not survive thinning by 5 mm is not the body.
    core = largest(_deep_in_plane(solid, coarse, 5.0))
    near = _near_in_plane(core, coarse, 7.0) & solid
    return filled_in_plane(near)


def _radius(coarse: Coarse, mm: float) -> list[int]:
    return [max(1, round(mm / coarse.spacing_mm[2])), max(1, round(mm / coarse.spacing_mm[1])), 0]


def _deep_in_plane(mask: Mask, coarse: Coarse, mm: float) -> Mask:
    image = SimpleITK.GetImageFromArray(mask.astype(np.uint8))
    eroded = SimpleITK.BinaryErode(image, _radius(coarse, mm), SimpleITK.sitkBall)
    return np.asarray(SimpleITK.GetArrayFromImage(eroded) > 0)


def _near_in_plane(mask: Mask, coarse: Coarse, mm: float) -> Mask:
    image = SimpleITK.GetImageFromArray(mask.astype(np.uint8))
    dilated = SimpleITK.BinaryDilate(image, _radius(coarse, mm), SimpleITK.sitkBall)
    return np.asarray(SimpleITK.GetArrayFromImage(dilated) > 0)


def find_lungs(coarse: Coarse, body: Mask) -> Mask:
    """Air that is lung: much of it, less dark than gas, reaching the back of the chest, and either
    going on at the upper end of the stack or too much for a bowel.
    """
    labels, sizes = components((coarse.hu < AIR_BELOW_HU) & body)
    lungs = np.zeros_like(body)
    middle = _middle_of_body(body)
    main: tuple[int, int] | None = None
    for label in range(1, min(len(sizes), 9)):
        ml = float(sizes[label] * coarse.voxel_ml)
        if ml < _LEAST_LUNG_ML:
            break
        part = labels == label
        levels, rows, _ = np.nonzero(part)
        inner = coarse.hu[part & (coarse.hu < AIR_BELOW_HU - 200)]
        dark = float(np.median(inner)) if inner.size else 0.0
        if dark <= GAS_BELOW_HU or float(np.mean(rows > middle)) <= 0.2:
            continue
        if main is None:
            if levels.max() < len(body) - 2 and ml < _SURELY_LUNG_ML:
                continue
            main = int(levels.min()), int(levels.max())
            lungs |= part
        elif float(np.mean((levels >= main[0]) & (levels <= main[1]))) > 0.5:
            lungs |= part
    return lungs


def _middle_of_body(body: Mask) -> float:
    rows = np.flatnonzero(body.any(axis=(0, 2)))
    return float(rows.mean()) if len(rows) else 0.0


def find_spine(coarse: Coarse, body: Mask) -> Spine:
    """The column of bone in the middle of the back."""
    levels = len(body)
    bone = ((coarse.hu > _VERTEBRA_FROM_HU) & body).astype(np.float32)
    persistent = _mean_along(bone, max(0, round(25.0 / coarse.spacing_mm[0])))
    x_mm = np.full(levels, np.nan, np.float32)
    front_mm = np.full(levels, np.nan, np.float32)
    columns, rows = coarse.mm(2), coarse.mm(1)
    for level in range(levels):
        place = _spine_of(persistent[level], body[level], columns, rows)
        if place is not None:
            x_mm[level], front_mm[level] = place
    reach = max(1, round(30.0 / coarse.spacing_mm[0]))
    return Spine(_running_median(x_mm, reach), _running_median(front_mm, reach))


def _mean_along(values: Floats, reach: int) -> Floats:
    """The mean over `reach` slices to either side."""
    if reach == 0:
        return values
    total = np.cumsum(np.pad(values, ((reach + 1, reach), (0, 0), (0, 0)), mode="edge"), axis=0)
    mean = (total[2 * reach + 1 :] - total[: -2 * reach - 1]) / (2 * reach + 1)
    return np.asarray(mean, np.float32)


def _spine_of(
    bone: Floats, body: Mask, columns: Floats, rows: Floats
) -> tuple[float, float] | None:
    """Middle and front of the spine in one slice, in mm."""
    if not body.any():
        return None
    where = np.flatnonzero(body.any(axis=0))
    middle = float(columns[where].mean())
    weight: Floats = (bone * body).astype(np.float32)
    # Bone near the midline, in the rear of what is there.
    near = np.abs(columns - middle) < 55.0
    central = np.abs(columns - middle) < 35.0
    profile = weight[:, central].max(axis=1)
    behind = np.flatnonzero(profile > 0.3)
    inside = np.flatnonzero(body[:, central].any(axis=1))
    if not len(behind) or rows[behind[-1]] < rows[inside].mean():
        return None
    tip = float(rows[behind[-1]])
    window = (rows > tip - 75.0) & (rows <= tip)
    across = weight[np.ix_(window, near)].sum(axis=0)
    summed = np.cumsum(across)
    x = float(columns[near][np.searchsorted(summed, summed[-1] / 2)])
    along_x = np.abs(columns - x) < 10.0
    line = weight[:, along_x].max(axis=1) > 0.3
    front = tip
    for index in np.flatnonzero(line)[::-1]:
        if front - rows[index] > _CANAL_MM or tip - rows[index] > _SPINE_DEPTH_MM[1]:
            break
        front = float(rows[index])
    return (x, front) if tip - front >= _SPINE_DEPTH_MM[0] - 10 else None


def _running_median(values: Floats, reach: int) -> Floats:
    found = np.full(values.shape, np.nan, np.float32)
    for index in range(len(values)):
        near = values[max(0, index - reach) : index + reach + 1]
        known = near[np.isfinite(near)]
        # A lone guess in the middle of nothing is not a spine.
        if len(known) * 3 >= len(near):
            found[index] = np.median(known)
    return found


def filled_in_plane(mask: Mask) -> Mask:
    """Holes inside the mask filled, slice by slice."""
    filled = mask.copy()
    for level in np.flatnonzero(mask.any(axis=(1, 2))):
        image = SimpleITK.GetImageFromArray(np.pad(mask[level], 1).astype(np.uint8))
        filled[level] = SimpleITK.GetArrayViewFromImage(SimpleITK.BinaryFillhole(image))[1:-1, 1:-1]
    return filled
