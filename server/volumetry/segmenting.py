"""Help with drawing: a liver or a tumour grown from one click, to be corrected by a person. Pure.

The images are averaged to voxels of about 1.5 mm and smoothed by curvature flow (Sethian 1996), which
keeps edges. What belongs to the region lies within a window of attenuation taken around the click and
hangs together with it after every bridge thinner than a few millimetres has been cut (opening); what
the region surrounds is filled, so that a liver holds its vessels and tumours. The window is widened
step by step until the region leaks: a step by which it suddenly grows much larger is not taken, and
where already the first one leaks, nothing is given back at all.

The figures below were chosen on the synthetic phantom [UNPUB]; `bench/volumes.py` prints what is
reached on phantoms of another making and on real slices. Images are int16 or float of shape (depth,
rows, columns), lowest slice first, in HU.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from server.dicom.geometry import SeriesGeometry
from server.foundation.errors import Invalid
from server.volumetry.growth import GROWTHS, SOFT_TISSUE_HU, Growth, Organ
from server.volumetry.masks import Volume
from server.volumetry.scene import (
    Place,
    Sample,
    Scene,
    SeedUnusable,
    Values,
    box_around,
    spacing_mm,
)

Tell = Callable[[str, int], None]


class RegionLeaked(Invalid):
    """What was grown runs out into its surroundings."""


class RegionTooSmall(Invalid):
    """What was grown is hardly more than the click itself."""


# A region that lies against more than this share of the edge of what was looked at has run out [UNPUB].
_MOST_AT_EDGE: Final = 0.02
# Contrast between a tumour and the liver around it below which no edge can be found [UNPUB].
_LEAST_CONTRAST_HU: Final = 8.0


@dataclass(frozen=True)
class Grown:
    """A grown region: its mask (uint8 of 0 and 1 on the grid of the images), volume in mL, the
    window in HU and the opening's radius in mm it was found with, and what to look at."""

    mask: Volume
    volume_ml: float
    window_hu: tuple[float, float]
    cut_mm: float
    notes: tuple[str, ...]


def grow(
    hu: Values,
    images: SeriesGeometry,
    seed: Place,
    organ: Organ,
    *,
    within: Volume | None = None,
    tell: Tell = lambda _what, _percent: None,
) -> Grown:
    """The region of `organ` around the voxel `seed` (plane, row, column).

    `within`, a mask, is what a tumour cannot leave (the liver). Raises SeedUnusable, RegionLeaked
    or RegionTooSmall.
    """
    growth = GROWTHS[organ]
    tell("Smoothing the images", 20)
    box, scene = _surroundings(hu, images, seed, growth)
    inside = None if within is None else scene.shrunk(within[box])
    tell("Looking at the tissue around the point", 40)
    sample = Sample.of(scene, growth)
    if organ == "tumour":
        windows, inside = _around_a_tumour(scene, growth, sample, inside)
    else:
        windows = [(sample.hu - half, sample.hu + half) for half in growth.widths]
    tell("Growing the region", 50)
    region, window, cut_mm, notes = _steadiest(scene, growth, windows, inside)
    tell("Finding the edge", 80)
    region = _to_the_edge(scene, region)
    if organ == "tumour" and inside is not None:
        region &= inside
    mask = np.zeros(hu.shape, np.uint8)
    mask[box] = scene.enlarged(region)
    if within is not None:
        mask &= within
    volume_ml = int(np.count_nonzero(mask)) * (images.voxel_volume_ml or 0.0)
    if volume_ml < growth.least_ml:
        raise RegionTooSmall(
            f"Only {volume_ml:.2f} mL hang together with the point.",
            remedy="Click in the middle of the organ, away from vessels and edges.",
        )
    return Grown(mask, volume_ml, window, cut_mm, tuple(notes))


def _surroundings(
    hu: Values, images: SeriesGeometry, seed: Place, growth: Growth
) -> tuple[tuple[slice, slice, slice], Scene]:
    """What of the images the region can reach, and the scene there. Raises SeedUnusable."""
    if not all(0 <= at < size for at, size in zip(seed, hu.shape, strict=True)):
        raise SeedUnusable("The point lies outside the images.", remedy="Click inside the organ.")
    box = box_around(hu.shape, seed, spacing_mm(images), growth.reach_mm)
    plane, row, column = (at - one.start for at, one in zip(seed, box, strict=True))
    return box, Scene.of(hu[box], images, (plane, row, column), growth)


