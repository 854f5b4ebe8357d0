"""How far counting voxels can be expected to err, from the size of what was drawn and of its surface.

A body laid at random on a grid of points holds more or fewer of them than its volume says. The variance
is a sum over the grid's frequencies of the body's spectrum, which falls with the fourth power of the
frequency: of a ball of radius R it is R2 / (2 pi2) times the sum of the inverse fourth powers, in mm6
(Kendall 1948; Matheron 1971 for estimating by regular sampling). Other rounded bodies turned at random
err like the ball with their surface. A face that runs along the voxels errs by more.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

Spacing = tuple[float, float, float]

_REACH: Final = 6  # frequencies on either side; what is left out is a percent of the sum
_DEVIATIONS: Final = 2.0  # 95 of 100


def area_mm2(sides: NDArray[np.float64], spacing_mm: Spacing) -> float:
    """The area of a surface turned at random, of whose voxels so many sides show across each axis.

    `sides` is float64 of shape (3,), `spacing_mm` between planes, rows and columns. The shadows of
    a surface on three planes have on average half its area each (Cauchy), seen from two directions.
    """
    shown = np.prod(spacing_mm) / np.array(spacing_mm)
    return float(sides @ shown) / 1.5


def variance_voxels(area_mm2: float, spacing_mm: Spacing) -> float:
    """The variance of the number of voxels, of a body with such a surface."""
    one = float(np.prod(spacing_mm))
    return area_mm2 / (4 * np.pi) * _fourth_powers(spacing_mm) / (2 * np.pi**2) / one**2


def error_percent(voxels: int, area_mm2: float, spacing_mm: Spacing) -> float:
    """Within which 95 of 100 counts of such a body lie, in percent of its `voxels`."""
    deviation = float(np.sqrt(variance_voxels(area_mm2, spacing_mm)))
    return 100 * _DEVIATIONS * deviation / voxels


@cache
def _fourth_powers(spacing_mm: Spacing) -> float:
    """The sum of the inverse fourth powers of the frequencies of a grid, in mm4."""
    ticks = [np.arange(-_REACH, _REACH + 1) / step for step in spacing_mm]
    squares = (np.stack(np.meshgrid(*ticks, indexing="ij")) ** 2).sum(axis=0)
    kept: NDArray[np.float64] = squares[squares > 0]
    return float((1 / kept**2).sum())
