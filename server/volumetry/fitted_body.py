"""The ellipsoid or box that a small region was drawn of, and what drawing it on voxels gained or lost.

A small region holds by chance a little more or less than the body it was drawn of: its sampling error.
A mask says more about a regular body than how many voxels it has: its surface runs between all centres
inside and all outside. So the ellipsoid and the box that separate them best are looked for (logistic
loss on the distance to the surface, which tends to the widest margin as its scale shrinks, see Rosset,
Zhu and Hastie 2003; Levenberg-Marquardt). What the body holds less its own voxels is its sampling error
in closed form, and that of the region as far as both agree: a control variate (Lavenberg and Welch 1981).
Voxels in which they differ take from that share, so that an irregular region keeps what it had.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from server.volumetry.sampling import Spacing, error_percent, variance_voxels

Floats = NDArray[np.float64]

# Chosen on ellipsoids and boxes turned at random [DERIVED]; `bench/volumes.py` prints the errors.
_FEWEST: Final = 100  # voxels: nine numbers fit any smaller region
_MOST: Final = 20_000  # voxels: of more, counting errs by less than is looked for
_LEAST_PERCENT: Final = 0.5  # expected error from which on a fit is worth its time
_LEAST_HALF: Final = 1.5  # half a box's least thickness, in steps of the coarsest axis
_SCALES: Final = (0.5, 0.25, 0.12, 0.06, 0.03, 0.015)  # of the loss, in voxels
_COARSE: Final = 2  # scales after which a body that is far off is given up
_STEPS: Final = 12
_STEEPER: Final = 4.0


@dataclass(frozen=True)
class Fitted:
    """What a region holds by the body of this `kind` that fits it, and how far that is to be believed.

    `voxels` is the body's volume, with the voxels drawn outside of it and without those not drawn
    inside; `share` is 1 where both agree and above 0.
    """

    voxels: float
    share: float
    kind: str

    def corrected(self, held: float) -> float:
        """`held`, in voxels, without as much of its sampling error as the body knows of."""
        return held + self.share * (self.voxels - held)


@dataclass
class Small:
    """The voxels of one region, plane after plane, as long as there are few."""

    count: int = 0
    _planes: list[NDArray[np.intp]] = field(default_factory=list)

    def add(self, index: int, plane: NDArray[np.bool_]) -> None:
        """The plane at `index`, bool or uint8 of 0 and 1, shape (rows, columns)."""
        if self.count > _MOST:
            return
        rows, columns = np.nonzero(plane)
        self.count += len(rows)
        self._planes.append(np.stack([np.full(len(rows), index), rows, columns], axis=-1))
        if self.count > _MOST:
            self._planes.clear()

    def is_tried(self, error_percent: float) -> bool:
        """Whether a body is looked for where counting errs by so much."""
        return _FEWEST <= self.count <= _MOST and error_percent >= _LEAST_PERCENT

    def fitted(self, spacing_mm: Spacing, area_mm2: float) -> Fitted | None:
        """What the region, whose surface has so large an area, holds by its body; None where none is
        near, or counting is as good."""
        if not self.count or not self.is_tried(error_percent(self.count, area_mm2, spacing_mm)):
            return None
        voxels = np.concatenate(self._planes)
        low = voxels.min(axis=0)
        drawn = np.zeros(voxels.max(axis=0) - low + 5, bool)
        drawn[tuple((voxels - low + 2).T)] = True
        return _fitted(drawn, spacing_mm, variance_voxels(area_mm2, spacing_mm))


def _fitted(drawn: NDArray[np.bool_], spacing_mm: Spacing, variance: float) -> Fitted | None:
    steps = np.array(spacing_mm) / float(np.prod(spacing_mm)) ** (1 / 3)
    edge = _edge(drawn)
    at, side = np.argwhere(edge) * steps, np.where(drawn[edge], 1.0, -1.0)
    inside = np.argwhere(drawn) * steps
    if np.linalg.eigvalsh(np.cov(inside.T))[0] < (_LEAST_HALF * steps.max()) ** 2 / 3:
        return None
    found = []
    for is_box in (False, True):
        body = _fit(_first(inside, is_box), at, side, _SCALES[:_COARSE])
        if np.count_nonzero(side * body.distances(at)[0] < 0) > 4 * variance:
            continue
        body = _fit(body, at, side, _SCALES[_COARSE:])
        margin = side * body.distances(at)[0]
        wrong = margin < 0
        found.append((int(wrong.sum()), -float(margin.min()), body, float(side[wrong].sum())))
    if not found:
        return None
    differing, _, body, more = min(found, key=lambda one: one[:2])
    share = 1 - differing / (2 * variance)
    if share <= 0:
        return None
    return Fitted(body.volume + more, share, "box" if body.is_box else "ellipsoid")


def _edge(drawn: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The voxels with a neighbour across a side that is drawn otherwise; the frame is empty."""
    edge = np.zeros_like(drawn)
    for axis in range(3):
        differs = np.diff(drawn, axis=axis)
        ahead = [slice(None)] * 3
        behind = [slice(None)] * 3
        ahead[axis], behind[axis] = slice(1, None), slice(None, -1)
        edge[tuple(ahead)] |= differs
        edge[tuple(behind)] |= differs
    return edge


