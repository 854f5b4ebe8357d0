"""The torso of `bodies` in the contrasts of MR: the same shapes, another signal for each tissue.

What CT paints in attenuations is painted in labels here and then given a signal, with the noise of
magnitude images and a bright rim and a fall-off to the ends as surface coils make them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from server.imaging.read_volume import Slice, Volume, volume_of_signal
from tests.imaging.bodies import LIVER_EDGE_MM, Body, _paint, _Painter

# Labels far above any attenuation that `bodies` paints by itself.
_LABELS: dict[str, float] = {
    "liver": 2000, "spleen": 2010, "cortex": 2020, "medulla": 2030, "pelvis": 2040,
    "pancreas": 2050, "aorta": 2100, "cava": 2110, "portal": 2120, "hepatic": 2130,
}  # fmt: skip
_HEART = 0.8 * _LABELS["aorta"] + 8
# Signals in arbitrary units, orders as in textbooks [GK]. `fat` is what is left of it after its
# suppression, `blood` that of all vessels and of the heart.
SEQUENCES: dict[str, dict[str, float]] = {
    "t1_fs": {"liver": 400, "spleen": 260, "cortex": 330, "medulla": 240, "muscle": 300, "fat": 90,
              "fluid": 110, "blood": 180, "pancreas": 420, "marrow": 150},
    "t1_fs_arterial": {"liver": 470, "spleen": 760, "cortex": 1000, "medulla": 450, "muscle": 330,
                       "fat": 90, "fluid": 110, "blood": 1100, "pancreas": 720, "marrow": 180},
    "t1_fs_portal": {"liver": 700, "spleen": 680, "cortex": 950, "medulla": 850, "muscle": 420,
                     "fat": 90, "fluid": 110, "blood": 900, "pancreas": 600, "marrow": 250},
    "t1_fs_hepatobiliary": {"liver": 1000, "spleen": 420, "cortex": 560, "medulla": 520,
                            "muscle": 380, "fat": 100, "fluid": 120, "blood": 330, "pancreas": 450,
                            "marrow": 200},
    "t1_in": {"liver": 420, "spleen": 300, "cortex": 350, "medulla": 260, "muscle": 330, "fat": 900,
              "fluid": 110, "blood": 180, "pancreas": 430, "marrow": 600},
    "t1_opposed_steatosis": {"liver": 150, "spleen": 300, "cortex": 350, "medulla": 260,
                             "muscle": 330, "fat": 520, "fluid": 110, "blood": 180, "pancreas": 380,
                             "marrow": 250},
    "t2": {"liver": 200, "spleen": 420, "cortex": 480, "medulla": 520, "muscle": 110, "fat": 700,
           "fluid": 1200, "blood": 40, "pancreas": 280, "marrow": 350},
    "t2_fs": {"liver": 200, "spleen": 450, "cortex": 520, "medulla": 560, "muscle": 110, "fat": 110,
              "fluid": 1200, "blood": 40, "pancreas": 300, "marrow": 90},
    "t2_iron": {"liver": 22, "spleen": 120, "cortex": 480, "medulla": 520, "muscle": 110,
                "fat": 110, "fluid": 1200, "blood": 40, "pancreas": 300, "marrow": 60},
}  # fmt: skip


@dataclass(frozen=True)
class MrBody:
    """One patient in one sequence. `signal` overrides single tissues; `noise` and `rim` are shares of
    the liver's signal and of all signal, `falloff` what is left at the ends of the stack, `sideways`
    by how much the right is brighter than the left. `chest` is what fills the right side of the chest
    in place of the lung: "", "effusion" or "collapsed" (solid, as bright as the liver).
    """

    sequence: str = "t1_fs_portal"
    body: Body = field(default_factory=Body)
    signal: dict[str, float] = field(default_factory=dict)
    noise: float = 0.06
    rim: float = 0.8
    falloff: float = 0.75
    sideways: float = 0.15
    chest: str = ""

    def tissue(self, name: str) -> float:
        """The signal of one tissue."""
        return {**SEQUENCES[self.sequence], **self.signal}[name]


def _signal(one: MrBody, label: NDArray[np.float32]) -> NDArray[np.float32]:
    found = np.full(label.shape, one.tissue("muscle"), np.float32)
    found[label < -700] = 0.02 * one.tissue("liver")
    found[(label > -130) & (label < -40)] = one.tissue("fat")
    found[(label > 0) & (label < 35)] = one.tissue("fluid")
    found[(label > 60) & (label < 400)] = one.tissue("marrow")
    found[(label >= 400) & (label < 1500)] = 0.08 * one.tissue("muscle")
    for name, value in _LABELS.items():
        tissue = "blood" if value >= _LABELS["aorta"] else "fluid" if name == "pelvis" else name
        found[np.abs(label - value) < 1] = one.tissue(tissue)
    found[np.abs(label - _HEART) < 1] = one.tissue("blood")
    return found


def _painted(one: MrBody, x: Any, y: Any, z: float) -> tuple[NDArray[np.float32], float]:
    """The signal of one level, and how many of its pixels are liver right of the spine."""
    painter = _Painter(replace(one.body, hu=dict(_LABELS)), x, y, z)
    label = _paint(painter)
    signal = _signal(one, label)
    if one.chest:
        filled = (label < -700) & (painter.x < -10) & painter.oval(-60, 4, 75, 82) & (z > -105)
        signal[filled & (z < 160)] = one.tissue("fluid" if one.chest == "effusion" else "liver")
    liver = sum(np.abs(label - _LABELS[name]) < 1 for name in ("liver", "portal", "hepatic"))
    return signal, float((liver.astype(bool) & (painter.x < -12)).sum())


def slices(
    one: MrBody,
    top_mm: float = 30.0,
    bottom_mm: float = -215.0,
    thickness_mm: float = 5.0,
    rows: int = 160,
) -> Iterator[Slice]:
    """Axial images, lowest first."""
    field_mm = 430.0 + 2 * (one.body.fat_mm - 18)
    pixel = field_mm / rows
    axis = ((np.arange(rows) - (rows - 1) / 2) * pixel).astype(np.float32)
    x, y = axis[np.newaxis, :] / one.body.scale, axis[:, np.newaxis] / one.body.scale
    random = np.random.default_rng(one.body.seed)
    middle, half = (top_mm + bottom_mm) / 2, (top_mm - bottom_mm) / 2
    sigma = one.noise * one.tissue("liver")
    outside = np.hypot(x / 165.0, y / 112.0)
    coil = (1 + one.rim * np.clip(outside - 0.4, 0, 1) ** 2) * (1 - one.sideways * x / 165.0)
    for z in np.arange(bottom_mm, top_mm, thickness_mm):
        parts = [
            _painted(one, x, y, float(z + d * thickness_mm) / one.body.scale)[0]
            for d in (-0.33, 0.0, 0.33)
        ]
        along = 1 - (1 - one.falloff) * abs((z - middle) / half) ** 2
        clean = np.mean(parts, axis=0) * coil * along
        noisy = np.hypot(
            clean + random.normal(0, sigma, clean.shape), random.normal(0, sigma, clean.shape)
        )
        yield Slice(
            noisy.astype(np.float32), (float(axis[0]), float(axis[0]), float(z)),
            (1, 0, 0, 0, 1, 0), (pixel,) * 2,
        )  # fmt: skip


def volume(one: MrBody, **how: Any) -> Volume:
    """The body as Margin reads it."""
    return volume_of_signal(slices(one, **how))


def cut_share(one: MrBody, at_mm: float) -> float:
    """The liver's area right of the spine at a height, as a share of its largest: by the making."""
    axis = (np.arange(108) * 4.0 - 214.0).astype(np.float32)
    x, y, scale = axis[np.newaxis, :], axis[:, np.newaxis], one.body.scale
    heights = np.arange(0, LIVER_EDGE_MM, -6.0)
    areas = [_painted(one, x, y, float(z))[1] for z in heights]
    return _painted(one, x, y, at_mm / scale)[1] / max(areas)
