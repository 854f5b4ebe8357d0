"""A resection tried on a segmented liver, from a DICOM Segmentation to a DICOM Segmentation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Final

import numpy as np
from pydicom.dataset import Dataset

from server.dicom.geometry import SeriesGeometry, of_series
from server.foundation.errors import Invalid
from server.volumetry.cut import Cut
from server.volumetry.frames import Segmentation, read
from server.volumetry.masks import Volume, fitted, on_grid
from server.volumetry.new_uids import NewUids
from server.volumetry.remnant import flr_percent
from server.volumetry.resection import Split, by_plane, by_segments, by_surface, split
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

    Without a segment that is the liver, its Couinaud segments together are the liver. `uids` are
    those of the Segmentation that comes out. Raises NoLiver, CutUndefined, and what `measure`
    raises of a Segmentation that cannot be used.
    """
    tell("Reading the segmentation", 5)
    segmentation, grid = read(seg), of_series(headers)
    segmentation = fitted(segmentation, grid, str(headers[0].get("SeriesInstanceUID", "")))
    check_spacing(grid)
    liver, tumour, couinaud = _regions(segmentation, grid)
    tell("Cutting the liver", 35)
    remnant = _remnant(cut, liver, couinaud, grid)
    tell("Measuring the margin", 55)
    found = split(liver, remnant, grid, tumour)
    tell("Writing the result", 75)
    regions = {"Liver": liver, "FLR": found.remnant, "Specimen": found.specimen}
    if tumour is not None:
        regions["Tumour"] = tumour
    how = cut.in_words()
    written = as_segmentation(
        regions,
        grid,
        headers,
        description=f"Resection: {how}",
        method=f"Cut by {how}",
        uids=uids,
    )
    voxel_ml = grid.voxel_volume_ml or 0.0
    return Trial(
        seg=written,
        cut=cut,
        liver_ml=found.remnant_ml + found.specimen_ml,
        tumour_ml=0.0 if tumour is None else int(np.count_nonzero(tumour & liver)) * voxel_ml,
        split=found,
        notes=geometry_notes(segmentation, grid),
    )


def _remnant(
    cut: Cut, liver: Volume, couinaud: Mapping[str, Volume], grid: SeriesGeometry
) -> Volume:
    if cut.kind == "segments":
        return by_segments(liver, couinaud, cut.remove)
    if cut.kind == "plane":
        return by_plane(liver, grid, cut.points_mm, cut.remains_mm)
    return by_surface(liver, grid, cut.lines_mm, cut.remains_mm)


def _regions(
    segmentation: Segmentation, grid: SeriesGeometry
) -> tuple[Volume, Volume | None, dict[str, Volume]]:
    """Liver, tumour and Couinaud segments."""
    roles = assign(segmentation.segments)
    named = {
        name: segment.number
        for segment in segmentation.segments
        if (name := couinaud_name(segment.label))
    }
    members = {role: [one.number for one in segments] for role, segments in roles.items()}
    wanted = [*members.get("liver", []), *members.get("tumour", []), *named.values()]
    drawn = on_grid(segmentation, grid, wanted)
    couinaud = {name: drawn[number] for name, number in named.items()}
    whole = [drawn[number] for number in members.get("liver", [])] or list(couinaud.values())
    if not whole:
        raise NoLiver(
            "No segment is named liver, and none is a Couinaud segment.",
            remedy="Name the segments “liver” and “tumour”, or “liver segment II” and so on.",
        )
    tumours = [drawn[number] for number in members.get("tumour", [])]
    tumour: Volume | None = reduce(np.bitwise_or, tumours) if tumours else None
    liver: Volume = reduce(np.bitwise_or, whole)
    if not liver.any():
        raise NoLiver(
            "The liver's segment is empty.", remedy="Draw the liver, or choose another one."
        )
    return liver, tumour if tumour is not None and tumour.any() else None, couinaud