@dataclass(frozen=True)
class _Body:
    """An ellipsoid or box: half axes (3,), their directions as rows (3, 3), middle (3,)."""

    half: Floats
    axes: Floats
    middle: Floats
    is_box: bool

    @property
    def volume(self) -> float:
        return float(np.prod(self.half)) * (8.0 if self.is_box else 4 / 3 * np.pi)

    def distances(self, at: Floats) -> tuple[Floats, Floats]:
        """How deep points (n, 3) lie inside, to first order, and how that changes with the body.

        The second, (n, 9), is by the logarithms of the half axes, by turns about the axes and by
        steps along them.
        """
        along = (at - self.middle) @ self.axes.T
        parts = along / self.half
        if self.is_box:
            rows, nearest = np.arange(len(at)), np.abs(parts).argmax(axis=1)
            gauge = np.abs(parts[rows, nearest])
            outward = np.zeros_like(parts)
            outward[rows, nearest] = np.sign(parts[rows, nearest])
        else:
            gauge = np.maximum(np.linalg.norm(parts, axis=1), 1e-9)
            outward = parts / gauge[:, None]
        outward = outward / self.half
        steep = np.linalg.norm(outward, axis=1)
        change = np.concatenate([outward * along, -np.cross(along, outward), outward], axis=1)
        return (1 - gauge) / steep, change / steep[:, None]

    def moved(self, step: NDArray[np.floating[Any]]) -> _Body:
        """The body after a step of its nine numbers: three logarithms of factors of its half axes, three
        turns in radians about its axes, and three ways of its middle along them in mm, shape (9,)."""
        return _Body(
            self.half * np.exp(np.clip(step[:3], -0.3, 0.3)),
            _turn(step[3:6]) @ self.axes,
            self.middle + self.axes.T @ step[6:],
            self.is_box,
        )


def _turn(by: NDArray[np.floating[Any]]) -> Floats:
    """The rotation about `by` by its length (Rodrigues' formula), float64 of shape (3, 3)."""
    angle = float(np.linalg.norm(by)) + 1e-15
    x, y, z = by / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    turned: Floats = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return turned


def _first(inside: Floats, is_box: bool) -> _Body:
    """The body with the moments of the points (n, 3), and with as many voxels."""
    middle = inside.mean(axis=0)
    variances, columns = np.linalg.eigh(np.cov((inside - middle).T))
    axes = columns.T
    if is_box:
        axes = _independent((inside - middle) @ (columns / np.sqrt(variances))) @ (
            axes / np.sqrt(variances)[:, None]
        )
        left, _, right = np.linalg.svd(axes / np.linalg.norm(axes, axis=1)[:, None])
        axes = left @ right
    body = _Body(((inside - middle) @ axes.T).std(axis=0), axes, middle, is_box)
    return _Body(body.half * (len(inside) / body.volume) ** (1 / 3), axes, middle, is_box)


def _independent(white: Floats) -> Floats:
    """Along which axes points of unit variance are independent, as rows: those of a box.

    Fixed-point iteration on the fourth moments (Hyvaerinen 1999), from four beginnings.
    """
    chance = np.random.default_rng(0)
    best, least = np.eye(3), np.inf
    for beginning in (np.eye(3), *(np.linalg.qr(chance.normal(size=(3, 3)))[0] for _ in range(3))):
        axes = beginning
        for _ in range(60):
            last = axes
            left, _, right = np.linalg.svd(
                ((white @ axes.T) ** 3).T @ white / len(white) - 3 * axes
            )
            axes = left @ right
            if np.abs(np.abs((axes * last).sum(axis=1)) - 1).max() < 1e-6:
                break
        peaked = float(((white @ axes.T) ** 4).mean())
        if peaked < least - 1e-9:
            best, least = axes, peaked
    return best


def _fit(body: _Body, at: Floats, side: Floats, scales: tuple[float, ...]) -> _Body:
    """The body between the points (n, 3) of side 1, inside, and -1, outside."""
    damping = 1e-3
    for scale in scales:
        loss = _loss(body, at, side, scale)
        for _ in range(_STEPS):
            deep, change = body.distances(at)
            weight = 1 / (1 + np.exp(np.clip(side * deep / scale, -50, 50)))
            change = change * (side / scale)[:, None]
            curve = (change * (weight * (1 - weight) + 1e-9)[:, None]).T @ change
            ridge = np.diag(np.diag(curve) + 1e-6 * np.trace(curve) / 9)
            for _ in range(6):
                step = np.linalg.solve(curve + damping * ridge, weight @ change)
                moved = body.moved(step)
                less = _loss(moved, at, side, scale)
                if less < loss:
                    break
                damping *= _STEEPER
            else:
                damping = min(damping, 1.0)
                break
            body, won, loss = moved, loss - less, less
            damping = max(damping / _STEEPER, 1e-6)
            if won < 1e-4 * loss:
                break
    return body


def _loss(body: _Body, at: Floats, side: Floats, scale: float) -> float:
    return float(np.logaddexp(0, -side * body.distances(at)[0] / scale).sum())
