"""A body of another making than the demo's phantom: closed forms in 3D, white noise, a neighbour that
touches the liver through a thin bridge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from server.demo.phantoms import Phantom
from server.demo.phases import PHASES
from server.dicom.geometry import SeriesGeometry, of_series

ROWS, DEPTH = 104, 48
PIXEL_MM, STEP_MM = 2.4, 4.0
Mask = NDArray[np.bool_]
LIVER_HU, TUMOUR_HU, KIDNEY_HU = 105, 58, 112


@dataclass(frozen=True)
class Body:
    """CT values in HU, int16 of shape (planes, rows, columns), and what is what in them."""

    hu: NDArray[np.int16]
    liver: Mask
    tumour: Mask
    headers: list[Dataset]

    @property
    def grid(self) -> SeriesGeometry:
        return of_series(self.headers)


def _axes() -> tuple[NDArray[np.floating[Any]], ...]:
    plane = (np.arange(DEPTH) - DEPTH / 2) * STEP_MM
    across = (np.arange(ROWS) - ROWS / 2) * PIXEL_MM
    return plane[:, None, None], across[None, :, None], across[None, None, :]


def _ball(
    middle: tuple[float, float, float], half: tuple[float, float, float]
) -> NDArray[np.float64]:
    z, y, x = _axes()
    u, v, w = ((axis - at) / size for axis, at, size in zip((z, y, x), middle, half, strict=True))
    return u * u + v * v + w * w


def body(*, seed: int = 5, noise_hu: float = 18.0, kidney_touches: bool = True) -> Body:
    """The body; `kidney_touches` lets a neighbour of nearly the liver's attenuation hang on it by a
    bridge of 4 mm."""
    z, y, x = _axes()
    hu = np.full((DEPTH, ROWS, ROWS), -1000.0)
    trunk = np.broadcast_to((y / 100) ** 2 + (x / 118) ** 2 <= 1, hu.shape)
    hu[trunk] = 52.0
    hu[np.broadcast_to((y / 88) ** 2 + (x / 106) ** 2 <= 1, hu.shape)] = -95.0
    liver = (_ball((0, -8, -40), (70, 58, 52)) <= 1) | (_ball((15, -30, 15), (34, 26, 44)) <= 1)
    kidney = _ball((-20, 55, 45), (40, 24, 24)) <= 1
    hu[liver] = LIVER_HU
    if kidney_touches:
        bridge = (abs(z + 10) <= 3) & (abs(y - 0.9 * x - 12) <= 3) & (x > -25) & (x < 50)
        hu[np.broadcast_to(bridge, hu.shape) & (hu < 0) & trunk] = KIDNEY_HU
    hu[kidney] = KIDNEY_HU
    vessel = np.broadcast_to(((y + 15) ** 2 + (x + 30) ** 2) <= 25, hu.shape) & (abs(z) < 30)
    hu[vessel & liver] = 165.0
    tumour = _ball((5, 5, -58), (17, 15, 16)) <= 1
    hu[tumour] = TUMOUR_HU
    grain = np.random.default_rng(seed).normal(0, noise_hu, hu.shape)
    return Body(np.rint(hu + grain).astype(np.int16), liver, tumour, _headers())


def _headers() -> list[Dataset]:
    found = Phantom("another body", slices=DEPTH, rows=ROWS).headers(PHASES[2])
    for number, image in enumerate(found):
        image.PixelSpacing = [PIXEL_MM, PIXEL_MM]
        image.ImagePositionPatient = [0, 0, number * STEP_MM]
    return found


def voxel(z_mm: float, y_mm: float, x_mm: float) -> tuple[int, int, int]:
    """The voxel at a place of the body."""
    return (
        round(z_mm / STEP_MM + DEPTH / 2),
        round(y_mm / PIXEL_MM + ROWS / 2),
        round(x_mm / PIXEL_MM + ROWS / 2),
    )