Window = tuple[float, float]


def _around_a_tumour(
    scene: Scene, growth: Growth, sample: Sample, inside: NDArray[np.bool_] | None
) -> tuple[list[Window], NDArray[np.bool_] | None]:
    """The windows to try, and what the tumour lies in: it reaches to where its tissue can no longer
    be told from the liver around it. Raises SeedUnusable."""
    shell = scene.near(growth.reach_mm * 0.5) & ~scene.near(growth.seed_mm)
    if inside is not None and np.any(shell & inside):
        shell &= inside
    soft = scene.values[shell]
    soft = soft[(soft > SOFT_TISSUE_HU[0]) & (soft < SOFT_TISSUE_HU[1])]
    counts, edges = np.histogram(soft, bins=np.arange(0.0, 264.0, 4.0))
    top = float(edges[int(np.argmax(np.convolve(counts, (1, 1, 1), "same")))]) + 2.0
    around = soft[np.abs(soft - top) < 16.0]
    liver = Sample.among(around) if around.size else sample
    contrast, noise = abs(liver.hu - sample.hu), max(liver.spread_hu, 1.0)
    if contrast < max(_LEAST_CONTRAST_HU, 2.0 * noise):
        raise SeedUnusable(
            f"The point ({sample.hu:.0f} HU) can hardly be told from the tissue around it "
            f"({liver.hu:.0f} HU).",
            remedy="Click in the middle of the tumour, or draw it by hand.",
        )
    far = max(4.0 * sample.spread_hu, 20.0)
    gaps = dict.fromkeys(max(part * contrast, 2.0 * noise) for part in growth.widths)
    if sample.hu < liver.hu:
        windows = [(sample.hu - far, liver.hu - gap) for gap in gaps]
    else:
        windows = [(liver.hu + gap, sample.hu + far) for gap in gaps]
    if inside is None:
        inside = _liver_around(scene, liver.hu, max(0.5 * contrast, 2.0 * noise))
    return windows, inside


def _liver_around(scene: Scene, hu: float, half_hu: float) -> NDArray[np.bool_] | None:
    """The liver that surrounds the seed; None where it does not (a tumour at its edge)."""
    fits = SimpleITK.BinaryMorphologicalOpening(
        scene.as_image(np.abs(scene.values - hu) <= half_hu), scene.voxels(3.0), SimpleITK.sitkBall
    )
    parts = SimpleITK.RelabelComponent(SimpleITK.ConnectedComponent(fits))
    closed = SimpleITK.BinaryMorphologicalClosing(
        SimpleITK.Equal(parts, 1), scene.voxels(4.0), SimpleITK.sitkBall
    )
    liver = _filled(SimpleITK.GetArrayFromImage(closed).astype(bool))
    return liver if liver[scene.seed] else None


