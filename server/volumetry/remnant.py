"""What would remain: volumes of liver, remnant and tumour, and the remnant's share. Pure
arithmetic.

FLR % = 100 x FLR / (TLV - TV) (clinical fact sheet 2.3, source S39: Vauthey and others). TV is the
tumour inside the liver: what is drawn outside of it is not part of TLV and is not subtracted from
it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from server.foundation.errors import Invalid

# Default uncertainty bands, clinical fact sheet 2.7: an engineering proposal without a publication.
LIVER_UNCERTAINTY_PERCENT: Final = 5.0
FLR_UNCERTAINTY_PERCENT: Final = 10.0
UNCERTAINTY_TRUST: Final = "UNPUB"

DENOMINATOR: Final = "measured TLV - tumour"
# How much of a remnant may be drawn over the liver's edge before it is refused [UNPUB].
_EDGE_PERCENT: Final = 1.0


PAINTED_OVER: Final = (
    "The segments do not overlap, as if each was painted over the liver. The liver was measured as "
    "liver, FLR and tumour together."
)
TUMOUR_PAINTED_OVER: Final = (
    "The tumour borders on the liver without overlapping it, as if painted over it. The liver was "
    "measured as liver and tumour together."
)


class RemnantOutsideLiver(Invalid):
    """The remnant is not a part of the liver it was drawn with."""


class LiverWithoutTissue(Invalid):
    """Nothing of the liver is left once the tumour is subtracted."""


@dataclass(frozen=True)
class Volumes:
    """Volumes in mL; None where there was no such segment.

    `flr_outside_liver_ml` and `tumour_in_liver_ml` are overlaps of the drawn regions;
    `tumour_in_flr_ml` is tumour the remnant would keep. `painted_over` says that no two regions
    overlapped, as drawn in a viewer where each stroke replaces what was there, so that the liver is
    all of them together; `tumour_painted_over` the same of the tumour alone.
    """

    liver_ml: float | None
    flr_ml: float | None
    tumour_ml: float | None
    flr_outside_liver_ml: float = 0.0
    tumour_in_liver_ml: float = 0.0
    tumour_in_flr_ml: float = 0.0
    painted_over: bool = False
    tumour_painted_over: bool = False

    @property
    def subtracted_ml(self) -> float | None:
        """TV of FLR % = 100 x FLR / (TLV - TV): the tumour inside the liver; all of it where no liver
        was drawn."""
        if self.tumour_ml is None or self.liver_ml is None:
            return self.tumour_ml
        return self.tumour_in_liver_ml


@dataclass(frozen=True)
class RemnantMeasurement:
    """A measured segmentation. Volumes in mL, percents in percent; None where a segment is missing.
    `subtracted_ml` is the tumour that the liver was measured with (`Volumes.subtracted_ml`).

    `missing` names the segments that were not there, `notes` what a reader has to know about the
    geometry, both as sentences or words for people. `method` says how volumes were made, `couinaud`
    which Couinaud segments are drawn. `is_outlined`: outlines were filled, so that there are no voxels
    to be cut.
    """

    label: str
    series_description: str
    SeriesInstanceUID: str
    SOPInstanceUID: str
    liver_ml: float | None
    flr_ml: float | None
    tumour_ml: float | None
    flr_percent: float | None
    missing: tuple[str, ...]
    notes: tuple[str, ...]
    method: str
    voxel_mm: tuple[float, float, float]
    phase: str = ""
    subtracted_ml: float | None = None
    couinaud: tuple[str, ...] = ()
    is_outlined: bool = False

    @property
    def flr_percent_range(self) -> tuple[float, float] | None:
        """The band of the remnant's uncertainty around its share, in percent [UNPUB]."""
        if self.flr_percent is None:
            return None
        part = self.flr_percent * FLR_UNCERTAINTY_PERCENT / 100.0
        return self.flr_percent - part, self.flr_percent + part

    def to_json(self) -> dict[str, object]:
        """The measurement as the viewer's panel reads it; the caller adds `id` and `state`."""
        band = self.flr_percent_range
        return {
            "label": self.label,
            "series_description": self.series_description,
            "phase": self.phase,
            "SeriesInstanceUID": self.SeriesInstanceUID,
            "SOPInstanceUID": self.SOPInstanceUID,
            "liver_ml": _rounded(self.liver_ml, 2),
            "flr_ml": _rounded(self.flr_ml, 2),
            "tumour_ml": _rounded(self.tumour_ml, 2),
            "subtracted_ml": _rounded(self.subtracted_ml, 2),
            "flr_percent": _rounded(self.flr_percent, 2),
            "flr_percent_range": None if band is None else [round(band[0], 2), round(band[1], 2)],
            "denominator": DENOMINATOR,
            "uncertainty_percent": FLR_UNCERTAINTY_PERCENT,
            "liver_uncertainty_percent": LIVER_UNCERTAINTY_PERCENT,
            "uncertainty_trust": UNCERTAINTY_TRUST,
            "missing": list(self.missing),
            "notes": list(self.notes),
            "couinaud": list(self.couinaud),
            "outlined": self.is_outlined,
            "method": self.method,
            "voxel_mm": [round(value, 6) for value in self.voxel_mm],
        }


