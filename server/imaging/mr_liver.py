"""Whether an axial MR series cuts far into the liver, by pixels: the one thing they tell for certain.

The signal of MR has no unit, so organs are not known by their brightness. What is looked for is
something large, even and thick on the patient's right that the first or the last image goes through at
a good part of its largest slice, and that has no likeness on the left. Nothing but a liver that is cut
off does so; and whatever else is large and even there (fat, fluid) must do so as well, or nothing is
said. That an end of the liver is shown is never said.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from server.imaging.body_parts import (
    Coarse,
    Floats,
    Mask,
    as_image,
    coarsened,
    components,
    depth_mm,
    filled_in_plane,
    largest,
)
from server.imaging.landmarks import Coverage, Landmark, Seen
from server.imaging.read_volume import BRIGHT_SIGNAL, Volume

# [UNPUB] Sizes and shares, found on bodies of known making (`tests/imaging/mr_bodies.py`).
_BODY_FROM: Final = 0.06 * BRIGHT_SIGNAL
_CORE_MM: Final = 9.0
_BELOW_SKIN_MM: Final = 22.0
_BESIDE_MM: Final = 12.0
_NEAR: Final = 0.2
_LEAST_ML: Final = 350.0
_LEAST_CM2: Final = 60.0
_LEAST_DEPTH_MM: Final = 24.0
# A liver that ends some 8 mm beyond the last image goes through it with a fifth of its largest slice.
_FAR_SHARE: Final = 0.35
_ALIKE_SHARE: Final = 0.5
_LUNG_SHARE: Final = 0.25
_LEAST_LUNG_CM2: Final = 5.0
_LIKE_FAT: Final = (0.55, 1.9)
_WAIST_SHARE: Final = 0.8
_MOST_LENGTH_MM: Final = 190.0  # of the right side of a liver [GK]; longer is more than a liver
_RIM_MM: Final = (3.0, 11.0)
_LEAST_LENGTH_MM: Final = 60.0
_LEAST_LEVELS: Final = 10
_CONFIDENCE: Final = 0.7
_BIN: Final = 0.05  # of the logarithm of the signal
_SHRUNK_MM: Final = 10.0
_KINDS: Final = 6  # of tissue, by their signals
_ROUNDS: Final = 12
_FEWEST_PLACES: Final = 200
_MOST_SHADE: Final = 1.4  # of the logarithm: four times as bright or as dark
_LEAST_SIDE: Final = 32  # voxels: fewer show no organ


# An end of the liver and the slice in which it would be cut through.
_ENDS: Final = ((Landmark.LIVER_DOME, -1), (Landmark.LIVER_LOWER_EDGE, 0))

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class _Even:
    """Something even: its own signal, its area in cm2 slice by slice on the right and on the left."""

    signal: float
    right_cm2: Numbers
    left_cm2: Numbers


@dataclass(frozen=True)
class _Ground:
    coarse: Coarse
    smooth: Floats
    body: Mask
    below_skin: Floats
    right: Mask
    left: Mask


def coverage_of_mr(volume: Volume) -> Coverage:
    """What an axial MR volume of the trunk tells of the liver: at either end that it is cut off, or
    nothing. All other landmarks are untold.
    """
    landmarks = {
        place: Seen(None, 0.0, f"The signal of MR does not tell where the {place.in_words} lies.")
        for place in Landmark
    }
    length_mm = round(volume.length_mm, 1)
    is_enough = len(volume.hu) >= _LEAST_LEVELS and min(volume.hu.shape[1:]) >= _LEAST_SIDE
    if is_enough and length_mm >= _LEAST_LENGTH_MM:
        ground = _ground(volume)
        found = _even_organs(ground) if ground else []
        for place, level in _ENDS:
            share = _share_cut(ground, found, level) if ground else None
            if share is not None:
                which = "uppermost" if level else "lowest"
                sentence = (
                    f"The {which} image still cuts through the liver, "
                    f"at {share:.0%} of its largest slice."
                )
                landmarks[place] = Seen(False, _CONFIDENCE, sentence, share)
    return Coverage(landmarks, length_mm, None, ())


def _ground(volume: Volume) -> _Ground | None:
    coarse = coarsened(volume)
    body = filled_in_plane(largest(_smoothed(coarse.hu, coarse.spacing_mm, 3.0) > _BODY_FROM))
    if not body.any():
        return None
    smooth = _evened(_smoothed(coarse.hu, coarse.spacing_mm, 3.5), body, coarse)
    columns = coarse.mm(2)
    middle = float(np.median(np.broadcast_to(columns, body.shape)[body]))
    right = np.broadcast_to(columns < middle - _BESIDE_MM, body.shape)
    left = np.broadcast_to(columns > middle + _BESIDE_MM, body.shape)
    return _Ground(coarse, smooth, body, depth_mm(body, coarse.spacing_mm), right, left)


def _smoothed(signal: Floats, spacing_mm: tuple[float, float, float], mm: float) -> Floats:
    sigma = [mm, mm, max(1.0, min(mm, spacing_mm[0] / 2))]
    found = SimpleITK.SmoothingRecursiveGaussian(as_image(signal, spacing_mm), sigma)
    smooth: Floats = SimpleITK.GetArrayFromImage(found).astype(np.float32)
    return np.maximum(smooth, 0)


def _evened(signal: Floats, body: Mask, coarse: Coarse) -> Floats:
    """Without the slow changes of brightness that coils make: the polynomial of the second degree that,
    taken off the logarithm, brings the voxels closest to a few signals. Found on a coarser grid.
    """
    steps = [max(1, round(_SHRUNK_MM / one)) for one in coarse.spacing_mm]
    every = tuple(slice(None, None, step) for step in steps)
    inside = body & (signal > _BODY_FROM)
    sparse = np.nonzero(inside[every])
    shape = np.array(body.shape)[:, np.newaxis]
    places = np.array(sparse) * np.array(steps)[:, np.newaxis]
    terms = _terms(*(2.0 * places / shape - 1.0))
    fit = np.linalg.pinv(terms.T @ terms) @ terms.T
    values = np.log(signal[every][sparse])
    if values.size < _FEWEST_PLACES:
        return signal
    weights = np.zeros(terms.shape[1])
    kinds = np.quantile(values, (np.arange(_KINDS) + 0.5) / _KINDS)
    for _ in range(_ROUNDS):
        flat = values - terms @ weights
        nearest = np.abs(flat[:, np.newaxis] - kinds).argmin(axis=1)
        counts = np.bincount(nearest, minlength=_KINDS)
        sums = np.bincount(nearest, flat, minlength=_KINDS)
        kinds = np.where(counts > 0, sums / np.maximum(counts, 1), kinds)
        weights = fit @ (values - kinds[nearest])
    axes = (2.0 * np.arange(many) / many - 1.0 for many in body.shape)
    grid = np.meshgrid(*axes, indexing="ij", sparse=True)
    field = np.zeros(body.shape)
    for weight, term in zip(weights, _products(*grid), strict=True):
        field += weight * term
    evened: Floats = (signal / np.exp(np.clip(field, -_MOST_SHADE, _MOST_SHADE))).astype(np.float32)
    return evened


def _terms(z: Numbers, y: Numbers, x: Numbers) -> Numbers:
    """The terms of first and second degree at places of -1 to 1, shape (places, 9)."""
    return np.stack(list(_products(z, y, x)), axis=1)


def _products(z: Numbers, y: Numbers, x: Numbers) -> tuple[Numbers, ...]:
    return z, y, x, z * z, y * y, x * x, z * y, z * x, y * x


def _even_organs(ground: _Ground) -> list[_Even]:
    """Whatever is large, even and thick on the right."""
    solid = ground.body & (ground.smooth > _BODY_FROM)
    core = solid & (depth_mm(solid, ground.coarse.spacing_mm) > _CORE_MM) & ground.right
    core &= ground.below_skin > _BELOW_SKIN_MM
    found = [_around(ground, core, signal) for signal in _modes(ground, core)]
    return [one for one in found if one is not None]


def _modes(ground: _Ground, core: Mask) -> list[float]:
    """The signals that are commonest among what lies about them."""
    values = np.log(ground.smooth[core])
    if values.size * ground.coarse.voxel_ml < _LEAST_ML:
        return []
    counts, edges = np.histogram(values, np.arange(values.min(), values.max() + 5 * _BIN, _BIN))
    broad = np.convolve(counts, np.ones(5), "same")
    least = 0.5 * _LEAST_ML / ground.coarse.voxel_ml
    return [
        float(np.exp(edges[index] + _BIN / 2))
        for index in range(len(broad))
        if broad[index] >= least and broad[index] == broad[max(0, index - 3) : index + 4].max()
    ]


def _around(ground: _Ground, core: Mask, signal: float) -> _Even | None:
    band = ground.body & (np.abs(ground.smooth / signal - 1) < _NEAR)
    thick = depth_mm(band, ground.coarse.spacing_mm)
    labels, sizes = components(thick > 5.0)
    votes = np.bincount(labels[core & (thick > 5.0)], minlength=len(sizes))
    votes[0] = 0
    if not votes.any():
        return None
    main = labels == int(votes.argmax())
    _, y_mm, x_mm = ground.coarse.spacing_mm
    cm2 = y_mm * x_mm / 100.0
    right = (main & ground.right).sum(axis=(1, 2)) * cm2
    ml = right.sum() * ground.coarse.spacing_mm[0] / 10.0
    if ml < _LEAST_ML or right.max() < _LEAST_CM2 or thick[main].max() < _LEAST_DEPTH_MM:
        return None
    deep = (thick > 5.0) & (ground.below_skin > _BELOW_SKIN_MM / 2)
    left = (deep & ground.left).sum(axis=(1, 2)) * cm2
    return _Even(signal, right, left)


def _share_cut(ground: _Ground, found: list[_Even], level: int) -> float | None:
    """How much of its largest slice the liver has in the first or last one; None where not certain."""
    if not found:
        return None
    shares = []
    for one in found:
        share = _share_at(one, level)
        long_mm = float((one.right_cm2 > 0.2 * one.right_cm2.max()).sum())
        long_mm *= ground.coarse.spacing_mm[0]
        alike = one.left_cm2[level] > _ALIKE_SHARE * one.right_cm2[level]
        if share < _FAR_SHARE or long_mm > _MOST_LENGTH_MM or alike:
            return None
        if _may_be_another(ground, one.signal, level):
            return None
        shares.append(share)
    return round(min(shares), 2)


def _share_at(one: _Even, level: int) -> float:
    """Its area in the first or last slice as a share of its largest; 0.0 where it has a waist with
    something large behind it: that is another thing than the liver, whichever of the two is larger.
    """
    middle, most = int(one.right_cm2.argmax()), float(one.right_cm2.max())
    for outwards in (one.right_cm2[middle:], one.right_cm2[middle::-1]):
        narrowest = np.minimum.accumulate(outwards)
        is_large = outwards >= _FAR_SHARE * most
        if bool((is_large & (narrowest < _WAIST_SHARE * outwards)).any()):
            return 0.0
    ends = one.right_cm2[:2] if level == 0 else one.right_cm2[-2:]
    return float(ends.min()) / most


def _may_be_another(ground: _Ground, signal: float, level: int) -> bool:
    """What else could be as even there. Above the dome: fluid or a collapsed lung in place of the right
    lung, so some of that lung must be seen beside the liver. Below: fat in the belly, so the fat below
    the skin must be much darker or much brighter.
    """
    depth = ground.below_skin[level]
    if level != 0:
        dark = ground.smooth[level] < _LUNG_SHARE * signal
        lung = dark & ground.right[level] & (depth > _BELOW_SKIN_MM)
        _, y_mm, x_mm = ground.coarse.spacing_mm
        return float(lung.sum()) * y_mm * x_mm / 100.0 < _LEAST_LUNG_CM2
    rim = ground.smooth[level][(depth > _RIM_MM[0]) & (depth < _RIM_MM[1])]
    if not rim.size:
        return True
    ratio = float(np.median(rim)) / signal
    return _LIKE_FAT[0] < ratio < _LIKE_FAT[1]
