"""How much a drawn region holds inside its surface, beside the plain count of its voxels.

Counting takes every voxel whole or not at all. Here the surface runs between the centres of voxels
where the mask, interpolated trilinearly, is one half: the middle of a stair is cut off and its corner
filled, as a marching-cubes surface does (Lorensen and Cline 1987). What such a surface holds depends
on each cell of 2 x 2 x 2 voxel centres alone, so it is a sum over the 256 kinds of cells.

Cutting corners makes a rounded region a little too small, by the integral of its mean curvature. That
integral is known from the Euler numbers of the region's sections (Crofton's formula, see Ohser and
Muecklich, Statistical Analysis of Microstructures in Materials Science, 2000), which are sums over the
same cells, and is given back.

Planes missing between two others are bridged by the nearer one, which is the trapezoid rule for the
areas; counting leaves them out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray

METHOD: Final = "trilinear half-level surface with curvature correction"
PARTIAL_VOLUME_METHOD: Final = "sum of the occupancies"

_WHOLE: Final = 255
_CORNERS: Final = tuple(product((0, 1), repeat=3))  # (plane, row, column), the bit order of a kind
_SUBDIVISION: Final = 24
# What the cut corners take per unit of the Euler numbers, fitted on ellipsoids and boxes turned at
# random [DERIVED]; `bench/volumes.py` prints the errors.
_GIVEN_BACK: Final = 0.293


@cache
def weights() -> NDArray[np.float64]:
    """What each kind of cell adds to the volume, in voxels, float64 of shape (256,)."""
    found = np.array([_held(kind) for kind in range(256)])
    euler: NDArray[np.float64] = np.array([_euler(kind) for kind in range(256)])
    return found + _GIVEN_BACK * euler


@cache
def _sides() -> NDArray[np.float64]:
    """The sides between inside and outside in each kind of cell, by axis, float64 of shape (256, 3).

    A side between two voxels is an edge of four cells.
    """
    found = np.zeros((256, 3))
    for kind, axis in product(range(256), range(3)):
        for bit, corner in enumerate(_CORNERS):
            if not corner[axis]:
                beyond = _CORNERS.index(
                    tuple(int(at or one == axis) for one, at in enumerate(corner))
                )
                found[kind, axis] += ((kind >> bit) ^ (kind >> beyond)) & 1
    return found / 4


def _held(kind: int) -> float:
    """The share of a cell in which the interpolated mask is at least one half."""
    steps = (np.arange(_SUBDIVISION) + 0.5) / _SUBDIVISION
    at = np.meshgrid(steps, steps, steps, indexing="ij")
    level = np.zeros(at[0].shape)
    for bit, corner in enumerate(_CORNERS):
        if kind >> bit & 1:
            level += np.prod(
                [along if far else 1 - along for along, far in zip(at, corner, strict=True)], axis=0
            )
    # A saddle whose level is exactly one half belongs to both sides.
    return float(np.mean((level > 0.5) + 0.5 * (level == 0.5)))


def _euler(kind: int) -> float:
    """A cell's part of the Euler numbers of all sections along the three axes.

    Each square of four voxel centres is a side of two cells; within a square a voxel counts a
    quarter and an edge between two voxels a half. Diagonal neighbours are half connected.
    """
    total = 0.0
    for axis, side in product(range(3), (0, 1)):
        square = [kind >> bit & 1 for bit, corner in enumerate(_CORNERS) if corner[axis] == side]
        one, two, three, four = square
        voxels = sum(square) / 4
        edges = ((one & two) + (three & four) + (one & three) + (two & four)) / 2
        diagonals = ((one & four) + (two & three)) if sum(square) == 2 else 0
        total += voxels - edges + float(sum(square) == 4) - 0.5 * diagonals
    return total / 2


@dataclass
class SurfaceSum:
    """Planes of one region given one after the other from one end, and what their surface holds.

    A plane is bool or uint8 of 0 and 1, shape (rows, columns); one left out counts as empty, unless
    its index is among `missing`: the planes of which there is no image.
    """

    missing: frozenset[int] = frozenset()

    kinds: NDArray[np.int64] = field(default_factory=lambda: np.zeros(256, np.int64))
    _last: NDArray[np.uint8] | None = None
    _at: int = 0

    def add(self, index: int, plane: NDArray[np.bool_]) -> None:
        """The plane at `index`, counted from any start; each higher than the one before. All are of one
        shape."""
        corners = _corners(plane)
        if self._last is not None and index > self._at + 1:
            self._cross(index - self._at - 1, index, corners)
        below = np.zeros_like(corners) if self._last is None else self._last
        self._between(below, corners)
        self._last, self._at = corners, index

    def _cross(self, gap: int, index: int, corners: NDArray[np.uint8]) -> None:
        """What lies between the plane before and the one at `index`: nothing, or planes missing."""
        assert self._last is not None
        if not self.missing.issuperset(range(index - gap, index)):
            self._between(self._last, np.zeros_like(self._last))
            self._last = None
            return
        for number in range(gap):
            nearer = self._last if 2 * number < gap else corners
            self._between(self._last, nearer)
            self._last = nearer

    def voxels(self) -> float:
        """What the surface holds, in voxels; the planes are over. 0.0 without any."""
        self._close()
        return float(self.kinds @ weights())

    def sides(self) -> NDArray[np.float64]:
        """How many sides of voxels lie between inside and outside, float64 of shape (3,) by the axis
        across which they lie: planes, rows, columns; the planes are over."""
        self._close()
        return self.kinds @ _sides()

    def _close(self) -> None:
        if self._last is not None:
            self._between(self._last, np.zeros_like(self._last))
            self._last = None

    def _between(self, below: NDArray[np.uint8], above: NDArray[np.uint8]) -> None:
        kinds = below | (above << 4)
        self.kinds[_WHOLE] += int(np.count_nonzero(kinds == _WHOLE))
        edge = kinds[(kinds != 0) & (kinds != _WHOLE)]
        self.kinds += np.bincount(edge, minlength=256)


def _corners(plane: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """For each square of four pixels which of them are drawn, as four bits; the frame is empty."""
    padded = np.zeros((plane.shape[0] + 2, plane.shape[1] + 2), np.uint8)
    padded[1:-1, 1:-1] = plane
    found: NDArray[np.uint8] = (
        padded[:-1, :-1] | padded[:-1, 1:] << 1 | padded[1:, :-1] << 2 | padded[1:, 1:] << 3
    )
    return found
