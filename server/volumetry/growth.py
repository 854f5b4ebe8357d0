"""The figures by which a region is grown from a click."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Organ = Literal["liver", "tumour"]


@dataclass(frozen=True)
class Growth:
    """How a kind of region is grown. Lengths in mm, attenuations in HU, volumes in mL.

    `seed_mm` is the radius around the click in which its tissue is sampled, `reach_mm` how far from
    it the region can go; `cut_mm` are the radii of the opening, tried in this order; `widths` the
    windows to try from narrow to wide (of a liver the half widths in HU, of a tumour what part of
    its contrast may be missing); `most_jump` is the growth from a steady region to the next one
    that counts as a leak. `takes_widest`: of steady regions the largest, because a rim belongs to
    the tumour; otherwise the one that changes least.
    """

    voxel_mm: float
    iterations: int
    seed_mm: float
    reach_mm: float
    cut_mm: tuple[float, ...]
    closing_mm: float
    widths: tuple[float, ...]
    most_jump: float
    least_ml: float
    most_ml: float
    takes_widest: bool


# Soft tissue with or without contrast; fat and lung lie below, bone and the aorta above [UNPUB].
SOFT_TISSUE_HU: Final = (0.0, 260.0)
# Chosen on the synthetic phantom [UNPUB].
GROWTHS: Final[dict[Organ, Growth]] = {
    "liver": Growth(
        voxel_mm=1.5,
        iterations=16,
        seed_mm=7.0,
        reach_mm=260.0,
        cut_mm=(4.0, 7.0),
        closing_mm=6.0,
        widths=(11.0, 14.0, 17.0, 21.0, 26.0, 32.0, 39.0),
        most_jump=1.5,
        least_ml=5.0,
        most_ml=6000.0,
        takes_widest=False,
    ),
    "tumour": Growth(
        voxel_mm=1.0,
        iterations=12,
        seed_mm=3.0,
        reach_mm=90.0,
        cut_mm=(1.5, 3.0),
        closing_mm=3.0,
        widths=(0.6, 0.5, 0.4, 0.3, 0.2),
        most_jump=1.6,
        least_ml=0.05,
        most_ml=2500.0,
        takes_widest=True,
    ),
}
