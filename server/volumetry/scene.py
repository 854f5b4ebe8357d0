"""The part of the images that is looked at when a region is grown: coarser, smoothed, around a click."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from server.dicom.geometry import SeriesGeometry
from server.foundation.errors import Invalid
from server.volumetry.growth import SOFT_TISSUE_HU, Growth
from server.volumetry.masks import Volume

Place = tuple[int, int, int]
Values = NDArray[Any]
# Smoothing ends when the standard deviation around the click is below this, or after so many rounds
# [UNPUB].
_EVEN_HU: Final = 5.0
_MOST_ROUNDS: Final = 5


class SeedUnusable(Invalid):
    """The click lies outside the images, or not in soft tissue."""


def spacing_mm(images: SeriesGeometry) -> NDArray[np.float64]:
    """Steps between planes, rows and columns in mm, float64 of shape (3,); 1.0 where one image alone does
    not tell the step between planes."""
    return np.array(
        [images.slice_spacing_mm or 1.0, images.row_spacing_mm, images.column_spacing_mm]
    )


def box_around(
    shape: tuple[int, ...], seed: Place, spacing: NDArray[np.float64], reach_mm: float
) -> tuple[slice, slice, slice]:
    """What of a grid of `shape` (planes, rows, columns) lies up to `reach_mm` from `seed` along each
    axis, cut off at the edges; `spacing` is that of `spacing_mm`."""
    reach = np.ceil(reach_mm / spacing).astype(int)
    low = np.maximum(np.array(seed) - reach, 0)
    high = np.minimum(np.array(seed) + reach + 1, shape)
    one, two, three = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    return one, two, three


@dataclass(frozen=True)
class Scene:
    """The part of the images that is looked at: smoothed, on larger voxels, with the seed's place in it.

    Every axis order is (planes, rows, columns): `values` in HU; `spacing` in mm; `factors`, how many
    voxels of the images make one here; `shape`, that of the images before.
    """

    image: SimpleITK.Image
    values: NDArray[np.float32]
    factors: tuple[int, int, int]
    shape: tuple[int, ...]
    spacing: NDArray[np.float64]
    seed: Place

    @classmethod
    def of(cls, hu: Values, images: SeriesGeometry, seed: tuple[int, ...], growth: Growth) -> Scene:
        spacing = spacing_mm(images)
        factors = np.maximum(1, np.floor(growth.voxel_mm / spacing * 1.34).astype(int))
        factors = np.minimum(factors, hu.shape)
        raw = SimpleITK.GetImageFromArray(hu.astype(np.float32))
        raw.SetSpacing([float(one) for one in spacing[::-1]])
        small = SimpleITK.BinShrink(raw, [int(one) for one in factors[::-1]])
        # Neighbours outside soft tissue only tell that there is an edge: how far away does not matter.
        calm = SimpleITK.Clamp(small, SimpleITK.sitkFloat32, -150.0, 350.0)
        one, two, three = (
            min(int(at // factor), size - 1)
            for at, factor, size in zip(seed, factors, small.GetSize()[::-1], strict=True)
        )
        scene = cls(
            calm,
            SimpleITK.GetArrayFromImage(calm),
            (int(factors[0]), int(factors[1]), int(factors[2])),
            hu.shape,
            spacing * factors,
            (one, two, three),
        )
        # A click beside the organ is refused before the long part.
        Sample.of(scene, growth)
        return scene.smoothed(growth)

    def smoothed(self, growth: Growth) -> Scene:
        """Smoothed until the tissue around the seed is even, within limits: noise differs."""
        scene, near = self, self.near(growth.seed_mm)
        for _ in range(_MOST_ROUNDS):
            image = SimpleITK.CurvatureFlow(
                scene.image, timeStep=0.0625, numberOfIterations=growth.iterations
            )
            scene = replace(scene, image=image, values=SimpleITK.GetArrayFromImage(image))
            if Sample.among(scene.values[near]).spread_hu <= _EVEN_HU:
                break
        return scene

    @property
    def voxel_ml(self) -> float:
        """Volume of one of the larger voxels in mL."""
        return float(np.prod(self.spacing)) / 1000.0

    def near(self, radius_mm: float) -> NDArray[np.bool_]:
        """What lies within `radius_mm` of the seed, bool of the shape of `values`."""
        away: NDArray[np.float64] = np.zeros((1, 1, 1))
        for axis, (size, step, at) in enumerate(
            zip(self.values.shape, self.spacing, self.seed, strict=True)
        ):
            along = ((np.arange(size) - at) * step) ** 2
            away = away + along.reshape([-1 if one == axis else 1 for one in range(3)])
        return np.asarray(away <= radius_mm**2)

    def as_image(self, mask: NDArray[np.bool_]) -> SimpleITK.Image:
        """A mask of the shape of `values` as an image of 0 and 1 that lies where `image` lies."""
        image = SimpleITK.GetImageFromArray(mask.astype(np.uint8))
        image.CopyInformation(self.image)
        return image

    def voxels(self, radius_mm: float) -> list[int]:
        """A radius in voxels along columns, rows and planes; none along an axis of few planes."""
        radius = np.round(radius_mm / self.spacing).astype(int)
        thin = np.array(self.values.shape) < 2 * radius + 3
        return [int(one) for one in np.where(thin, 0, radius)[::-1]]

    def around(self, voxels: int) -> list[int]:
        """A number of voxels along each axis, as `voxels` gives a radius."""
        thin = np.array(self.values.shape) < 2 * voxels + 3
        return [int(one) for one in np.where(thin, 0, voxels)[::-1]]

    def mean_of(self, mask: NDArray[np.bool_]) -> NDArray[np.float32]:
        """The mean in HU of the values under a mask around every voxel, of the shape of `values`; -10,000
        where there are none."""
        radius = self.around(4)
        weight = SimpleITK.BoxMean(
            SimpleITK.Cast(self.as_image(mask), SimpleITK.sitkFloat32), radius
        )
        masked = SimpleITK.GetImageFromArray(np.where(mask, self.values, 0).astype(np.float32))
        total = SimpleITK.GetArrayFromImage(SimpleITK.BoxMean(masked, radius))
        share = SimpleITK.GetArrayFromImage(weight)
        found: NDArray[np.float32] = np.where(share > 1e-3, total / np.maximum(share, 1e-3), -1e4)
        return found

    def shrunk(self, mask: Volume) -> NDArray[np.bool_]:
        """A mask on the voxels of the images, on those of `values`: where half or more of one is drawn."""
        image = SimpleITK.GetImageFromArray(mask.astype(np.float32))
        small = SimpleITK.BinShrink(image, list(self.factors[::-1]))
        return np.asarray(SimpleITK.GetArrayFromImage(small) >= 0.5)

    def enlarged(self, region: NDArray[np.bool_]) -> Volume:
        """A region on `values` on the voxels of the images, of `shape`, its edge interpolated."""
        image = SimpleITK.GetImageFromArray(region.astype(np.float32))
        soft = SimpleITK.DiscreteGaussian(image, 0.4)
        size = [int(one) for one in self.shape[::-1]]
        step = [1.0 / factor for factor in self.factors[::-1]]
        origin = [(one - 1.0) / 2.0 for one in step]
        large = SimpleITK.Resample(
            soft,
            size,
            SimpleITK.Transform(),
            SimpleITK.sitkLinear,
            origin,
            step,
            defaultPixelValue=0.0,
            useNearestNeighborExtrapolator=True,
        )
        return np.asarray(SimpleITK.GetArrayFromImage(large) >= 0.5).astype(np.uint8)


@dataclass(frozen=True)
class Sample:
    """The tissue around the click: median and standard deviation in HU."""

    hu: float
    spread_hu: float

    @classmethod
    def of(cls, scene: Scene, growth: Growth) -> Sample:
        sample = cls.among(scene.values[scene.near(growth.seed_mm)])
        if not SOFT_TISSUE_HU[0] <= sample.hu <= SOFT_TISSUE_HU[1]:
            raise SeedUnusable(
                f"Around the point the attenuation is {sample.hu:.0f} HU: that is no soft tissue.",
                remedy="Click inside the organ.",
            )
        return sample

    @classmethod
    def among(cls, values: NDArray[np.float32]) -> Sample:
        """Of any number of values in HU."""
        middle = float(np.median(values))
        # The median absolute deviation, times 1.4826 the standard deviation of normal values.
        return cls(middle, 1.4826 * float(np.median(np.abs(values - middle))))
