"""The upper abdomen of nobody: organs as ellipses and blobs, painted slice by slice.

Coordinates are mm in the patient's system (LPS): x grows to the patient's left, y to the back, z to
the head, with the origin in the middle of the body. `level` runs from 0 at the lowest slice to 1 at
the highest, so that any number of slices shows the whole liver.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.uint8]
Mask = NDArray[np.bool_]


class Tissue(IntEnum):
    """What a voxel is made of; a voxel has one tissue."""

    AIR = 0
    TABLE = 1
    SKIN = 2
    FAT = 3
    MUSCLE = 4
    CORTICAL_BONE = 5
    CANCELLOUS_BONE = 6
    SPINAL_CANAL = 7
    LUNG = 8
    LIVER = 9
    SPLEEN = 10
    KIDNEY_CORTEX = 11
    KIDNEY_MEDULLA = 12
    AORTA = 13
    INFERIOR_VENA_CAVA = 14
    PORTAL_VEIN = 15
    HEPATIC_VEIN = 16
    MESENTERIC_ARTERY = 17
    STOMACH = 18
    BOWEL_GAS = 19
    BOWEL = 20
    PANCREAS = 21
    GALLBLADDER = 22
    TUMOUR = 23
    TUMOUR_RIM = 24


class Region:
    """Bits of what a voxel counts towards; regions overlap (the remnant and the tumour lie in
    the liver).
    """

    LIVER: Final = np.uint8(1)
    FLR: Final = np.uint8(2)
    TUMOUR: Final = np.uint8(4)
    PANCREAS: Final = np.uint8(8)


@dataclass(frozen=True)
class Blob:
    """An ellipsoid whose field is 1 at its surface; fields add up, which rounds where blobs
    meet.
    """

    x: float
    y: float
    level: float
    rx: float
    ry: float
    r_level: float


_LIVER: Final = (
    Blob(-80, -2, 0.60, 56, 64, 0.28),
    Blob(-94, 14, 0.38, 38, 45, 0.26),
    Blob(-38, -36, 0.66, 48, 38, 0.18),
    Blob(18, -56, 0.70, 46, 26, 0.15),
    Blob(-60, -10, 0.79, 52, 54, 0.12),
)
_LIVER_TUMOUR: Final = Blob(-92, 8, 0.62, 25, 23, 0.10)
_PANCREAS_TUMOUR: Final = Blob(-26.5, -14, 0.30, 14, 13, 0.06)
# Centres of the two mesenteric vessels in the pancreatic phantom (mm).
_VEIN: Final = (-12.0, -18.0, 6.5)
_ARTERY: Final = (4.0, -14.0, 3.8)


class Canvas:
    """One slice being painted: `tissue` and `region`, both uint8 of shape (rows, rows)."""

    def __init__(self, rows: int, spacing_mm: float) -> None:
        self.spacing_mm = spacing_mm
        axis = (np.arange(rows) - (rows - 1) / 2) * spacing_mm
        self.x = axis[np.newaxis, :]
        self.y = axis[:, np.newaxis]
        self.axis = axis
        self.tissue: Labels = np.zeros((rows, rows), np.uint8)
        self.region: Labels = np.zeros((rows, rows), np.uint8)

    def window(self, x: float, y: float, rx: float, ry: float) -> tuple[slice, slice]:
        """The rows and columns that can lie within rx, ry (mm) of a centre."""
        low, high = np.searchsorted(self.axis, (y - ry, y + ry))
        left, right = np.searchsorted(self.axis, (x - rx, x + rx))
        return slice(int(low), int(high) + 1), slice(int(left), int(right) + 1)

    def ellipse(
        self, tissue: Tissue, x: float, y: float, rx: float, ry: float, turn_deg: float = 0.0
    ) -> None:
        """Paints a filled ellipse, turned by `turn_deg` from x towards y."""
        if rx <= 0 or ry <= 0:
            return
        reach = max(rx, ry)
        part = self.window(x, y, reach, reach)
        self.tissue[part][self.inside(part, x, y, rx, ry, turn_deg)] = tissue

    def inside(
        self,
        part: tuple[slice, slice],
        x: float,
        y: float,
        rx: float,
        ry: float,
        turn_deg: float = 0.0,
    ) -> Mask:
        """Which pixels of a window lie within an ellipse."""
        dx, dy = self.x[:, part[1]] - x, self.y[part[0]] - y
        cosine, sine = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
        u, v = (dx * cosine + dy * sine) / rx, (dy * cosine - dx * sine) / ry
        return np.asarray(u * u + v * v <= 1.0)


def paint(rows: int, spacing_mm: float, level: float, *, with_pancreatic_tumour: bool) -> Canvas:
    """One slice: tissues and regions of shape (rows, rows), uint8 each."""
    canvas = Canvas(rows, spacing_mm)
    _body(canvas, level)
    _digestive(canvas, level)
    _liver(canvas, level, with_tumour=not with_pancreatic_tumour)
    _spleen_and_kidneys(canvas, level)
    _great_vessels(canvas, level)
    _pancreas(canvas, level, with_tumour=with_pancreatic_tumour)
    return canvas


def _body(canvas: Canvas, level: float) -> None:
    wide, deep = 168 - 6 * level, 118 + 4 * level
    canvas.ellipse(Tissue.TABLE, 0, 172, 215, 34)
    canvas.ellipse(Tissue.AIR, 0, 160, 230, 32)
    canvas.ellipse(Tissue.SKIN, 0, 0, wide, deep)
    canvas.ellipse(Tissue.FAT, 0, 0, wide - 2.2, deep - 2.2)
    canvas.ellipse(Tissue.MUSCLE, 0, 1, wide - 15, deep - 14)
    for side in (-1, 1):
        canvas.ellipse(Tissue.MUSCLE, side * 38, 84, 34, 25, side * -18)
    canvas.ellipse(Tissue.FAT, 0, -6, wide - 25, deep - 28)
    _lungs(canvas, level, wide, deep)
    _ribs(canvas, level, wide, deep)
    _spine(canvas, level)


def _lungs(canvas: Canvas, level: float, wide: float, deep: float) -> None:
    rise = level - 0.56
    if rise <= 0:
        return
    for side in (-1, 1):
        reach = min(1.0, rise / 0.40)
        part = canvas.window(0, 0, wide, deep)
        outer = canvas.inside(part, 0, -6, wide - 27, deep - 30)
        middle = canvas.inside(
            part, side * -14.0, -14, wide - 30 - 62 * reach, deep - 26 - 60 * reach
        )
        half = (canvas.x[:, part[1]] * side > 10) & (canvas.y[part[0]] > -70)
        canvas.tissue[part][outer & half & ~middle] = Tissue.LUNG


def _ribs(canvas: Canvas, level: float, wide: float, deep: float) -> None:
    for number in range(11):
        angle = np.radians(-58 + 29 * number + 34 * ((level * 4.3) % 1.0))
        x, y = (wide - 20.5) * np.cos(angle), 1 + (deep - 20) * np.sin(angle)
        if abs(x) < 42:
            continue
        turn = float(
            np.degrees(np.arctan2((deep - 20) * np.cos(angle), -(wide - 20.5) * np.sin(angle)))
        )
        for side in (-1, 1):
            canvas.ellipse(
                Tissue.CORTICAL_BONE, side * abs(x), y, 10.5, 4.2, turn * np.sign(x) * side
            )
            canvas.ellipse(
                Tissue.CANCELLOUS_BONE, side * abs(x), y, 8.3, 2.5, turn * np.sign(x) * side
            )


def _spine(canvas: Canvas, level: float) -> None:
    disc = (level * 6.5) % 1.0 < 0.16
    for side in (-1, 1):
        canvas.ellipse(Tissue.CORTICAL_BONE, side * 24, 73, 19, 4.5, side * 24)
    canvas.ellipse(Tissue.CORTICAL_BONE, 0, 92, 4.5, 19)
    canvas.ellipse(Tissue.CORTICAL_BONE, 0, 68, 15, 13)
    canvas.ellipse(Tissue.CORTICAL_BONE, 0, 46, 23, 17.5)
    canvas.ellipse(Tissue.MUSCLE if disc else Tissue.CANCELLOUS_BONE, 0, 46, 21.2, 15.8)
    canvas.ellipse(Tissue.SPINAL_CANAL, 0, 69, 9.5, 8.2)


def _digestive(canvas: Canvas, level: float) -> None:
    size = np.sqrt(max(0.0, 1 - ((level - 0.66) / 0.27) ** 2))
    canvas.ellipse(Tissue.MUSCLE, 62, -38, 46 * size, 38 * size, 24)
    canvas.ellipse(Tissue.STOMACH, 62, -38, 46 * size - 4, 38 * size - 4, 24)
    if size > 0.35:
        canvas.ellipse(Tissue.BOWEL_GAS, 52, -58, 26 * size, 9 * size, 10)
    low = max(0.0, 1 - level / 0.5)
    for index, (x, y, r) in enumerate(
        ((70, -44, 17), (34, -62, 15), (-4, -66, 15), (84, -8, 15), (46, -26, 14))
    ):
        wobble = 5 * np.sin(level * 31 + index * 1.9)
        radius = r * min(1.0, 2.2 * low)
        canvas.ellipse(Tissue.MUSCLE, x + wobble, y, radius, radius * 0.82)
        inner = Tissue.BOWEL_GAS if index % 2 else Tissue.BOWEL
        canvas.ellipse(
            inner, x + wobble, y - (2 if index % 2 else 0), radius - 2.6, (radius - 2.8) * 0.72
        )


def _field(
    canvas: Canvas, blobs: tuple[Blob, ...], level: float, part: tuple[slice, slice]
) -> NDArray[np.float64]:
    total = np.zeros((canvas.y[part[0]].shape[0], canvas.x[:, part[1]].shape[1]))
    for blob in blobs:
        u = (canvas.x[:, part[1]] - blob.x) / blob.rx
        v = (canvas.y[part[0]] - blob.y) / blob.ry
        w = (level - blob.level) / blob.r_level
        if abs(w) < 2.2:
            total += np.exp(1.6 * (1 - u * u - v * v - w * w))
    return total


def _liver(canvas: Canvas, level: float, *, with_tumour: bool) -> None:
    part = canvas.window(-50, -8, 150, 100)
    x, y = canvas.x[:, part[1]], canvas.y[part[0]]
    room = canvas.inside(part, 0, -6, 138 - 6 * level, 86 + 4 * level)
    keep_out = canvas.inside(part, 0, 46, 30, 27) | canvas.inside(part, -22, 20, 11, 11)
    keep_out |= canvas.inside(part, -66, 44 + 26 * (0.5 - level), 34, 30) & (level < 0.42)
    liver = (_field(canvas, _LIVER, level, part) >= 1.0) & room & ~keep_out
    gallbladder = canvas.inside(part, -44, -40, 15, 20) & (0.18 < level < 0.42)
    fissure = (abs(x - 4 - 0.12 * (y + 50)) < 1.6) & (y > -62) & (0.45 < level < 0.68)
    liver &= ~(gallbladder | fissure)
    tissue, region = canvas.tissue[part], canvas.region[part]
    tissue[liver] = Tissue.LIVER
    tissue[gallbladder] = Tissue.GALLBLADDER
    _vessels_in_liver(canvas, level, part, liver)
    region[liver] |= Region.LIVER
    # The plane of a right hepatectomy: from the gallbladder fossa to the inferior vena cava.
    left_of_plane = x > -40 + 0.28 * (y + 50)
    region[liver & left_of_plane] |= Region.FLR
    if with_tumour:
        lump = _lump(canvas, _LIVER_TUMOUR, level, part)
        tissue[liver & (lump <= 1.0)] = Tissue.TUMOUR_RIM
        tissue[liver & (lump <= 0.72)] = Tissue.TUMOUR
        region[liver & (lump <= 1.0)] |= Region.TUMOUR


def _lump(
    canvas: Canvas, blob: Blob, level: float, part: tuple[slice, slice]
) -> NDArray[np.float64]:
    u = (canvas.x[:, part[1]] - blob.x) / blob.rx
    v = (canvas.y[part[0]] - blob.y) / blob.ry
    bumps = 0.10 * np.sin(3 * np.arctan2(v, u) + 9 * level) + 0.05 * np.cos(5 * np.arctan2(v, u))
    result: NDArray[np.float64] = u * u + v * v + ((level - blob.level) / blob.r_level) ** 2 + bumps
    return result


def _vessels_in_liver(canvas: Canvas, level: float, part: tuple[slice, slice], liver: Mask) -> None:
    veins = np.zeros_like(liver)
    away = max(0.0, 0.86 - level)
    for angle_deg, length in ((196, 95), (238, 88), (286, 80)):
        angle = np.radians(angle_deg)
        x, y = -22 + away * 2.2 * length * np.cos(angle), 12 + away * 2.2 * length * np.sin(angle)
        reach = 9 * max(0.0, 1 - abs(level - 0.84) / 0.05)
        radius = 4.6 - 3.2 * min(1.0, away / 0.4)
        if 0.5 < level < 0.92:
            veins |= canvas.inside(part, x, y, radius + reach, radius, angle_deg)
    canvas.tissue[part][veins & liver] = Tissue.HEPATIC_VEIN
    portal = np.zeros_like(liver)
    if abs(level - 0.55) < 0.035:
        portal |= canvas.inside(part, -46, 0, 30, 6.5, -14)
    if abs(level - 0.60) < 0.03:
        portal |= canvas.inside(part, -4, -30, 34, 5.0, -42)
    for angle_deg in (150, 205, 320):
        angle, out = np.radians(angle_deg), abs(level - 0.55) * 210
        centre = (-70 + out * np.cos(angle), 2 + 0.8 * out * np.sin(angle))
        if 0.30 < level < 0.78:
            portal |= canvas.inside(part, *centre, 3.4, 2.8)
    canvas.tissue[part][portal & liver] = Tissue.PORTAL_VEIN


def _spleen_and_kidneys(canvas: Canvas, level: float) -> None:
    size = np.sqrt(max(0.0, 1 - ((level - 0.64) / 0.24) ** 2))
    canvas.ellipse(Tissue.SPLEEN, 104, 28, 26 * size, 47 * size, 24)
    canvas.ellipse(Tissue.FAT, 82, 22, 17 * size, 34 * size, 24)
    for side, centre in ((-1, 0.20), (1, 0.32)):
        size = np.sqrt(max(0.0, 1 - ((level - centre) / 0.25) ** 2))
        x, y = side * 62, 52
        canvas.ellipse(Tissue.FAT, x, y, 36 * size, 36 * size)
        canvas.ellipse(Tissue.KIDNEY_CORTEX, x, y, 25 * size, 29 * size, side * -25)
        canvas.ellipse(Tissue.KIDNEY_MEDULLA, x, y, 17 * size, 21 * size, side * -25)
        canvas.ellipse(Tissue.FAT, x - side * 11, y - 2, 13 * size, 8 * size, side * -25)


def _great_vessels(canvas: Canvas, level: float) -> None:
    canvas.ellipse(Tissue.CORTICAL_BONE, 9, 19, 11.2, 11.2) if level < 0.18 else None
    canvas.ellipse(Tissue.AORTA, 9, 19, 10.4, 10.4)
    canvas.ellipse(Tissue.INFERIOR_VENA_CAVA, -22, 20, 12.5, 9.5, 12)
    if level < 0.56:
        course = max(0.0, (level - 0.36) / 0.20)
        x, y = _VEIN[0] - 26 * course, _VEIN[1] + 14 * course
        canvas.ellipse(Tissue.PORTAL_VEIN, x, y, _VEIN[2] + 1.2 * course, _VEIN[2])
    if level < 0.42:
        canvas.ellipse(Tissue.MESENTERIC_ARTERY, *_ARTERY[:2], _ARTERY[2], _ARTERY[2])
    elif level < 0.45:
        canvas.ellipse(Tissue.MESENTERIC_ARTERY, 6, 0, 4.0, 15)


def _pancreas(canvas: Canvas, level: float, *, with_tumour: bool) -> None:
    before = canvas.tissue.copy()
    if 0.20 < level < 0.46:
        canvas.ellipse(Tissue.PANCREAS, -27, -14, 16, 19, 10)
    if 0.36 < level < 0.52:
        canvas.ellipse(Tissue.PANCREAS, -2, -28, 26, 9, -12)
        canvas.ellipse(Tissue.PANCREAS, 38, -12, 30, 9.5, 38)
        canvas.ellipse(Tissue.PORTAL_VEIN, 24, -9, 34, 3.6, 30)
    if with_tumour:
        part = canvas.window(_PANCREAS_TUMOUR.x, _PANCREAS_TUMOUR.y, 24, 24)
        lump = _lump(canvas, _PANCREAS_TUMOUR, level, part) <= 1.0
        canvas.tissue[part][lump] = Tissue.TUMOUR
    # Organs and vessels painted before lie in front; only fat and muscle give way to the pancreas.
    solid = (before != Tissue.FAT) & (before != Tissue.MUSCLE)
    canvas.tissue[solid] = before[solid]
    canvas.region[canvas.tissue == Tissue.PANCREAS] |= Region.PANCREAS
    if with_tumour:
        canvas.region[canvas.tissue == Tissue.TUMOUR] |= Region.TUMOUR | Region.PANCREAS
