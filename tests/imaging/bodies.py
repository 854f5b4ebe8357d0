"""A second family of bodies of known making: a whole torso in world coordinates, phase by phase.

Nothing is shared with the demo's phantom: other shapes, other proportions, lungs with a concave base,
a portal tree of tubes, a pelvis. Coordinates are mm (LPS) with z = 0 at the dome of the liver, the
apex of the lungs at about 190, the iliac crest at -240, the hip joints at -410.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from server.imaging.read_volume import Slice, Volume, volume_of

Plane = NDArray[np.float32]
Point = tuple[float, float, float]

APEX_MM, DOME_MM, LIVER_EDGE_MM, CREST_MM, HIP_MM = 185.0, 0.0, -174.0, -240.0, -410.0

# Of aorta, IVC above the kidneys, portal vein, hepatic veins, liver, spleen, kidney cortex, medulla,
# renal pelvis, pancreas (HU). Orders and sizes as in the clinical fact sheet, 5.3.
PHASES: dict[str, dict[str, float]] = {
    "native": {
        "aorta": 41, "cava": 40, "portal": 40, "hepatic": 40, "liver": 56, "spleen": 48,
        "cortex": 34, "medulla": 32, "pelvis": 5, "pancreas": 40,
    },
    "arterial_early": {
        "aorta": 340, "cava": 62, "portal": 50, "hepatic": 45, "liver": 58, "spleen": 84,
        "cortex": 130, "medulla": 45, "pelvis": 5, "pancreas": 68,
    },
    "arterial_late": {
        "aorta": 315, "cava": 95, "portal": 118, "hepatic": 58, "liver": 74, "spleen": 142,
        "cortex": 190, "medulla": 85, "pelvis": 5, "pancreas": 116,
    },
    "portal_venous": {
        "aorta": 155, "cava": 140, "portal": 168, "hepatic": 160, "liver": 112, "spleen": 122,
        "cortex": 190, "medulla": 160, "pelvis": 8, "pancreas": 92,
    },
    "delayed": {
        "aorta": 112, "cava": 110, "portal": 110, "hepatic": 109, "liver": 90, "spleen": 95,
        "cortex": 145, "medulla": 150, "pelvis": 420, "pancreas": 72,
    },
}  # fmt: skip


@dataclass(frozen=True)
class Body:
    """One patient. Lengths in mm, attenuations in HU; `hu` overrides single values of the phase."""

    phase: str = "portal_venous"
    seed: int = 1
    noise_hu: float = 12.0
    fat_mm: float = 18.0
    scale: float = 1.0
    steatosis_hu: float = 0.0
    arms: bool = False
    metal: bool = False
    tumour: bool = False
    ascites: bool = False
    oral_contrast: bool = False
    scoliosis_mm: float = 0.0
    hu: dict[str, float] = field(default_factory=dict)

    def attenuation(self, name: str) -> float:
        """HU of one enhancing tissue."""
        values = {**PHASES[self.phase], **self.hu}
        return values[name] - (self.steatosis_hu if name == "liver" else 0.0)


class _Painter:
    def __init__(self, body: Body, x: Plane, y: Plane, z: float) -> None:
        self.body, self.x, self.y, self.z = body, x, y, z
        self.hu = np.full(np.broadcast(x, y).shape, -1000.0, np.float32)

    def ball(self, centre: Point, radii: Point) -> NDArray[np.bool_]:
        w = (self.z - centre[2]) / radii[2]
        if abs(w) >= 1:
            return np.zeros(self.hu.shape, bool)
        u, v = (self.x - centre[0]) / radii[0], (self.y - centre[1]) / radii[1]
        return np.asarray(u * u + v * v < 1 - w * w)

    def tube(self, a: Point, b: Point, radius: float) -> NDArray[np.bool_]:
        if not min(a[2], b[2]) - radius < self.z < max(a[2], b[2]) + radius:
            return np.zeros(self.hu.shape, bool)
        along = np.subtract(b, a)
        dx, dy, dz = self.x - a[0], self.y - a[1], self.z - a[2]
        t = np.clip((dx * along[0] + dy * along[1] + dz * along[2]) / (along @ along), 0, 1)
        off = (dx - t * along[0]) ** 2 + (dy - t * along[1]) ** 2 + (dz - t * along[2]) ** 2
        return np.asarray(off < radius * radius)

    def oval(self, x: float, y: float, rx: float, ry: float) -> NDArray[np.bool_]:
        return np.asarray(((self.x - x) / rx) ** 2 + ((self.y - y) / ry) ** 2 < 1)

    def spine_at(self) -> tuple[float, float]:
        bend = self.body.scoliosis_mm * np.sin(self.z / 150.0)
        return float(bend), 58.0 - 14.0 * float(np.exp(-(((self.z + 220) / 110) ** 2)))


def _paint(p: _Painter) -> Plane:
    wide, deep = _outline(p)
    inner = p.oval(0, 0, wide - p.body.fat_mm - 15, deep - p.body.fat_mm - 14)
    p.hu[p.oval(0, 0, wide, deep)] = -100
    p.hu[p.oval(0, 0, wide - p.body.fat_mm, deep - p.body.fat_mm)] = 55
    if p.z < 60:
        p.hu[inner] = 8 if p.body.ascites and p.z < -8 else -95
    else:
        p.hu[inner] = -60
    diaphragm = _chest(p, inner)
    _muscles_and_bowel(p, inner)
    _liver(p, inner, diaphragm)
    _other_organs(p, inner)
    _vessels(p)
    if p.z > -285:
        _spine(p)
    _ribs_and_pelvis(p, wide - p.body.fat_mm, deep - p.body.fat_mm)
    _additions(p, wide, deep)
    return p.hu


def _outline(p: _Painter) -> tuple[float, float]:
    thick = p.body.fat_mm - 18
    wide = 165 + 15 * np.exp(-(((p.z + 380) / 90) ** 2)) - 50 * max(0.0, (p.z - 120) / 100) ** 2
    return float(wide + thick), float(112 + thick - 20 * max(0.0, (p.z - 120) / 100) ** 2)


def _chest(p: _Painter, inner: NDArray[np.bool_]) -> Plane:
    """Lungs and heart; the height of the diaphragm at each place."""
    right = DOME_MM + 4 - 95 * (((p.x + 72) / 105) ** 2 + ((p.y + 2) / 88) ** 2)
    left = DOME_MM - 8 - 95 * (((p.x - 72) / 105) ** 2 + ((p.y + 2) / 88) ** 2)
    diaphragm = np.maximum(np.where(p.x < 0, right, left), -105).astype(np.float32)
    narrowing = np.clip((APEX_MM - p.z) / 90, 0, 1) ** 0.5
    room = p.oval(0, 4, 128 * narrowing + 1e-3, 78 * narrowing + 1e-3) & (p.z < APEX_MM)
    lung = inner & room & (p.z > diaphragm) & (np.abs(p.x) > 26)
    p.hu[lung] = -850
    heart = p.ball((18, -28, 38), (58, 44, 46))
    p.hu[heart & inner & (p.z > diaphragm)] = 0.8 * p.body.attenuation("aorta") + 8
    if p.z > 60:
        p.hu[p.oval(0, -2, 8, 8)] = -990
    return diaphragm


def _muscles_and_bowel(p: _Painter, inner: NDArray[np.bool_]) -> None:
    for side in (-1, 1):
        p.hu[p.oval(side * 36, 88, 33, 20)] = 54
        p.hu[p.tube((side * 33, 42, -170), (side * 62, 6, -390), 17)] = 52
        if p.z < -300:
            p.hu[p.oval(side * 80, 62, 62, 34)] = 54
    random = np.random.default_rng(77)
    for number in range(46):
        place = random.uniform((-85, -72, -385), (90, 2, -185))
        size = random.uniform(12, 22)
        wall = p.ball(tuple(place), (size, size * 0.9, size)) & inner
        lumen = p.ball(tuple(place), (size - 3, size * 0.9 - 3, size - 3)) & inner
        full = 300.0 if p.body.oral_contrast and number % 2 else 22.0
        p.hu[wall] = 45
        p.hu[lumen] = -975 if number % 5 == 0 else full
    for x, top in ((-108, -205), (112, -160)):
        p.hu[p.tube((x, 12, top), (x, 14, -330), 22) & inner] = 40
        p.hu[p.tube((x, 10, top), (x, 12, -330), 18) & inner] = -975


def _liver(p: _Painter, inner: NDArray[np.bool_], diaphragm: Plane) -> None:
    shrink = 12 if p.body.ascites else 0
    whole = p.ball((-72, 2, -86), (88 - shrink, 84 - shrink, 88))
    whole |= p.ball((8, -52, -62), (78, 38, 42))
    whole |= p.ball((-12, 8, -70), (26, 18, 28))
    whole &= inner & (p.z < diaphragm - 4)
    p.hu[whole] = p.body.attenuation("liver")
    veins = np.zeros_like(whole)
    for far in ((-102, 22, -82), (-62, -52, -82), (2, -52, -62)):
        veins |= p.tube((-20, 18, -28), far, 4.6)
    p.hu[veins & whole] = p.body.attenuation("hepatic")
    tree = (
        ((-45, -4, -95), (-86, 6, -90), 6.0),
        ((-86, 6, -90), (-114, 32, -70), 4.0),
        ((-86, 6, -90), (-108, -30, -92), 4.0),
        ((-86, 6, -90), (-98, 24, -132), 4.0),
        ((-45, -4, -95), (-12, -34, -76), 5.2),
        ((-12, -34, -76), (4, -52, -66), 4.2),
    )
    portal = np.zeros_like(whole)
    for a, b, radius in tree:
        portal |= p.tube(a, b, radius)
    p.hu[portal & whole] = p.body.attenuation("portal")
    if p.body.tumour:
        p.hu[p.ball((-95, 0, -50), (34, 30, 30)) & whole] = 0.75 * p.body.attenuation("liver") + 30
        p.hu[p.ball((-95, 0, -50), (24, 21, 21)) & whole] = 35
    gallbladder = p.ball((-58, -48, -142), (17, 16, 26)) & inner
    p.hu[gallbladder] = 7


def _other_organs(p: _Painter, inner: NDArray[np.bool_]) -> None:
    body = p.body
    p.hu[p.ball((66, -36, -72), (50, 40, 46)) & inner] = 52
    p.hu[p.ball((66, -36, -72), (46, 36, 42)) & inner] = 280 if body.oral_contrast else 15
    p.hu[p.ball((66, -36, -72), (46, 36, 42)) & inner & (p.y < -48)] = -975
    p.hu[p.ball((112, 36, -84), (27, 44, 48)) & inner] = body.attenuation("spleen")
    for side, z in ((-1, -172), (1, -156)):
        x = side * 64
        p.hu[p.ball((x, 38, z), (37, 34, 62))] = -98
        p.hu[p.ball((x, 38, z), (28, 25, 52))] = body.attenuation("cortex")
        p.hu[p.ball((x, 38, z), (20, 17, 43))] = body.attenuation("medulla")
        p.hu[p.ball((x - side * 14, 36, z), (15, 10, 24))] = -95
        p.hu[p.ball((x - side * 14, 36, z), (9, 7, 17))] = body.attenuation("pelvis")
    parts = (
        ((-26, -4, -158), (-2, -16, -128), 12.0),
        ((-2, -16, -128), (36, -6, -120), 9.0),
        ((36, -6, -120), (82, 18, -106), 9.0),
    )
    for a, b, radius in parts:
        p.hu[p.tube(a, b, radius)] = body.attenuation("pancreas")


def _vessels(p: _Painter) -> None:
    aorta, portal = p.body.attenuation("aorta"), p.body.attenuation("portal")
    cava = p.body.attenuation("cava")
    bend = p.spine_at()[0] if p.body.scoliosis_mm else 0.0
    runs = (
        ((-14, -30, 50), (-12, -34, 110), 14.0, aorta),
        ((-12, -34, 110), (6, 2, 138), 13.0, aorta),
        ((6, 2, 138), (24, 44, 122), 12.5, aorta),
        ((24, 44, 122), (21, 40, 0), 12.0, aorta),
        ((21, 40, 0), (12 + bend, 18, -110), 11.0, aorta),
        ((12 + bend, 18, -110), (6 + bend, 14, -255), 9.5, aorta),
        ((6 + bend, 14, -255), (36, 22, -315), 6.0, aorta),
        ((6 + bend, 14, -255), (-34, 22, -315), 6.0, aorta),
        ((10, 12, -130), (4, -16, -205), 4.0, aorta),
        ((10, 14, -112), (-40, -8, -106), 2.6, aorta),
        ((-18, 24, -262), (-21, 20, -26), 11.0, cava),
        ((-21, 20, -26), (-16, 0, 10), 11.0, cava),
        ((-5, -18, -205), (-9, -9, -142), 5.0, portal),
        ((-9, -9, -142), (-45, -4, -95), 7.0, portal),
        ((-9, -9, -142), (84, 24, -112), 4.2, portal),
    )
    for a, b, radius, value in runs:
        p.hu[p.tube(a, b, radius)] = value


def _spine(p: _Painter) -> None:
    x, y = p.spine_at()
    disc = (p.z % 33) < 7
    p.hu[p.oval(x, y + 38, 22, 5)] = 420
    p.hu[p.oval(x, y + 46, 5, 20)] = 420
    p.hu[p.oval(x, y + 26, 15, 13)] = 480
    p.hu[p.oval(x, y, 22, 17)] = 90 if disc else 480
    p.hu[p.oval(x, y, 20, 15)] = 85 if disc else 165
    p.hu[p.oval(x, y + 25, 10, 8.5)] = 22


def _ribs_and_pelvis(p: _Painter, wide: float, deep: float) -> None:
    if p.z > -165:
        ring = p.oval(0, 0, wide - 4, deep - 4) & ~p.oval(0, 0, wide - 11, deep - 11)
        lowest = np.where(p.z < -90, p.y > 10, p.y > -80)
        rib = ring & (((p.z - 0.5 * p.y) % 31) < 10) & lowest & (np.abs(p.x) > 24)
        p.hu[rib] = 380
        if p.z > 20:
            p.hu[p.oval(0, -(deep - 9), 16, 5)] = 260
    if -385 < p.z < CREST_MM:
        shell = p.ball((0, 12, -320), (140, 96, 92)) & ~p.ball((0, 12, -320), (131, 88, 92))
        p.hu[shell & (np.abs(p.x) > 48) & (p.y > -35)] = 520
    p.hu[p.ball((0, 66, -322), (44, 26, 58))] = 240
    for side in (-1, 1):
        p.hu[p.ball((side * 92, 4, HIP_MM), (34, 32, 32))] = 420
        p.hu[p.ball((side * 94, 4, HIP_MM), (28, 27, 27))] = -20
        p.hu[p.ball((side * 94, 4, HIP_MM), (24, 24, 24))] = 300
        p.hu[p.tube((side * 105, 8, -425), (side * 135, 12, -520), 15)] = 600
        p.hu[p.tube((side * 60, -30, -420), (0, -52, -432), 9)] = 420


def _additions(p: _Painter, wide: float, deep: float) -> None:
    p.hu[p.oval(0, deep + 70, 240, 66) & ~p.oval(0, deep + 70, 236, 62)] = -500
    if p.body.arms:
        for side in (-1, 1):
            p.hu[p.oval(side * (wide + 40), 10, 36, 40)] = 50
            p.hu[p.oval(side * (wide + 40), 10, 12, 12)] = 900
    if p.body.metal and -230 < p.z < -150:
        x, y = p.spine_at()
        for side in (-1, 1):
            p.hu[p.oval(x + side * 15, y + 12, 3, 28)] = 3000
        streaks = np.cos(9 * np.arctan2(p.y - y, p.x - x)) * 90
        p.hu += streaks / (1 + np.hypot(p.x - x, p.y - y) / 25)


def slices(
    body: Body,
    top_mm: float = 60.0,
    bottom_mm: float = -290.0,
    thickness_mm: float = 5.0,
    rows: int = 192,
    field_mm: float | None = None,
) -> Iterator[Slice]:
    """Axial images of the body, lowest first, each the mean of three levels of its thickness."""
    field_mm = field_mm or (430.0 + 2 * (body.fat_mm - 18) + (130 if body.arms else 0))
    pixel = field_mm / rows
    axis = ((np.arange(rows) - (rows - 1) / 2) * pixel).astype(np.float32)
    x, y = axis[np.newaxis, :] / body.scale, axis[:, np.newaxis] / body.scale
    random = np.random.default_rng(body.seed)
    for z in np.arange(bottom_mm, top_mm, thickness_mm):
        parts = [
            _paint(_Painter(body, x, y, float(z + d * thickness_mm) / body.scale))
            for d in (-0.33, 0.0, 0.33)
        ]
        grain = random.normal(0, body.noise_hu, parts[0].shape).astype(np.float32)
        hu = np.rint(np.mean(parts, axis=0) + grain).astype(np.int16)
        yield Slice(
            hu, (float(axis[0]), float(axis[0]), float(z)), (1, 0, 0, 0, 1, 0), (pixel,) * 2
        )


def volume(body: Body, **how: Any) -> Volume:
    """The body as Margin reads it."""
    return volume_of(slices(body, **how))
