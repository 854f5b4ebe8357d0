"""Bodies whose volume is known in closed form, as a drawer would mark their voxels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def turn(seed: int) -> NDArray[np.float64]:
    """A rotation, float64 of shape (3, 3); each seed its own."""
    orthogonal, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return orthogonal


def body(
    kind: str,
    half_mm: tuple[float, float, float],
    spacing_mm: tuple[float, float, float],
    seed: int,
) -> NDArray[np.uint8]:
    """A turned ellipsoid or box with these half axes; `spacing_mm` between planes, rows, columns.

    A voxel is drawn when its centre lies inside; where the middle lies among the voxels is chance.
    """
    spacing = np.array(spacing_mm)
    reach = float(np.linalg.norm(half_mm)) + 3 * spacing.max()
    sizes = np.ceil(2 * reach / spacing).astype(int)
    shift = np.random.default_rng(seed + 1000).uniform(-0.5, 0.5, 3) * spacing
    axes = [
        (np.arange(size) - size // 2) * step - away
        for size, step, away in zip(sizes, spacing, shift, strict=True)
    ]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    along = np.abs(grid @ turn(seed)) / np.array(half_mm)
    inside = (along**2).sum(axis=-1) <= 1 if kind == "ellipsoid" else along.max(axis=-1) <= 1
    drawn: NDArray[np.uint8] = inside.astype(np.uint8)
    return drawn


def volume_mm3(kind: str, half_mm: tuple[float, float, float]) -> float:
    """The body's volume in mm3."""
    return float(np.prod(half_mm)) * (4 / 3 * np.pi if kind == "ellipsoid" else 8.0)
