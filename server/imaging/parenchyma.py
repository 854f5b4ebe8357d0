"""Finding liver, spleen and kidneys by their place, their size and their evenness.

Thin layers (the wall of the belly, bowel) have no depth: what remains of soft tissue after 9 mm are
taken off all around are organs. On the right that is the liver before all else, on the left and
behind the spleen. Their attenuation is the commonest one in that core, so that tumours and vessels
do not move it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import SimpleITK

from server.imaging.body_parts import (
    BONE_FROM_HU,
    Coarse,
    Floats,
    Mask,
    Spine,
    as_image,
    away_mm,
    components,
    depth_mm,
    filled_in_plane,
)

# [UNPUB] Sizes and places, in mL, mm and HU.
_CORE_MM: Final = 9.0
_LEAST_LIVER_ML: Final = 120.0
_LARGE_ML: Final = 250.0
_LEAST_LIVER_DEPTH_MM: Final = 24.0
_LEAST_SPLEEN_ML: Final = 25.0
# Fluid in the belly or the stomach is darker than any spleen.
_LEAST_SPLEEN_HU: Final = 30.0
_KIDNEY_ML: Final = (25.0, 420.0)
# A renal pelvis full of contrast is as hard as bone, but smaller.
_LEAST_BONE_ML: Final = 12.0
_HARD_HU: Final = 340.0
_SPINE_HALF_MM: Final = 29.0
_PELVIS_ABOVE_HU: Final = 40.0
_PELVIS_ML: Final = (0.8, 40.0)
_SINUS_MM: Final = 7.0
_SMOOTH_MM: Final = 3.5
_BIN_HU: Final = 3.0
_ORGAN_HU: Final = (12.0, 190.0)
# The liver reaches at most so far below the lowest lung.
_BELOW_LUNG_MM: Final = 230.0


@dataclass(frozen=True)
class Parenchyma:
    """`mask` on the coarse grid, `hu` the commonest attenuation of its core, `ml` its volume inside
    the stack, `confidence` from 0.0 to 1.0.
    """

    mask: Mask
    hu: float
    ml: float
    confidence: float


@dataclass(frozen=True)
class Kidneys:
    """Enhanced kidneys: `cortex_hu` of the outer 5 mm, `medulla_hu` of the inside, `pelvis_hu` of
    the renal pelvis (of the inside, where none stands out); `mask` on the coarse grid.
    """

    mask: Mask
    cortex_hu: float
    medulla_hu: float
    pelvis_hu: float
    count: int


@dataclass(frozen=True)
class Ground:
    """What the search for organs stands on: the smoothed volume and how deep each voxel lies in
    soft tissue and below the skin, both in mm.
    """

    smooth: Floats
    depth: Floats
    below_skin: Floats


def ground_of(coarse: Coarse, body: Mask) -> Ground:
    """Smooths once and measures depths once, for all organs."""
    image = as_image(coarse.hu, coarse.spacing_mm)
    sigma = [_SMOOTH_MM, _SMOOTH_MM, max(1.0, min(_SMOOTH_MM, coarse.spacing_mm[0] / 2))]
    if min(coarse.hu.shape) >= 4:
        image = SimpleITK.SmoothingRecursiveGaussian(image, sigma)
    smooth: Floats = SimpleITK.GetArrayFromImage(image).astype(np.float32)
    solid = body & (smooth > -25) & (smooth < 260)
    return Ground(smooth, depth_mm(solid, coarse.spacing_mm), depth_mm(body, coarse.spacing_mm))


def find_liver(
    coarse: Coarse,
    body: Mask,
    lungs: Mask,
    spine: Spine,
    ground: Ground,
    crest_level: int | None = None,
) -> Parenchyma | None:
    """The largest even organ on the patient's right, above the hip bones (`crest_level`) and not
    far below the lungs.
    """
    where = _beside_spine(coarse, spine, right_mm=12.0) & _near_lungs(coarse, lungs)
    where[: (crest_level or -1) + 1] = False
    core = (ground.depth > _CORE_MM) & (ground.below_skin > 22.0) & where
    mode = _commonest(ground.smooth[core], brightest_of=_LARGE_ML / coarse.voxel_ml)
    if mode is None:
        return None
    organ = _grown(coarse, ground, core, mode, body)
    ml = float(organ.sum() * coarse.voxel_ml)
    if ml < _LEAST_LIVER_ML:
        return None
    thickest = float(ground.depth[organ].max())
    if thickest < min(_LEAST_LIVER_DEPTH_MM, 20.0 + coarse.hu.shape[0] * coarse.spacing_mm[0]):
        return None
    confidence = 0.5 + 0.5 * min(1.0, ml / 700.0)
    if mode < 25.0:
        confidence *= 0.6
    return Parenchyma(organ, mode, ml, round(confidence, 2))


def find_spleen(
    coarse: Coarse, body: Mask, spine: Spine, ground: Ground, liver: Parenchyma
) -> Parenchyma | None:
    """The even organ on the left and behind, at the height of the liver."""
    levels = np.flatnonzero(liver.mask.any(axis=(1, 2)))
    height = np.zeros(body.shape, bool)
    height[levels[0] : levels[-1] + 1] = True
    behind = _behind_front(coarse, spine, 40.0)
    side = _beside_spine(coarse, spine, left_mm=52.0)
    core = (ground.depth > 7.0) & (ground.below_skin > 16.0) & height & side & behind & ~liver.mask
    mode = _commonest(ground.smooth[core], _LEAST_SPLEEN_HU)
    if mode is None:
        return None
    organ = _grown(coarse, ground, core, mode, body & side & ~liver.mask)
    ml = float(organ.sum() * coarse.voxel_ml)
    if ml < _LEAST_SPLEEN_ML:
        return None
    return Parenchyma(organ, mode, ml, round(0.4 + 0.4 * min(1.0, ml / 150.0), 2))


def find_kidneys(
    coarse: Coarse, body: Mask, spine: Spine, liver: Parenchyma | None, spleen: Parenchyma | None
) -> Kidneys | None:
    """Kidneys that take up contrast: brighter than the liver, to both sides of the spine. None
    where there are none, and without contrast, where nothing sets them off.
    """
    bound = max(88.0, liver.hu + 18.0 if liver else 0.0)
    place = _beside_spine(coarse, spine, right_mm=24.0, most_mm=105.0)
    place |= _beside_spine(coarse, spine, left_mm=24.0, most_mm=105.0)
    place &= _behind_front(coarse, spine, 48.0) & body
    bright = place & (coarse.hu > bound) & ~_skeleton(coarse, body, spine)
    for organ in (liver, spleen):
        if organ is not None:
            bright &= ~organ.mask
    # The dark medulla is open towards the sinus: closed over first, then filled.
    solid = filled_in_plane(_closed(bright, coarse, _SINUS_MM))
    labels, sizes = components(_opened(solid, coarse, 4.0))
    kept = np.zeros_like(body)
    count = 0
    for label in range(1, min(len(sizes), 7)):
        if not _KIDNEY_ML[0] <= sizes[label] * coarse.voxel_ml <= _KIDNEY_ML[1] or count == 2:
            continue
        part = labels == label
        if float(depth_mm(part, coarse.spacing_mm).max()) > 8.0:
            kept |= part
            count += 1
    return _measured_kidneys(coarse, kept, count, body, spine) if count else None


def _measured_kidneys(
    coarse: Coarse, kept: Mask, count: int, body: Mask, spine: Spine
) -> Kidneys | None:
    bone = _near_bone(coarse, body)
    inside = depth_mm(kept, coarse.spacing_mm)
    outer, inner = kept & (inside < 6.0) & ~bone, kept & (inside >= 8.0)
    tissue = inner & (coarse.hu > 15)
    if not (outer.any() and tissue.any()):
        return None
    cortex = float(np.percentile(coarse.hu[outer], 80))
    return Kidneys(
        kept,
        # The surface shares its voxels with fat: the brighter ones are the cortex.
        cortex_hu=cortex,
        medulla_hu=float(np.percentile(coarse.hu[tissue], 35)),
        pelvis_hu=_renal_pelvis_hu(coarse, kept, bone, spine, cortex),
        count=count,
    )


def _renal_pelvis_hu(
    coarse: Coarse, kept: Mask, bone: Mask, spine: Spine, cortex_hu: float
) -> float:
    """The brightest thing of the size of a renal pelvis on the inner side of the kidneys; their
    sinus's own brightness where nothing stands out.
    """
    middle = float(np.nanmedian(spine.x_mm)) if spine.found.any() else float(coarse.mm(2).mean())
    off = np.abs(coarse.mm(2) - middle)[np.newaxis, np.newaxis, :]
    centre = float(np.broadcast_to(off, kept.shape)[kept].mean())
    inside = depth_mm(kept, coarse.spacing_mm)
    # It opens inwards and forwards; the processes of the vertebrae lie inwards and behind.
    rows = coarse.mm(1)[np.newaxis, :, np.newaxis]
    centre_row = float(np.broadcast_to(rows, kept.shape)[kept].mean())
    place = (off < centre + 4.0) & (off > _SPINE_HALF_MM) & (rows < centre_row + 4.0)
    sinus = _dilated(kept, coarse, 4.0) & ~bone & place
    core = coarse.hu[kept & (inside >= 8.0)]
    usual = float(np.percentile(core, 90)) if core.size else 0.0
    labels, sizes = components(sinus & (coarse.hu > cortex_hu + _PELVIS_ABOVE_HU))
    for label in range(1, min(len(sizes), 4)):
        if _PELVIS_ML[0] <= sizes[label] * coarse.voxel_ml <= _PELVIS_ML[1]:
            usual = max(usual, float(np.percentile(coarse.hu[labels == label], 70)))
    return usual


def _skeleton(coarse: Coarse, body: Mask, spine: Spine) -> Mask:
    """Bone: what hangs together with the spine, and what is far brighter than any kidney's
    tissue.
    """
    labels, sizes = components((coarse.hu > BONE_FROM_HU) & body)
    hard = np.bincount(labels[coarse.hu > 420], minlength=len(sizes))
    bone = hard > 0.1 * sizes
    axis = np.bincount(labels[_axis_of(coarse, spine)], minlength=len(sizes))
    bone |= axis * coarse.voxel_ml > 0.5
    bone[0] = False
    found: Mask = bone[labels]
    return found


def _near_bone(coarse: Coarse, body: Mask) -> Mask:
    """Hard bone of some size and the voxels that share in it."""
    labels, sizes = components((coarse.hu > _HARD_HU) & body)
    bone = sizes * coarse.voxel_ml >= _LEAST_BONE_ML
    bone[0] = False
    hard: Mask = bone[labels]
    return away_mm(hard, coarse.spacing_mm) <= 6.5


def _axis_of(coarse: Coarse, spine: Spine) -> Mask:
    """The middle of the vertebrae and of the arches behind them."""
    columns, rows = coarse.mm(2), coarse.mm(1)
    axis = np.zeros(coarse.hu.shape, bool)
    for level in np.flatnonzero(spine.found):
        behind = rows - spine.front_mm[level]
        axis[level] = ((behind > 12.0) & (behind < 80.0))[:, np.newaxis] & (
            np.abs(columns - spine.x_mm[level]) < 12.0
        )[np.newaxis, :]
    return axis


def _commonest(
    values: Floats, least_hu: float = _ORGAN_HU[0], brightest_of: float | None = None
) -> float | None:
    """The mode of the attenuations an organ may have, in HU, to a third of a bin. With
    `brightest_of`, the brightest of several modes of at least so many voxels and a third of the
    commonest one: fluid and unenhanced tissue around the liver may be more than the liver.
    """
    values = values[(values > least_hu) & (values < _ORGAN_HU[1])]
    if values.size < 40:
        return None
    counts, edges = np.histogram(values, np.arange(_ORGAN_HU[0], _ORGAN_HU[1] + _BIN_HU, _BIN_HU))
    broad = np.convolve(counts, np.ones(5), "same")
    peak = int(broad.argmax())
    if brightest_of is not None:
        least = max(brightest_of, broad[peak] / 3)
        tops = [
            index
            for index in range(2, len(broad) - 2)
            if broad[index] >= least and broad[index] == broad[index - 2 : index + 3].max()
        ]
        peak = max([peak, *tops])
    near = values[np.abs(values - (edges[peak] + _BIN_HU / 2)) < 3 * _BIN_HU]
    return float(np.median(near))


def _grown(coarse: Coarse, ground: Ground, core: Mask, mode: float, allowed: Mask) -> Mask:
    """The organ around the core: what has about its attenuation and hangs together broadly, with
    its vessels and tumours filled in.
    """
    near = np.abs(ground.smooth - mode)
    spread = float(np.median(near[core & (near < 30)])) if (core & (near < 30)).any() else 8.0
    band = allowed & (near < max(16.0, 3.5 * spread))
    broad = depth_mm(band, coarse.spacing_mm) > 5.0
    labels, sizes = components(broad)
    if len(sizes) < 2:
        return np.zeros_like(core)
    votes = np.bincount(labels[core & broad], minlength=len(sizes))
    votes[0] = 0
    main = labels == int(votes.argmax())
    # Back to where it was before the 5 mm were taken off, then closed over what it surrounds.
    grown = _dilated(main, coarse, 6.0) & allowed & (ground.smooth > -25)
    return filled_in_plane(grown & (near < max(45.0, 5 * spread)))


def _beside_spine(
    coarse: Coarse,
    spine: Spine,
    right_mm: float | None = None,
    left_mm: float | None = None,
    most_mm: float = 1e6,
) -> Mask:
    """Voxels farther to a side than so many mm from the middle of the spine, or of the image where
    there is no spine.
    """
    middle = np.where(spine.found, spine.x_mm, np.float32(np.nan))
    usual = np.nanmedian(middle) if spine.found.any() else coarse.mm(2).mean()
    off = coarse.mm(2)[np.newaxis, :] - np.where(spine.found, middle, usual)[:, np.newaxis]
    off = -off if right_mm is not None else off
    least = right_mm if right_mm is not None else left_mm
    beside = (off > (least or 0.0)) & (off < most_mm)
    return np.broadcast_to(beside[:, np.newaxis, :], coarse.hu.shape).copy()


def _behind_front(coarse: Coarse, spine: Spine, ahead_mm: float) -> Mask:
    """Voxels no farther ahead than so many mm of the front of the spine."""
    rows = coarse.mm(1)
    usual = np.nanmedian(spine.front_mm) if spine.found.any() else rows.mean()
    front = np.where(spine.found, spine.front_mm, usual)
    behind = rows[np.newaxis, :] > front[:, np.newaxis] - ahead_mm
    return np.broadcast_to(behind[:, :, np.newaxis], coarse.hu.shape).copy()


def _near_lungs(coarse: Coarse, lungs: Mask) -> Mask:
    """From _BELOW_LUNG_MM below the lowest lung upwards; everything where there is no lung."""
    found = np.ones(coarse.hu.shape, bool)
    levels = np.flatnonzero(lungs.any(axis=(1, 2)))
    if len(levels):
        found[: max(0, int(levels[0] - _BELOW_LUNG_MM / coarse.spacing_mm[0]))] = False
    return found


def _dilated(mask: Mask, coarse: Coarse, mm: float) -> Mask:
    image = SimpleITK.GetImageFromArray(mask.astype(np.uint8))
    radius = [max(1, round(mm / one)) for one in reversed(coarse.spacing_mm)]
    return np.asarray(SimpleITK.GetArrayFromImage(SimpleITK.BinaryDilate(image, radius)) > 0)


def _closed(mask: Mask, coarse: Coarse, mm: float) -> Mask:
    image = SimpleITK.GetImageFromArray(mask.astype(np.uint8))
    radius = [max(1, round(mm / one)) for one in reversed(coarse.spacing_mm)]
    closed = SimpleITK.BinaryMorphologicalClosing(image, [radius[0], radius[1], 0])
    return np.asarray(SimpleITK.GetArrayFromImage(closed) > 0)


def _opened(mask: Mask, coarse: Coarse, mm: float) -> Mask:
    image = SimpleITK.GetImageFromArray(mask.astype(np.uint8))
    radius = [max(1, round(mm / one)) for one in reversed(coarse.spacing_mm)]
    opened = SimpleITK.BinaryMorphologicalOpening(image, radius)
    return np.asarray(SimpleITK.GetArrayFromImage(opened) > 0)
