"""Finding the aorta: a round tube in front of the spine, followed from slice to slice.

In every slice, each place near the front of the spine is judged as the centre of a disc: how even
it is inside, how far round it is bordered by something darker, how bright it is. The path through
the slices with the best sum that nowhere jumps is the aorta (dynamic programming). Bone is bordered
by its own brighter shell and bowel does not go on for long, so neither wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from server.imaging.body_parts import Spine
from server.imaging.read_volume import Volume

Floats = NDArray[np.float32]

# [UNPUB] Where to look, in mm from the middle of the spine to the left and from its front to the
# back; the search is wide because the front of the spine is only known roughly.
_LEFT_MM: Final = (-26.0, 48.0)
_BACK_MM: Final = (-45.0, 36.0)
# The usual place; farther off costs a little.
_USUAL_LEFT_MM: Final = 12.0
_RADII_MM: Final = (6.0, 8.0, 10.0, 12.5, 15.0, 19.0)
_STEP_MM: Final = 5.0
_GOOD: Final = 0.45
_LEAST_HU: Final = 10.0
_MOST_HU: Final = 900.0
_SMALLEST_DARKER_HU: Final = 22.0
# Bone touches the aorta from behind only; a vertebra has its brighter shell all around.
_SHELL_HU: Final = 60.0
_MOST_SHELL: Final = 0.25
_VERTEBRA_FROM_HU: Final = 115
_LEAN_MM: Final = 10.0
_LIKE_BONE_HU: Final = 125.0
_LEAST_LEANING: Final = 0.25
_LEAST_DARKER: Final = 0.58


@dataclass(frozen=True)
class Aorta:
    """`hu` is the median attenuation of its middle, `spread_hu` how much that differs between
    slices (interquartile range); `length_mm` and `radius_mm` are its size; `confidence` runs from
    0.0 to 1.0. `levels`, `x_mm` and `y_mm` say where its middle runs (slices of the volume, mm from
    the first column and row).
    """

    hu: float
    spread_hu: float
    length_mm: float
    radius_mm: float
    confidence: float
    levels: NDArray[np.int_]
    x_mm: Floats
    y_mm: Floats


@dataclass(frozen=True)
class _Window:
    """What is searched: one patch per judged level, cut out around the spine. Every array has the
    shape (levels, rows, columns) of `hu`.
    """

    hu: Floats
    levels: NDArray[np.int_]
    x_mm: Floats  # of the first column, per level
    y_mm: Floats  # of the first row, per level
    spacing_mm: tuple[float, float]
    margin: tuple[int, int]


def find_aorta(volume: Volume, spine: Spine) -> Aorta | None:
    """The aorta, or None when there is no spine or nothing like a tube in front of it."""
    window = _window(volume, spine)
    if window is None:
        return None
    score, mean, radius = _judged(window)
    path = _best_path(score, window)
    chosen = tuple(np.array(path).T)
    along = np.arange(len(path))
    good = score[along, chosen[0], chosen[1]] >= _GOOD
    good = _longest_run(good, most_gap=max(1, round(20.0 / _level_mm(window, volume))))
    if good.sum() * _level_mm(window, volume) < min(20.0, 0.5 * volume.length_mm):
        return None
    values = mean[along, chosen[0], chosen[1]][good]
    quality = float(score[along, chosen[0], chosen[1]][good].mean())
    length = float(good.sum() * _level_mm(window, volume))
    y_mm, x_mm = window.spacing_mm
    return Aorta(
        hu=float(np.median(values)),
        spread_hu=float(np.subtract(*np.percentile(values, (75, 25)))),
        length_mm=length,
        radius_mm=float(np.median(radius[along, chosen[0], chosen[1]][good])),
        confidence=_confidence(quality, length),
        levels=window.levels[good],
        x_mm=(window.x_mm + chosen[1] * x_mm)[good],
        y_mm=(window.y_mm + chosen[0] * y_mm)[good],
    )


def _confidence(quality: float, length_mm: float) -> float:
    return round(min(1.0, quality / 0.65) * (0.6 + 0.4 * min(1.0, length_mm / 80.0)), 2)


def _level_mm(window: _Window, volume: Volume) -> float:
    if len(window.levels) < 2:
        return volume.spacing_mm[0]
    return float(window.levels[1] - window.levels[0]) * volume.spacing_mm[0]


def _window(volume: Volume, spine: Spine) -> _Window | None:
    z_mm, y_mm, x_mm = volume.spacing_mm
    every = max(1, int(_STEP_MM / z_mm + 0.3))
    levels = np.flatnonzero(spine.found)[::every]
    if not len(levels):
        return None
    reach = _RADII_MM[-1] + _LEAN_MM + 3.0
    margin = (int(reach / y_mm) + 1, int(reach / x_mm) + 1)
    rows = int((_BACK_MM[1] - _BACK_MM[0]) / y_mm) + 2 * margin[0]
    columns = int((_LEFT_MM[1] - _LEFT_MM[0]) / x_mm) + 2 * margin[1]
    patches, lefts, fronts = [], [], []
    for level in levels:
        left = round((float(spine.x_mm[level]) + _LEFT_MM[0]) / x_mm) - margin[1]
        front = round((float(spine.front_mm[level]) + _BACK_MM[0]) / y_mm) - margin[0]
        about = volume.hu[level : level + every].astype(np.float32).mean(axis=0)
        patches.append(_cut(about, front, left, rows, columns))
        lefts.append((left + margin[1]) * x_mm)
        fronts.append((front + margin[0]) * y_mm)
    return _Window(
        np.stack(patches),
        levels,
        np.array(lefts, np.float32),
        np.array(fronts, np.float32),
        (y_mm, x_mm),
        margin,
    )


def _cut(image: Floats, top: int, left: int, rows: int, columns: int) -> Floats:
    """A patch of the image; outside of the image there is air."""
    patch = np.full((rows, columns), -1000.0, np.float32)
    y0, x0 = max(0, top), max(0, left)
    y1, x1 = min(image.shape[0], top + rows), min(image.shape[1], left + columns)
    if y1 > y0 and x1 > x0:
        patch[y0 - top : y1 - top, x0 - left : x1 - left] = image[y0:y1, x0:x1]
    return patch


def _judged(window: _Window) -> tuple[Floats, Floats, Floats]:
    """Score, mean HU of the middle, and radius in mm of the best disc at each place."""
    shape = _shifted(window, 0, 0).shape
    best = np.full(shape, -1.0, np.float32)
    best_mean, best_radius = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    noise = _noise_hu(window.hu)
    bone = _share_around(window.hu > _VERTEBRA_FROM_HU, window.spacing_mm)
    for radius in _RADII_MM:
        disc = _offsets(window, 0.0, radius - 1.0)
        total, squares = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        for dy, dx in disc:
            values = _shifted(window, dy, dx)
            total += values
            squares += values * values
        mean = total / len(disc)
        uneven = np.sqrt(np.maximum(0.0, squares / len(disc) - mean * mean))
        ring = _offsets(window, radius + 1.5, radius + 4.0)
        bound = mean - np.maximum(_SMALLEST_DARKER_HU, 0.25 * mean)
        darker, shell = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        for dy, dx in ring:
            values = _shifted(window, dy, dx)
            darker += values < bound
            shell += values > mean + _SHELL_HU
        score = darker / len(ring) - 1.5 * np.maximum(0.0, shell / len(ring) - _MOST_SHELL)
        score -= (
            0.35 * np.maximum(0.0, uneven - 1.3 * noise) / (12.0 + 0.10 * np.maximum(mean, 0.0))
        )
        score += 0.45 * np.clip((mean - 150.0) / 150.0, 0.0, 1.0)
        leaning = _leaning(window, bone, radius)
        score += 0.4 * (leaning - 1.0)
        # As bright as bone, and no bone behind it, or going on in itself: that is the spine.
        spinal = (leaning < _LEAST_LEANING) | (darker / len(ring) < _LEAST_DARKER)
        score[(mean > _LIKE_BONE_HU) & spinal] = -1.0
        score[(mean < _LEAST_HU) | (mean > _MOST_HU)] = -1.0
        better = score > best
        best[better], best_mean[better] = score[better], mean[better]
        best_radius[better] = radius
    away = np.abs(_left_of_spine(window, shape) - _USUAL_LEFT_MM)
    return best - 0.006 * np.maximum(0.0, away - 8.0), best_mean, best_radius


def _noise_hu(hu: Floats) -> float:
    """The grain of soft tissue: half of the differences between neighbours are smaller than this
    tells (0.6745 and the square root of 2 for a normal distribution).
    """
    soft = (hu[:, :, 1:] > -20) & (hu[:, :, 1:] < 120)
    steps = np.abs(np.diff(hu, axis=2))[soft]
    return float(np.median(steps)) / 0.954 if steps.size else 0.0


def _leaning(window: _Window, bone: Floats, radius_mm: float) -> Floats:
    """Whether a disc leans on a vertebra, behind it or to its right (0.0 to 1.0): behind a vertebra
    itself there is the spinal canal, beside it there is muscle.
    """
    y_mm, x_mm = window.spacing_mm
    away = radius_mm + _LEAN_MM
    share = _shifted(window, round(away / y_mm), 0, bone)
    for back, right in ((0.8, 0.6), (0.3, 0.95)):
        there = (round(back * away / y_mm), -round(right * away / x_mm))
        share = np.maximum(share, _shifted(window, *there, bone))
    leaning: Floats = np.minimum(1.0, share / 0.7)
    return leaning


def _share_around(mask: NDArray[np.bool_], spacing_mm: tuple[float, float]) -> Floats:
    """The share of the mask in the square of 2 x _LEAN_MM around each place."""
    share: Floats = mask.astype(np.float32)
    for axis, mm in zip((1, 2), spacing_mm, strict=True):
        reach = max(1, int(_LEAN_MM * 0.8 / mm))
        width = [(0, 0), (0, 0), (0, 0)]
        width[axis] = (reach + 1, reach)
        total = np.cumsum(np.pad(share, width, mode="edge"), axis=axis)
        size = share.shape[axis]
        high = np.take(total, range(2 * reach + 1, 2 * reach + 1 + size), axis=axis)
        low = np.take(total, range(size), axis=axis)
        share = ((high - low) / (2 * reach + 1)).astype(np.float32)
    return share


def _left_of_spine(window: _Window, shape: tuple[int, ...]) -> Floats:
    return np.arange(shape[2], dtype=np.float32) * np.float32(window.spacing_mm[1]) + _LEFT_MM[0]


def _offsets(window: _Window, least_mm: float, most_mm: float) -> list[tuple[int, int]]:
    y_mm, x_mm = window.spacing_mm
    reach = (int(most_mm / y_mm), int(most_mm / x_mm))
    return [
        (dy, dx)
        for dy in range(-reach[0], reach[0] + 1)
        for dx in range(-reach[1], reach[1] + 1)
        if least_mm <= float(np.hypot(dy * y_mm, dx * x_mm)) <= most_mm
    ]


def _shifted(window: _Window, dy: int, dx: int, values: Floats | None = None) -> Floats:
    down, right = window.margin
    rows, columns = window.hu.shape[1] - 2 * down, window.hu.shape[2] - 2 * right
    source = window.hu if values is None else values
    return source[:, down + dy : down + dy + rows, right + dx : right + dx + columns]


def _best_path(score: Floats, window: _Window) -> list[tuple[int, int]]:
    """Row and column per level of the path with the greatest sum. A level where nothing looks like
    the aorta costs nothing, so that the path may go through it.
    """
    levels, rows, columns = score.shape
    gain = np.maximum(score, 0.0)
    total = gain[0].copy()
    came: list[NDArray[np.int_]] = []
    # 4 mm to a side per step of 5 mm, and the rounding of the spine's place.
    moves = [(dy, dx) for dy in range(-3, 4) for dx in range(-3, 4)]
    for level in range(1, levels):
        drift = _drift(window, level)
        candidates = np.full((len(moves), rows, columns), -np.inf, np.float32)
        padded = np.pad(total, 16, constant_values=-np.inf)
        for number, (dy, dx) in enumerate(moves):
            top, left = 16 + dy + drift[0], 16 + dx + drift[1]
            if 0 <= top <= 32 and 0 <= left <= 32:
                candidates[number] = padded[top : top + rows, left : left + columns]
                candidates[number] -= 0.01 * (abs(dy) + abs(dx))
        came.append(candidates.argmax(axis=0))
        reached = candidates.max(axis=0)
        total = gain[level] + np.where(np.isfinite(reached), reached, total.max() - 2.0)
    row, column = (int(one) for one in np.unravel_index(total.argmax(), total.shape))
    path = [(row, column)]
    for level in range(levels - 1, 0, -1):
        dy, dx = moves[int(came[level - 1][row, column])]
        drift = _drift(window, level)
        row = min(max(row + dy + drift[0], 0), rows - 1)
        column = min(max(column + dx + drift[1], 0), columns - 1)
        path.append((row, column))
    return path[::-1]


def _drift(window: _Window, level: int) -> tuple[int, int]:
    """By how many rows and columns the patch moved from the level before to this one."""
    y_mm, x_mm = window.spacing_mm
    return (
        round(float(window.y_mm[level] - window.y_mm[level - 1]) / y_mm),
        round(float(window.x_mm[level] - window.x_mm[level - 1]) / x_mm),
    )


def _longest_run(good: NDArray[np.bool_], most_gap: int) -> NDArray[np.bool_]:
    """The longest run of True, gaps of up to `most_gap` allowed; False inside those gaps."""
    where = np.flatnonzero(good)
    if not len(where):
        return good
    runs = np.split(where, np.flatnonzero(np.diff(where) > most_gap + 1) + 1)
    kept = np.zeros_like(good)
    kept[max(runs, key=len)] = True
    return kept
