"""A resection tried on a segmented liver, from a DICOM Segmentation to a DICOM Segmentation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import chain
from typing import Any, Final

import numpy as np
from pydicom.dataset import Dataset

from server.dicom.geometry import SeriesGeometry, of_series
from server.foundation.errors import Invalid
from server.volumetry.cut import Cut
from server.volumetry.frames import Segmentation, read
from server.volumetry.masks import Volume, fitted, on_grid
from server.volumetry.new_uids import NewUids
from server.volumetry.overlaps import is_painted_over
from server.volumetry.remnant import flr_percent
from server.volumetry.resection import (
    Split,
    by_plane,
    by_segments,
    by_surface,
    reaching_under,
    split,
)
from server.volumetry.roles import assign, couinaud_name
from server.volumetry.segmentation import check_spacing, geometry_notes
from server.volumetry.written import as_segmentation

Tell = Callable[[str, int], None]
"""Told what is being done and how much of everything is done, in percent."""

MARGIN_IS: Final = "shortest distance between voxel centres of tumour and remnant"


class NoLiver(Invalid):
    """The segmentation has no segment that is the liver."""


@dataclass(frozen=True)
class Trial:
    """A cut that was tried: its Segmentation as a Part 10 file and what it comes to. Volumes in mL;
    `margin_mm` is None without a tumour. `notes` are sentences on the images' geometry."""

    seg: bytes
    cut: Cut
    liver_ml: float
    tumour_ml: float
    split: Split
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As `margin resect` prints it."""
        margin = self.split.margin_mm
        share = flr_percent(self.split.remnant_ml, self.liver_ml, self.tumour_ml)
        return {
            "liver_ml": round(self.liver_ml, 3),
            "flr_ml": round(self.split.remnant_ml, 3),
            "specimen_ml": round(self.split.specimen_ml, 3),
            "tumour_ml": round(self.tumour_ml, 3),
            "tumour_left_ml": round(self.split.tumour_left_ml, 3),
            "flr_percent": round(share, 3),
            "margin_mm": None if margin is None else round(margin, 2),
            "margin_is": MARGIN_IS,
            "notes": list(self.notes),
        }


def try_cut(
    seg: bytes,
    headers: Sequence[Dataset],
    cut: Cut,
    *,
    uids: NewUids | None = None,
    tell: Tell = lambda _what, _percent: None,
) -> Trial:
    """Cut the liver of a Segmentation; `headers` are all images that it was drawn on, any order.

    Without a segment that is the liver, its Couinaud segments together are the liver. Tumour and FLR
    that share no voxel with it and border on it were painted over it and belong to it. `uids` are
    those of the Segmentation that comes out. Raises NoLiver, CutUndefined, and what `measure` raises
    of a Segmentation that cannot be used.
    """
    tell("Reading the segmentation", 5)
    segmentation, grid = read(seg), of_series(headers)
    segmentation = fitted(segmentation, grid, str(headers[0].get("SeriesInstanceUID", "")))
    check_spacing(grid)
    drawn = _regions(segmentation, grid)
    liver, tumour = drawn.liver, drawn.tumour
    tell("Cutting the liver", 35)
    remnant = _remnant(cut, drawn, grid)
    tell("Measuring the margin", 55)
    found = split(liver, remnant, grid, tumour)
    tell("Writing the result", 75)
    written = _written(cut, drawn, found, grid, headers, uids)
    voxel_ml = grid.voxel_volume_ml or 0.0
    return Trial(
        seg=written,
        cut=cut,
        liver_ml=found.remnant_ml + found.specimen_ml,
        tumour_ml=0.0 if tumour is None else int(np.count_nonzero(tumour & liver)) * voxel_ml,
        split=found,
        notes=(*geometry_notes(segmentation, grid), *drawn.notes),
    )


def _written(
    cut: Cut,
    drawn: _Regions,
    found: Split,
    grid: SeriesGeometry,
    headers: Sequence[Dataset],
    uids: NewUids | None,
) -> bytes:
    regions = {"Liver": drawn.liver, "FLR": found.remnant, "Specimen": found.specimen}
    if drawn.tumour is not None:
        regions["Tumour"] = drawn.tumour
    how = cut.in_words()
    return as_segmentation(
        regions, grid, headers, description=f"Resection: {how}", method=f"Cut by {how}", uids=uids
    )


def _remnant(cut: Cut, regions: _Regions, grid: SeriesGeometry) -> Volume:
    if cut.kind == "segments":
        return by_segments(regions.liver, regions.couinaud, cut.remove)
    if cut.kind == "plane":
        return by_plane(regions.liver, grid, cut.points_mm, cut.remains_mm)
    return by_surface(regions.liver, grid, cut.lines_mm, cut.remains_mm)


@dataclass(frozen=True)
class _Regions:
    """What a Segmentation shows for a cut. `notes` say what was added to the liver."""

    liver: Volume
    tumour: Volume | None
    couinaud: dict[str, Volume]
    notes: tuple[str, ...] = ()


def _regions(segmentation: Segmentation, grid: SeriesGeometry) -> _Regions:
    """Liver, tumour and Couinaud segments; what was painted over the liver belongs to it."""
    roles = assign(segmentation.segments)
    named = {
        name: segment.number
        for segment in segmentation.segments
        if (name := couinaud_name(segment.label))
    }
    members = {role: [one.number for one in segments] for role, segments in roles.items()}
    drawn = on_grid(segmentation, grid, [*chain(*members.values()), *named.values()])
    couinaud = {name: drawn[number] for name, number in named.items()}
    whole = [drawn[number] for number in members.get("liver", [])] or list(couinaud.values())
    if not whole:
        raise NoLiver(
            "No segment is named liver, and none is a Couinaud segment.",
            remedy="Name the segments “liver” and “tumour”, or “liver segment II” and so on.",
        )
    liver: Volume = reduce(np.bitwise_or, whole)
    if not liver.any():
        raise NoLiver(
            "The liver's segment is empty.", remedy="Draw the liver, or choose another one."
        )
    tumours = [drawn[number] for number in members.get("tumour", [])]
    tumour: Volume | None = reduce(np.bitwise_or, tumours) if tumours else None
    found = _Regions(liver, tumour if tumour is not None and tumour.any() else None, couinaud)
    return _with_painted_over(
        found, [*(drawn[number] for number in members.get("flr", [])), *tumours], grid
    )


def _with_painted_over(found: _Regions, parts: Sequence[Volume], grid: SeriesGeometry) -> _Regions:
    """The regions with a liver, and Couinaud segments, that reach under what was painted over them.

    Else a tumour that stays would not be seen to stay: no voxel of the remnant would be tumour.
    """
    liver = found.liver
    for part in parts:
        if is_painted_over(part, liver):
            liver = liver | part
    if liver is found.liver:
        return found
    added = liver ^ found.liver
    added_ml = int(np.count_nonzero(added)) * (grid.voxel_volume_ml or 0.0)
    note = (
        f"{added_ml:.1f} mL of tumour or FLR border on the liver without overlapping it, as if "
        "painted over it. They were taken as part of the liver."
    )
    couinaud = reaching_under(found.couinaud, added, grid) if found.couinaud else {}
    return _Regions(liver, found.tumour, couinaud, (note,))