def _to_the_edge(scene: Scene, region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The region with those voxels beside it that are more like it than like what lies outside.

    Means are taken within a few voxels, as local region-based active contours do (Lankton and
    Tannenbaum 2008), in one step and never further than two voxels.
    """
    beside = SimpleITK.BinaryDilate(scene.as_image(region), scene.around(2), SimpleITK.sitkBall)
    reached = SimpleITK.GetArrayFromImage(beside).astype(bool)
    within, without = scene.mean_of(region), scene.mean_of(~reached)
    nearer = np.abs(scene.values - within) < np.abs(scene.values - without)
    return _filled(region | (reached & nearer))


def _steadiest(
    scene: Scene,
    growth: Growth,
    windows: list[Window],
    inside: NDArray[np.bool_] | None,
) -> tuple[NDArray[np.bool_], Window, float, list[str]]:
    """The steadiest region of those that do not leak, with the gentlest opening that holds."""
    reason = ""
    for cut_mm in growth.cut_mm:
        found: list[tuple[float, Window, NDArray[np.bool_]]] = []
        for window in windows:
            region = _region(scene, growth, window, cut_mm, inside)
            size_ml = int(np.count_nonzero(region)) * scene.voxel_ml
            reason = _leak(growth, region, size_ml, [one[0] for one in found])
            if reason:
                break
            if size_ml > 0:
                found.append((size_ml, window, region))
        chosen = _least_changing([one[0] for one in found], growth)
        if chosen is not None:
            _, window, region = found[chosen]
            notes = [f"A wider window was not taken: {reason}"] if reason else []
            return region, window, cut_mm, notes
    if reason:
        raise RegionLeaked(
            f"The region runs out into its surroundings: {reason}",
            remedy="Click at another place in the organ, or draw it by hand.",
        )
    raise RegionTooSmall(
        "Nothing hangs together with the point.",
        remedy="Click in the middle of the organ, away from vessels and edges.",
    )


def _least_changing(sizes_ml: list[float], growth: Growth) -> int | None:
    """Which of regions that grow is the steadiest; one that is still coming together is none."""
    large = [index for index, size in enumerate(sizes_ml) if size >= 0.5 * max(sizes_ml)]
    steady = [
        index
        for index in large
        if index > 0 and sizes_ml[index] <= growth.most_jump * sizes_ml[index - 1]
    ]
    if not steady:
        return large[0] if large else None
    if growth.takes_widest:
        return steady[-1]
    return min(steady, key=lambda index: sizes_ml[index] / sizes_ml[index - 1])


def _leak(
    growth: Growth,
    region: NDArray[np.bool_],
    size_ml: float,
    before_ml: list[float],
) -> str:
    """Why a region is taken for a leak; empty when it is not. `before_ml` are the narrower ones."""
    if size_ml > growth.most_ml:
        return f"it would hold {size_ml:.0f} mL, more than {growth.most_ml:.0f} mL."
    was_steady = len(before_ml) > 1 and before_ml[-1] <= growth.most_jump * before_ml[-2]
    if was_steady and size_ml > growth.most_jump * before_ml[-1] + 1.0:
        return f"it would grow from {before_ml[-1]:.0f} to {size_ml:.0f} mL at once."
    sides = np.concatenate(
        [np.take(region, index, axis).ravel() for axis in (1, 2) for index in (0, -1)]
    )
    if region.any() and float(np.mean(sides)) > _MOST_AT_EDGE:
        return "it would reach the edge of the images."
    return ""


def _region(
    scene: Scene,
    growth: Growth,
    window: Window,
    cut_mm: float,
    inside: NDArray[np.bool_] | None,
) -> NDArray[np.bool_]:
    """What lies in the window and hangs together with the seed over more than thin bridges."""
    fits = (scene.values >= window[0]) & (scene.values <= window[1])
    if inside is not None:
        fits &= inside
    ball = scene.voxels(cut_mm)
    core = SimpleITK.BinaryErode(scene.as_image(fits), ball, SimpleITK.sitkBall)
    labels = SimpleITK.GetArrayFromImage(SimpleITK.ConnectedComponent(core))
    close = labels[scene.near(max(growth.seed_mm, 2.0 * cut_mm)) & (labels > 0)]
    if not close.size:
        return np.zeros(fits.shape, bool)
    kept = labels == np.bincount(close).argmax()
    grown = SimpleITK.BinaryDilate(scene.as_image(kept), ball, SimpleITK.sitkBall)
    closed = SimpleITK.BinaryMorphologicalClosing(
        grown, scene.voxels(growth.closing_mm), SimpleITK.sitkBall
    )
    return _filled(SimpleITK.GetArrayFromImage(closed).astype(bool))


def _filled(region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Without holes: what a slice surrounds belongs to the region (vessels, tumours)."""
    found = region.copy()
    for index in np.flatnonzero(region.any(axis=(1, 2))):
        plane = SimpleITK.GetImageFromArray(region[index].astype(np.uint8))
        found[index] = SimpleITK.GetArrayFromImage(SimpleITK.BinaryFillhole(plane)) > 0
    return found


def dice(one: Volume, other: Volume) -> float:
    """How far two masks agree, 0.0 to 1.0 (Dice 1945); 1.0 when both are empty."""
    both = int(np.count_nonzero(one)) + int(np.count_nonzero(other))
    return 2.0 * int(np.count_nonzero(one & other)) / both if both else 1.0
