"""`margin resect`: a cut tried on a segmented liver, without a home or a database."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click
import numpy as np

from server.cli.home import complaints
from server.cli.volumes import headers_of
from server.dicom.geometry import SeriesGeometry, Vector, of_series
from server.foundation.errors import Invalid
from server.volumetry.frames import Segmentation, read, source_of
from server.volumetry.masks import Volume, check_geometry, on_grid
from server.volumetry.remnant import flr_percent
from server.volumetry.resection import by_plane, by_segments, by_surface, split
from server.volumetry.roles import assign
from server.volumetry.segmentation import check_spacing
from server.volumetry.written import as_segmentation

_COUINAUD = re.compile(r"\b(I{1,3}|IV[ab]?|VI{0,3})\b")


class NoLiver(Invalid):
    """The segmentation has no segment that is the liver."""


class Point(click.ParamType[Vector]):
    """A point in the patient, X,Y,Z in mm."""

    name = "X,Y,Z"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> Vector:
        try:
            x, y, z = (float(one) for one in value.split(","))
        except ValueError:
            self.fail(f"“{value}” is not a point; write X,Y,Z in mm, such as 12.5,-40,101")
        if not np.isfinite((x, y, z)).all():
            self.fail(f"“{value}” is not a point in the patient")
        return x, y, z


class Line(click.ParamType[tuple[Vector, ...]]):
    """Two or more points with blanks between them."""

    name = '"X,Y,Z X,Y,Z ..."'

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[Vector, ...]:
        return tuple(Point().convert(one, param, ctx) for one in value.split())


@click.command("resect")
@click.argument("seg", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--images",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    help="Folder of the images the segmentation was drawn on.",
)
@click.option("--plane", type=Point(), nargs=3, help="Cut along the plane through three points.")
@click.option(
    "--line", "lines", type=Line(), multiple=True, help="Cut along lines drawn on slices; repeat."
)
@click.option("--remove", help="Remove Couinaud segments, such as II,III (the SEG must hold them).")
@click.option("--remains", type=Point(), help="A point in the part that remains.")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the result as a SEG."
)
def resect(
    seg: Path,
    images: Path,
    plane: tuple[Vector, Vector, Vector] | None,
    lines: tuple[tuple[Vector, ...], ...],
    remove: str | None,
    remains: Vector | None,
    out: Path | None,
) -> None:
    """Print what would remain of the liver in SEG, what would be taken and the margin, as JSON."""
    if sum(map(bool, (plane, lines, remove))) != 1:
        raise click.UsageError("Give one kind of cut: --plane, --line or --remove.")
    if not remove and remains is None:
        raise click.UsageError("Say with --remains which side of the cut remains.")
    with complaints():
        data = seg.read_bytes()
        headers = headers_of(source_of(data).SeriesInstanceUID, images)
        segmentation, grid = read(data), of_series(headers)
        check_geometry(segmentation, grid)
        check_spacing(grid)
        liver, tumour, couinaud = _regions(segmentation, grid)
        if remove:
            remnant = by_segments(liver, couinaud, [one.strip() for one in remove.split(",")])
        elif plane:
            remnant = by_plane(liver, grid, plane, remains or (0.0, 0.0, 0.0))
        else:
            remnant = by_surface(liver, grid, lines, remains or (0.0, 0.0, 0.0))
        found = split(liver, remnant, grid, tumour)
        liver_ml = found.remnant_ml + found.specimen_ml
        tumour_ml = 0.0 if tumour is None else int((tumour & liver).sum()) * _voxel_ml(grid)
        printed = {
            "liver_ml": round(liver_ml, 3),
            "flr_ml": round(found.remnant_ml, 3),
            "specimen_ml": round(found.specimen_ml, 3),
            "tumour_ml": round(tumour_ml, 3),
            "tumour_left_ml": round(found.tumour_left_ml, 3),
            "flr_percent": round(flr_percent(found.remnant_ml, liver_ml, tumour_ml), 3),
            "margin_mm": None if found.margin_mm is None else round(found.margin_mm, 2),
            "margin_is": "shortest distance between voxel centres of tumour and remnant",
        }
        if out is not None:
            regions = {"Liver": liver, "FLR": found.remnant, "Specimen": found.specimen}
            if tumour is not None:
                regions["Tumour"] = tumour
            how = "plane" if plane else "surface through lines" if lines else f"without {remove}"
            written = as_segmentation(
                regions, grid, headers, description=f"Resection: {how}", method=f"Cut by {how}"
            )
            out.write_bytes(written)
    click.echo(json.dumps(printed, indent=2))


def _voxel_ml(grid: SeriesGeometry) -> float:
    return grid.voxel_volume_ml or 0.0


def _regions(
    segmentation: Segmentation, grid: SeriesGeometry
) -> tuple[Volume, Volume | None, dict[str, Volume]]:
    """Liver, tumour and Couinaud segments. Without a liver, its segments together are the liver."""
    roles = assign(segmentation.segments)
    named = {
        found[1]: segment.number
        for segment in segmentation.segments
        if (found := _COUINAUD.search(segment.label)) and "segment" in segment.label.lower()
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
    tumour: Volume | None = np.bitwise_or.reduce(tumours) if tumours else None
    liver: Volume = np.bitwise_or.reduce(whole)
    return liver, tumour, couinaud