def flr_percent(flr_ml: float, liver_ml: float, tumour_ml: float = 0.0) -> float:
    """100 x FLR / (liver - tumour), volumes in mL, the tumour being the part inside the liver.

    Raises LiverWithoutTissue when the tumour leaves nothing, RemnantOutsideLiver when the remnant
    is larger than the liver.
    """
    if flr_ml > liver_ml:
        raise RemnantOutsideLiver(
            f"The FLR ({flr_ml:.1f} mL) is larger than the liver ({liver_ml:.1f} mL).",
            remedy="Check which segment is which: the FLR is the part of the liver that remains.",
        )
    tissue_ml = liver_ml - tumour_ml
    if tissue_ml <= 0:
        raise LiverWithoutTissue(
            f"The tumour ({tumour_ml:.1f} mL) leaves nothing of the liver ({liver_ml:.1f} mL).",
            remedy="Check which segment is which.",
        )
    return 100.0 * flr_ml / tissue_ml


def share(volumes: Volumes) -> float | None:
    """The remnant's share in percent, None when liver or FLR is missing.

    Raises RemnantOutsideLiver when more than 1 % of the remnant lies outside the liver.
    """
    if volumes.liver_ml is None or volumes.flr_ml is None:
        return None
    percent = flr_percent(volumes.flr_ml, volumes.liver_ml, volumes.tumour_in_liver_ml)
    if volumes.flr_outside_liver_ml > _EDGE_PERCENT / 100.0 * volumes.flr_ml:
        raise RemnantOutsideLiver(
            f"{volumes.flr_outside_liver_ml:.1f} mL of the FLR ({volumes.flr_ml:.1f} mL) lie "
            f"outside the liver ({volumes.liver_ml:.1f} mL).",
            remedy="Draw the FLR inside the liver segment.",
        )
    return percent


def remarks(volumes: Volumes) -> tuple[str, ...]:
    """What a reader has to know about how the drawn regions lie to each other."""
    notes = []
    if volumes.painted_over:
        notes.append(PAINTED_OVER)
    if volumes.tumour_painted_over:
        notes.append(TUMOUR_PAINTED_OVER)
    if (
        volumes.flr_ml is not None
        and volumes.liver_ml is not None
        and volumes.flr_outside_liver_ml > 0
    ):
        notes.append(
            f"{volumes.flr_outside_liver_ml:.2f} mL of the FLR lie outside the liver's edge."
        )
    if volumes.tumour_in_flr_ml > 0:
        notes.append(f"{volumes.tumour_in_flr_ml:.1f} mL of tumour lie inside the FLR.")
    if volumes.tumour_ml is not None and volumes.liver_ml is not None:
        outside_ml = volumes.tumour_ml - volumes.tumour_in_liver_ml
        if outside_ml > 0.005:
            notes.append(
                f"{outside_ml:.1f} mL of the tumour lie outside the liver segment and were not "
                "subtracted from it."
            )
    return tuple(notes)


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
