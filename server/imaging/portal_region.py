"""Finding the portal vein and its branches: bright tubes in the middle of the liver.

A hepatic artery is too thin to count, a tumour too thick, the inferior vena cava lies at the spine,
and nothing at the surface of the liver is looked at. Hepatic veins count as well where they are
bright: then they have the attenuation of the portal vein or a little less.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from server.imaging.aorta import Aorta
from server.imaging.body_parts import Coarse, Floats, Mask, Spine, away_mm, components, depth_mm
from server.imaging.parenchyma import Kidneys, Parenchyma
from server.imaging.read_volume import Volume

# [UNPUB] Sizes in mm, mL and HU.
_HILUM_MM: Final = 16.0
_SKIN_OF_LIVER_MM: Final = 9.0
_SPINE_BOX_MM: Final = (46.0, 26.0)
_LEAST_VESSELS_ML: Final = 0.5
_THICKEST_MM: Final = 9.5
_LEAST_REGION_ML: Final = 60.0
_LEAST_MARGIN_HU: Final = 11.0
_FINE_MM: Final = 2.6
# Blood of the portal vein is not much brighter than that of the aorta in any phase.
_ABOVE_AORTA_HU: Final = 45.0


@dataclass(frozen=True)
class PortalRegion:
    """`hu` is the attenuation of the vessels, None where no vessel stands out from the liver by
    `margin_hu` although enough of the liver was seen (`region_ml`). `ml` is the volume of what was
    measured.
    """

    hu: float | None
    margin_hu: float
    ml: float
    region_ml: float


def find_portal_region(
    volume: Volume,
    coarse: Coarse,
    liver: Parenchyma,
    spine: Spine,
    aorta: Aorta | None,
    kidneys: Kidneys | None,
) -> PortalRegion | None:
    """The vessels of the liver, or None when too little of the liver is there to tell."""
    region = _region(coarse, liver, spine, kidneys)
    region_ml = float(region.sum() * coarse.voxel_ml)
    if region_ml < _LEAST_REGION_ML:
        return None
    box = tuple(slice(int(w.min()), int(w.max()) + 1) for w in np.nonzero(region))
    fine_box = (
        box[0],
        *(slice(one.start * coarse.step, one.stop * coarse.step) for one in box[1:]),
    )
    fine = np.repeat(np.repeat(region[box], coarse.step, 1), coarse.step, 2)
    hu = _smoothed(volume.hu[fine_box].astype(np.float32), volume.spacing_mm)
    fine = fine[:, : hu.shape[1], : hu.shape[2]]
    tubes = _opened_grey(hu, volume.spacing_mm)
    inside = tubes[fine & (np.abs(tubes - liver.hu) < 40)]
    noise = float(np.subtract(*np.percentile(inside, (75, 25)))) / 1.35 if inside.size else 10.0
    # The opening takes the lowest of its neighbourhood: its own level of the liver is the reference.
    level = float(np.median(inside)) if inside.size else liver.hu
    margin = max(_LEAST_MARGIN_HU, 3.0 * noise)
    ceiling = (aorta.hu if aorta else 300.0) + _ABOVE_AORTA_HU
    bright = fine & (tubes > level + margin) & (tubes < ceiling)
    vessels = _tubes_only(bright, volume.spacing_mm)
    ml = float(vessels.sum() * volume.voxel_ml)
    if ml < _LEAST_VESSELS_ML:
        return PortalRegion(None, margin, ml, region_ml)
    values = hu[vessels]
    # The wall of a vessel shares its voxels with the liver: the brighter half is the blood.
    return PortalRegion(float(np.percentile(values, 78)), margin, ml, region_ml)


def _region(coarse: Coarse, liver: Parenchyma, spine: Spine, kidneys: Kidneys | None) -> Mask:
    """The middle of the liver with its hilum, without its surface and what lies at the spine."""
    outside_far = away_mm(liver.mask, coarse.spacing_mm) <= _HILUM_MM
    deepest = float(depth_mm(liver.mask, coarse.spacing_mm).max())
    skin = min(_SKIN_OF_LIVER_MM, 0.2 * deepest)
    closed = depth_mm(outside_far, coarse.spacing_mm) > _HILUM_MM + skin
    region: Mask = closed & (coarse.hu > -10)
    columns, rows = coarse.mm(2), coarse.mm(1)
    for level in np.flatnonzero(spine.found):
        beside = np.abs(columns - spine.x_mm[level]) < _SPINE_BOX_MM[0]
        behind = rows > spine.front_mm[level] - _SPINE_BOX_MM[1]
        region[level] &= ~(behind[:, np.newaxis] & beside[np.newaxis, :])
    if kidneys is not None:
        region &= away_mm(kidneys.mask, coarse.spacing_mm) > 8.0
    # Nothing left of the spine's left edge: stomach, bowel and spleen.
    if spine.found.any():
        left = float(np.nanmedian(spine.x_mm)) + 30.0
        region &= (columns < left)[np.newaxis, np.newaxis, :]
    return region


def _smoothed(hu: Floats, spacing_mm: tuple[float, float, float]) -> Floats:
    """The mean of neighbouring slices up to 4 mm away, then a median in the plane."""
    if spacing_mm[0] <= 4.0 and len(hu) >= 3:
        hu = (np.concatenate([hu[:1], hu[:-1]]) + hu * 2 + np.concatenate([hu[1:], hu[-1:]])) / 4
    image = SimpleITK.GetImageFromArray(hu)
    if spacing_mm[2] < _FINE_MM:
        image = SimpleITK.Median(image, [1, 1, 0])
    else:
        image = SimpleITK.DiscreteGaussian(image, [0.3, 0.3, 0.0], 3, 0.05, False)
    found: Floats = SimpleITK.GetArrayFromImage(image)
    return found


def _opened_grey(hu: Floats, spacing_mm: tuple[float, float, float]) -> Floats:
    """Only what is brighter over at least 4 to 6 mm in the plane keeps its brightness."""
    radius = [1, 1, 0] if spacing_mm[2] < _FINE_MM else [0, 0, 0]
    image = SimpleITK.GetImageFromArray(hu)
    opened = SimpleITK.GrayscaleMorphologicalOpening(image, radius, SimpleITK.sitkCross)
    found: Floats = SimpleITK.GetArrayFromImage(opened)
    return found


def _tubes_only(bright: Mask, spacing_mm: tuple[float, float, float]) -> NDArray[np.bool_]:
    """The largest connected parts that are nowhere thicker than a vein."""
    labels, sizes = components(bright)
    voxel_ml = float(np.prod(spacing_mm)) / 1000.0
    depth = depth_mm(bright, spacing_mm)
    kept = np.zeros_like(bright)
    taken = 0
    for label in range(1, min(len(sizes), 12)):
        if sizes[label] * voxel_ml < 0.25 or taken == 3:
            break
        part = labels == label
        if float(depth[part].max()) <= _THICKEST_MM:
            kept |= part
            taken += 1
    return kept
