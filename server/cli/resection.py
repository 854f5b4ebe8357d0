"""`margin resect`: a cut tried on a segmented liver, without a home or a database."""

from __future__ import annotations

import json
from pathlib import Path

import click
import numpy as np

from server.cli.home import complaints
from server.cli.volumes import headers_of
from server.dicom.geometry import Vector
from server.volumetry.cut import Cut
from server.volumetry.frames import source_of
from server.volumetry.trial import try_cut


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
        headers = headers_of(source_of(data), images)
        found = try_cut(data, headers, _cut(plane, lines, remove, remains))
        if out is not None:
            out.write_bytes(found.seg)
    click.echo(json.dumps(found.to_json(), indent=2, ensure_ascii=False))


def _cut(
    plane: tuple[Vector, ...] | None,
    lines: tuple[tuple[Vector, ...], ...],
    remove: str | None,
    remains: Vector | None,
) -> Cut:
    if remove:
        return Cut("segments", remove=tuple(one.strip() for one in remove.split(",")))
    stays = remains or (0.0, 0.0, 0.0)
    if plane:
        return Cut("plane", points_mm=plane, remains_mm=stays)
    return Cut("surface", lines_mm=lines, remains_mm=stays)
